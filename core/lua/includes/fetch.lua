--- @include marker
--- @include events
--- @include numbers
--- @include promotion
--- Handing out jobs (protocol part 1, sections 4.1, 4.2 and 4.4).

--- How many jobs started in the window that runs. A counter that is none, or that never ends, is taken away: raising it would fail
--- after jobs were handed out, or count for ever.
local function started_in_window(base)
  local counter, rest = redis.pcall("GET", base .. key.limiter), call("PTTL", base .. key.limiter)
  local known = type(counter) == "string" and #counter < 17 and string.find(counter, "^%d+$")
  if rest == -2 or (rest > 0 and known) then
    return tonumber(counter or 0), rest
  end
  call("DEL", base .. key.limiter)
  return 0, 0
end

--- @rare
--- How many more jobs the rate limit lets out, and the ms until it opens when that is none.
local function limiter_room(base, max)
  local taken, rest = started_in_window(base)
  if rest <= 0 then
    return max, 0
  end
  if taken >= max then
    return 0, rest
  end
  return max - taken, 0
end

local function count_taken(base, taken, duration)
  if taken > 0 and call("INCRBY", base .. key.limiter, taken) == taken then
    call("PEXPIRE", base .. key.limiter, math.floor(math.abs(duration)))
  end
end

--- The flat hash of a job, or nil when the id has none.
local function read_hash(base, id)
  local stored = redis.pcall("HGETALL", base .. id)
  if stored.err or #stored == 0 then
    return nil
  end
  return stored
end

--- What handing out asks of a flat hash: how often the job was started, and whether its failure is decided already.
local function read_start(stored)
  local started, deferred
  for position = 1, #stored, 2 do
    local name = stored[position]
    if name == field.attempts_started then
      started = stored[position + 1]
    elseif name == field.deferred_failure then
      deferred = true
    end
  end
  return stored_count(started), deferred
end

--- Take up to `most` ids, next first: `wait` before `prioritized`. Gives {id, stored = the hash, started, deferred}; ids without hash are dropped.
local function pop_ready(base, most, dropped)
  local ids = call("LRANGE", base .. key.wait, -most, -1)
  local from_wait, ordered = #ids, {}
  for position = from_wait, 1, -1 do
    ordered[#ordered + 1] = ids[position]
  end
  if from_wait < most then
    local more = call("ZRANGE", base .. key.prioritized, 0, most - from_wait - 1)
    for _, id in ipairs(more) do
      ordered[#ordered + 1] = id
    end
    if #more == 0 then
      call("DEL", base .. key.priority_counter)
    end
  end
  local found = {}
  for _, id in ipairs(ordered) do
    local stored = read_hash(base, id)
    if stored then
      local started, deferred = read_start(stored)
      found[#found + 1] = {id = id, stored = stored, started = started, deferred = deferred}
    else
      dropped[#dropped + 1] = id
    end
  end
  if from_wait > 0 then
    call("LTRIM", base .. key.wait, 0, -from_wait - 1)
  end
  if #ordered > from_wait then
    call("ZPOPMIN", base .. key.prioritized, #ordered - from_wait)
  end
  return found, #ordered
end

--- The job is this worker's now.
local function take(base, job, request)
  local id, stored, now, worker = job.id, job.stored, request.now_text, request.worker
  local started = string.format("%d", job.started + 1)
  if request.token ~= "0" then
    call("SET", base .. id .. jobkey.lock, request.token, "PX", request.lock_text)
  end
  add_event(base, "active", "jobId", id, "prev", "waiting")
  local last = #stored
  stored[last + 1], stored[last + 2], stored[last + 3], stored[last + 4] = field.processed_on, now, field.attempts_started, started
  if worker ~= "" then
    call("HSET", base .. id, field.processed_on, now, field.attempts_started, started, field.processed_by, worker)
    stored[last + 5], stored[last + 6] = field.processed_by, worker
  else
    call("HSET", base .. id, field.processed_on, now, field.attempts_started, started)
  end
  return {id, stored}
end

--- All of meta that a trip needs.
local function read_settings(base)
  return call("HMGET", base .. key.meta, meta.paused, meta.concurrency, meta.max, meta.duration, meta.max_events)
end

--- What stands in the way, or how many may go. A limit without any duration is no limit.
local function allowance(base, request)
  local settings = request.settings
  local duration = request.limit_duration or stored_number(settings[4])
  local max = stored_number(settings[3]) or request.limit_max
  local most, limited = request.most, nil
  if max and duration then
    local room, rest = limiter_room(base, max)
    if room <= 0 then
      return 0, {closed = true, ttl = rest}
    end
    limited = {room = room, duration = duration}
  end
  if settings[1] then
    return 0, {closed = true, ttl = 0}
  end
  local concurrency = stored_number(settings[2])
  if concurrency then
    most = math.min(most, math.ceil(concurrency - call("LLEN", base .. key.active)))
  end
  return most, limited or {}
end

--- request: {now, now_text, token, lock_text, settings = what read_settings gave, most, limit_max, limit_duration, worker}
--- Gives {jobs, ttl = ms of a closed rate limit, next = ms of the next delayed job, dropped, closed}.
local function fetch(base, request)
  promote_due(base, request.now)
  local most, limit = allowance(base, request)
  local reply = {jobs = {}, ttl = limit.ttl or 0, next = 0, dropped = {}, closed = limit.closed or most <= 0}
  if reply.closed then
    return reply
  end
  local counted = 0
  while #reply.jobs < most do
    -- A deferred failure is not counted by the limiter, so under a limit jobs are looked at one by one.
    local found, seen = pop_ready(base, limit.room and 1 or most - #reply.jobs, reply.dropped)
    if seen == 0 then
      break
    end
    local ids = {}
    for position, job in ipairs(found) do
      counted = counted + (job.deferred and 0 or 1)
      ids[position] = job.id
      reply.jobs[#reply.jobs + 1] = take(base, job, request)
    end
    for first = 1, #ids, 5000 do
      call("LPUSH", base .. key.active, unpack(ids, first, math.min(first + 4999, #ids)))
    end
    if limit.room and counted >= limit.room then
      break
    end
  end
  if limit.room then
    count_taken(base, counted, limit.duration)
  end
  if #reply.jobs > 0 then
    call("ZADD", base .. key.marker, "0", "0")
    return reply
  end
  local first = call("ZRANGE", base .. key.delayed, 0, 0, "WITHSCORES")
  if first[2] then
    reply.next = math.floor(tonumber(first[2]) / 4096)
  end
  return reply
end
