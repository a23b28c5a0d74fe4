--- @include marker
--- @include events
--- Ways into the waiting structures (protocol part 1, sections 0 and 1.2).

--- DSCORE: the score in the delayed set and the due time. Jobs due in the same ms keep their order.
local function delayed_score(base, time, delay)
  local due = delay > 0 and time + delay or time
  local low = due * 4096
  local high = low + 4095
  local last = call("ZREVRANGEBYSCORE", base .. key.delayed, high, low, "WITHSCORES", "LIMIT", 0, 1)
  if not last[2] then
    return low, due
  end
  return math.min(tonumber(last[2]) + 1, high), due
end

--- PSCORE: smaller first; equal priorities in the order of the counter. One that is no number begins anew: the job is out of its
--- old place already, and must not be lost.
local function priority_score(base, priority)
  local number = redis.pcall("INCR", base .. key.priority_counter)
  if type(number) ~= "number" then
    call("SET", base .. key.priority_counter, "1")
    number = 1
  end
  return priority * 4294967296 + number % 4294967296
end

--- Put an id where a ready job belongs, without waking anybody.
local function push_ready(base, id, priority, last_in_first_out)
  if priority > 0 then
    call("ZADD", base .. key.prioritized, priority_score(base, priority), id)
  elseif last_in_first_out then
    call("RPUSH", base .. key.wait, id)
  else
    call("LPUSH", base .. key.wait, id)
  end
end

--- The priority of a stored job; nil for an id without a hash.
local function stored_priority(base, id)
  local priority = redis.pcall("HGET", base .. id, field.priority)
  if type(priority) == "string" then
    return tonumber(priority) or 0
  end
  return call("TYPE", base .. id)["ok"] == "hash" and 0 or nil
end

--- Put an id into the delayed set and tell the stream when it is due.
local function push_delayed(base, id, time, delay, length)
  local score, due = delayed_score(base, time, delay)
  call("ZADD", base .. key.delayed, score, id)
  add_event_trimmed(base, length, "delayed", "jobId", id, "delay", due)
end
