--- Who of those that may start may have waited longest: both ends of the lists, and the first job of the most and of the
--- least urgent priority. No ARGV. Reply: for each {id, timestamp, processed_on, opts}, "" for what is not there. Writes nothing.

local found, seen = {}, {}

local function look(ids)
  for _, id in ipairs(ids) do
    local values = seen[id] and {} or redis.pcall("HMGET", base .. id, field.timestamp, field.processed_on, field.opts)
    seen[id] = true
    if not values.err and values[1] then
      found[#found + 1] = {id, values[1], values[2] or "", values[3] or ""}
    end
  end
end

for _, list in ipairs({base .. key.wait, base .. key.paused}) do
  look(call("LRANGE", list, 0, 0))
  look(call("LRANGE", list, -1, -1))
end

local prioritized = base .. key.prioritized
look(call("ZRANGE", prioritized, 0, 0))
local last = call("ZRANGE", prioritized, -1, -1, "WITHSCORES")
if last[2] then
  local first = math.floor(tonumber(last[2]) / 4294967296) * 4294967296
  look(call("ZRANGEBYSCORE", prioritized, string.format("%.0f", first), "+inf", "LIMIT", 0, 1))
end
return found
