--- @include numbers
--- Jobs finished in each minute (protocol part 1, section 11).

local BATCH = 5000

--- Push `count` equal numbers on the left.
local function push_many(list, number, count)
  for first = 1, count, BATCH do
    local numbers = {}
    for position = first, math.min(first + BATCH - 1, count) do
      numbers[#numbers + 1] = number
    end
    redis.pcall("LPUSH", list, unpack(numbers))
  end
end

--- Count `finished` more jobs. The first of a new minute closes the minutes before it; counting them one by one, as BullMQ does,
--- comes to the same. A key of another type must not keep jobs from finishing, so errors are passed over.
local function count_target(counter, list, finished, now, size)
  local stored = finished > 0 and redis.pcall("HMGET", counter, metric.count, metric.prev_ts, metric.prev_count)
  if not stored or stored.err then
    return
  end
  local before, previous = stored_count(stored[1]), tonumber(stored[2])
  if not previous then
    call("HSET", counter, metric.count, before + finished, metric.prev_ts, now, metric.prev_count, 0)
    return
  end
  local minutes = math.min(math.floor(now / 60000) - math.floor(previous / 60000), size)
  if not (minutes > 0) then
    call("HSET", counter, metric.count, before + finished)
    return
  end
  redis.pcall("LPUSH", list, before - stored_count(stored[3]))
  push_many(list, 0, minutes - 1)
  redis.pcall("LTRIM", list, 0, size - 1)
  call("HSET", counter, metric.count, before + finished, metric.prev_ts, now, metric.prev_count, before)
end

--- @rare
--- counts: {completed = how many, failed = how many}
local function count_finished(base, counts, now, size)
  count_target(base .. key.metrics_completed, base .. key.metrics_completed_data, counts.completed, now, size)
  count_target(base .. key.metrics_failed, base .. key.metrics_failed_data, counts.failed, now, size)
end
