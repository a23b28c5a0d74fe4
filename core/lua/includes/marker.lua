--- @include events
--- Who is woken (protocol part 1, sections 0 and 4.5).

--- HOLD: paused, or as many jobs active as the queue's global concurrency allows. Gives the text of MAXEV as well, or nil.
local function queue_settings(base)
  local stored = call("HMGET", base .. key.meta, meta.paused, meta.concurrency, meta.max_events)
  local held, most = stored[1] and true, tonumber(stored[2])
  if most and not held then
    held = call("LLEN", base .. key.active) >= most
  end
  local length = stored[3]
  return held or false, length == MAX_EVENTS and length or length and readable_length(length)
end

local function is_held(base)
  return (queue_settings(base))
end

--- MARK0: there may be a job, fetch now.
local function mark_waiting(base)
  if not is_held(base) then
    call("ZADD", base .. key.marker, 0, "0")
  end
end

--- MARK0 when there is something to fetch.
local function mark_waiting_if_any(base)
  if call("LLEN", base .. key.wait) > 0 or call("ZCARD", base .. key.prioritized) > 0 then
    mark_waiting(base)
  end
end

--- MARK1: the next delayed job is due at that time.
local function mark_delayed(base)
  local first = call("ZRANGE", base .. key.delayed, 0, 0, "WITHSCORES")
  if first[2] then
    call("ZADD", base .. key.marker, tonumber(first[2]) / 4096, "1")
  end
end
