--- @include locks
--- @include events
--- @include promotion
--- @include deduplication
--- @include retention
--- @include stalls
--- @include marker
--- @include probe
--- @include numbers
--- What becomes of a delivery (protocol part 1, sections 5 and 6). First `examine` reads everything, then `apply` writes.

--- Only completing asks for children.
local function children_code(hash, outcome)
  if outcome.kind ~= "completed" then
    return 0
  end
  if call("SCARD", hash .. jobkey.dependencies) > 0 then
    return -4
  end
  if call("ZCARD", hash .. jobkey.unsuccessful) > 0 then
    return -9
  end
  return 0
end

--- Read and decode what the outcome needs. Gives a result code; 0 means it may be applied.
local function examine(base, outcome)
  local hash = base .. outcome.id
  local kind = call("TYPE", hash)["ok"]
  if kind ~= "hash" then
    return -1
  end
  local code = children_code(hash, outcome)
  if code ~= 0 then
    return code
  end
  code = lock_code(base, outcome.id, outcome.token)
  if code ~= 0 then
    return code
  end
  local stored = call("HMGET", hash, field.parent_key, field.parent, field.deduplication_id, field.priority, field.attempts_made,
    field.attempts_made_legacy)
  outcome.parent, outcome.deduplication_id = read_parent(stored[1], stored[2]), stored[3]
  outcome.priority = tonumber(stored[4]) or 0
  outcome.made = math.max(stored_count(stored[5]), stored_count(stored[6]))
  outcome.parked = outcome.deduplication_id and read_parked(base, outcome.deduplication_id) or nil
  return 0
end

--- The typed record belongs to the latest failure; one of an earlier attempt must not explain this one.
local function store_failed_attempt(base, outcome)
  call("HSET", base .. outcome.id, field.failed_reason, outcome.value, field.stacktrace, outcome.stacktrace,
    field.attempts_made, outcome.made + 1)
  if outcome.exception ~= "" then
    call("HSET", base .. outcome.id, field.exception, outcome.exception)
  else
    call("HDEL", base .. outcome.id, field.exception)
  end
end

--- The end of the job, good or bad: steps 7 to 11 of section 5.1.
local function store_finished(base, outcome, request)
  local id, now, hash = outcome.id, request.now, base .. outcome.id
  local failed = outcome.kind == "failed"
  local finished = failed and base .. key.failed or base .. key.completed
  local result = failed and field.failed_reason or field.returnvalue
  if outcome.deduplication_id then
    release_finished(base, id, outcome.deduplication_id)
    if outcome.parked then
      insert_parked(base, request.length, outcome.parked, now)
    end
  end
  if outcome.parent then
    local settle = failed and child_failed or child_completed
    settle(hash, outcome.parent, outcome.value, now)
  end
  if outcome.keep.count == 0 then
    leave_parent(base, id)
    delete_job_keys(base, id)
  else
    call("ZADD", finished, now, id)
    if failed then
      store_failed_attempt(base, outcome)
      call("HSET", hash, field.finished_on, now)
      call("HDEL", hash, field.deferred_failure)
    else
      call("HSET", hash, result, outcome.value, field.finished_on, now, field.attempts_made, outcome.made + 1)
    end
    purge(base, finished, now, outcome.keep)
  end
  add_event(base, outcome.kind, "jobId", id, result, outcome.value, "prev", "active")
  if failed and outcome.made + 1 >= outcome.attempts then
    add_event(base, "retries-exhausted", "jobId", id, "attemptsMade", outcome.made + 1)
  end
end

--- retried: the attempt failed, another follows at once or after a delay (sections 6.2 and 6.3).
local function store_retried(base, outcome, request)
  if outcome.delay == 0 then
    promote_due(base, request.now)
  end
  store_failed_attempt(base, outcome)
  if outcome.delay > 0 then
    call("HSET", base .. outcome.id, field.delay, outcome.delay)
    push_delayed(base, outcome.id, request.now, outcome.delay, request.length)
  else
    push_ready(base, outcome.id, outcome.priority, outcome.lifo)
    add_event_trimmed(base, request.length, "waiting", "jobId", outcome.id, "prev", "active")
  end
end

--- postponed: later, no attempt counted (section 6.3).
local function store_postponed(base, outcome, request)
  call("HSET", base .. outcome.id, field.delay, outcome.delay)
  push_delayed(base, outcome.id, request.now, outcome.delay, request.length)
end

--- returned: next in line again, no attempt counted (section 6.5).
local function store_returned(base, outcome, request)
  if outcome.unstarted then
    local started = stored_count(call("HGET", base .. outcome.id, field.attempts_started))
    call("HSET", base .. outcome.id, field.attempts_started, math.max(started - 1, 0))
  end
  if outcome.priority > 0 then
    call("ZADD", base .. key.prioritized, outcome.priority * 4294967296, outcome.id)
  else
    call("RPUSH", base .. key.wait, outcome.id)
  end
  add_event_trimmed(base, request.length, "waiting", "jobId", outcome.id, "prev", "active")
end

--- limited: as returned, and the rate limit of the whole queue may close (section 4.4).
local function store_limited(base, outcome, request)
  if outcome.delay > 0 then
    call("SET", base .. key.limiter, "9007199254740991", "PX", outcome.delay)
  end
  store_returned(base, outcome, request)
end

--- Apply an outcome that `examine` let pass. Gives a result code.
local function apply(base, outcome, request)
  if call("LREM", base .. key.active, -1, outcome.id) == 0 then
    return -3
  end
  unlock(base, outcome.id, outcome.token)
  if outcome.data ~= "" then
    call("HSET", base .. outcome.id, field.data, outcome.data)
  end
  if outcome.kind == "retried" then
    store_retried(base, outcome, request)
  elseif outcome.kind == "postponed" then
    store_postponed(base, outcome, request)
  elseif outcome.kind == "returned" then
    store_returned(base, outcome, request)
  elseif outcome.kind == "lost" then
    push_stalled(base, outcome.id)
  elseif outcome.kind == "limited" then
    store_limited(base, outcome, request)
  else
    store_finished(base, outcome, request)
  end
  return 0
end
