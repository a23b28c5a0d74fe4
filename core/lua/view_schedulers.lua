--- A page of the job schedulers, by the time of their next run (protocol part 2, section 2.9). Those without a definition are
--- forgotten, but for repeatable jobs of old.
---
--- ARGV: first position, last position (negative from the end), "1" for the next due first, how many at most.
--- Reply: {{{id, slot, flat definition}, ...}, ids of repeatable jobs of old, next first position or -1, last position}.

--- @include arguments

local first, last = whole(ARGV[1], "start"), whole(ARGV[2], "end")
local count = call("ZCARD", base .. key.repeat)
first = first < 0 and math.max(0, count + first) or first
last = math.min(last < 0 and count + last or last, count - 1)
local page_end = math.min(last, first + whole(ARGV[4], "most") - 1)

--- name:id:end date:zone:cron pattern or interval, as Bull and BullMQ before 5 wrote it.
local function is_legacy(id)
  local end_date, rest = string.match(id, "^[^:]*:[^:]*:([^:]*):[^:]*:(.+)$")
  return rest and string.match(end_date, "^%d*$") and (string.find(rest, " ", 1, true) or string.match(rest, "^%d+$")) and true or false
end

local found, legacy, dropped = {}, {}, 0
if first <= page_end then
  local entries = call(ARGV[3] == "1" and "ZRANGE" or "ZREVRANGE", base .. key.repeat, first, page_end, "WITHSCORES")
  for position = 1, #entries, 2 do
    local id = entries[position]
    local definition = redis.pcall("HGETALL", base .. key.repeat .. ":" .. id)
    if not definition.err and #definition > 0 then
      found[#found + 1] = {id, entries[position + 1], definition}
    elseif is_legacy(id) then
      legacy[#legacy + 1] = id
    elseif not definition.err then
      call("ZREM", base .. key.repeat, id)
      dropped = dropped + 1
    end
  end
end
local more = page_end < last
return {found, legacy, more and page_end + 1 - dropped or -1, last - dropped}
