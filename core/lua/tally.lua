--- Count what comes from many, and write the sums of each period into a stream.
---
--- KEYS: a hash, the open period; a stream, the closed ones. ARGV: ms of a period, names in one at most (further ones are counted
---   together), entries of the stream at most, ms for which both are kept, name ("" to count nothing and close the open period), count.
--- An entry has "at" (Unix ms, when its period began), "name", "count". Its id has a high second number, so that it is never that of
--- an entry of another stream.

local HIGH = 500000000

local period, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local start = string.format("%.0f", now - now % period)
local since = call("HGET", base, "")
if since and (since ~= start or ARGV[5] == "") then
  local counts = call("HGETALL", base)
  for position = 1, #counts, 2 do
    if counts[position] ~= "" then
      local entry = {"at", since, "name", counts[position], "count", counts[position + 1]}
      local id = string.format("%.0f-%d", now, HIGH + position)
      local added = redis.pcall("XADD", KEYS[2], "MAXLEN", "~", ARGV[3], id, unpack(entry))
      if type(added) == "table" and added.err then
        call("XADD", KEYS[2], "MAXLEN", "~", ARGV[3], "*", unpack(entry))
      end
    end
  end
  call("DEL", base)
  call("PEXPIRE", KEYS[2], ARGV[4])
end
if ARGV[5] ~= "" then
  local name = ARGV[5]
  call("HSETNX", base, "", start)
  if call("HLEN", base) > most and call("HEXISTS", base, name) == 0 then
    name = "others"
  end
  call("HINCRBY", base, name, ARGV[6])
  call("PEXPIRE", base, ARGV[4])
end
return 0
