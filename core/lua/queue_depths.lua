--- How many jobs of some queues wait and are active, and how many workers serve each.
---
--- KEYS: the bases of the queues. ARGV: oldest sign of life in ms of a worker that counts, then the key of each queue's workers.
--- Reply: {waiting, active, workers} for each queue. A key of another type counts as nothing.

local function number_of(...)
  local number = redis.pcall(...)
  return type(number) == "number" and number or 0
end

local depths = {}
for position, queue in ipairs(KEYS) do
  local waiting = number_of("LLEN", queue .. key.wait) + number_of("LLEN", queue .. key.paused)
    + number_of("ZCARD", queue .. key.prioritized)
  depths[position] = {waiting, number_of("LLEN", queue .. key.active), number_of("ZCOUNT", ARGV[position + 1], ARGV[1], "+inf")}
end
return depths
