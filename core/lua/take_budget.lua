--- Take from a budget that many processes share, or only ask whether something is left. It comes back with time.
---
--- KEYS[1] is a string: the Unix ms at which the budget is whole again. ARGV: how much there is at most, ms for one more, "1" to take.
--- Reply: 0, or ms until the next one; then nothing was taken.

local most, each = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local whole = math.max(tonumber(call("GET", base) or "0"), now)
local wait = whole + each - most * each - now
if wait > 0 then
  return math.ceil(wait)
end
if ARGV[3] == "1" then
  call("SET", base, string.format("%.0f", whole + each), "PX", math.ceil(whole + each - now))
end
return 0
