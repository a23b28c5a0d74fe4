--- Members of a set, a hash or a sorted set by position (protocol part 2, section 1.9). The order is that of SCAN: none, and it
--- changes with the collection.

local SCANS = {set = "SSCAN", hash = "HSCAN"}

local function sorted_members(name, first, last)
  local found = {}
  for position, member in ipairs(call("ZRANGE", name, first, last)) do
    found[position] = {member}
  end
  return found
end

--- {{member, value or nil}, ...} from position `first` to `last`, both from 0; a negative `last` means all. Reads no further than it must.
local function members(name, first, last)
  local kind = call("TYPE", name)["ok"]
  if kind == "zset" then
    return sorted_members(name, first, last)
  end
  local found, position, cursor, met = {}, 0, "0", {}
  local width = kind == "hash" and 2 or 1
  while SCANS[kind] and (last < 0 or position <= last) do
    local page = call(SCANS[kind], name, cursor, "COUNT", 100)
    cursor = tostring(page[1])
    for index = 1, #page[2], width do
      local member = page[2][index]
      -- SCAN may give a member twice.
      if not met[member] and (last < 0 or position <= last) then
        met[member] = true
        if position >= first then
          found[#found + 1] = {member, width == 2 and page[2][index + 1] or nil}
        end
        position = position + 1
      end
    end
    if cursor == "0" then
      break
    end
  end
  return found
end
