--- Ids of waiting jobs by position; what a paused 5.x queue left in its `paused` list counts as the end that runs first (protocol
--- part 1, sections 8.1 and 8.7). Writes nothing.
---
--- ARGV: first and last position, from 0; "1" when position 0 is the next to run, else it is the newest.
--- Reply: the ids.

--- @include arguments

local first, last = whole(ARGV[1], "first"), whole(ARGV[2], "last")

--- Positions first..last of two lists after each other. A range that begins behind the end of a list is empty.
local function read(key_one, key_two, range)
  local ids, length = range(key_one, first, last), call("LLEN", key_one)
  if first + #ids <= last then
    for _, id in ipairs(range(key_two, math.max(0, first - length), last - length)) do
      ids[#ids + 1] = id
    end
  end
  return ids
end

local function from_left(list, from, to)
  return call("LRANGE", list, from, to)
end

local function from_right(list, from, to)
  local ids, turned = call("LRANGE", list, -(to + 1), -(from + 1)), {}
  for position = #ids, 1, -1 do
    turned[#turned + 1] = ids[position]
  end
  return turned
end

if ARGV[3] == "1" then
  return read(base .. key.paused, base .. key.wait, from_right)
end
return read(base .. key.wait, base .. key.paused, from_left)
