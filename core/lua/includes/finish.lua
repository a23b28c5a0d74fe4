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
local function children_code(hash)
  if call("SCARD", hash .. jobkey.dependencies) > 0 then
    return -4
  end
  if call("ZCARD", hash .. jobkey.unsuccessful) > 0 then
    return -9
  end
  return 0
end

--- The fields that an outcome needs, or nil when there is no job of that id. Those of nearly every job are known from its name.
local function read_fields(hash)
  local stored = redis.pcall("HMGET", hash, field.parent_key, field.parent, field.deduplication_id, field.priority,
    field.attempts_made, field.attempts_made_legacy, field.name)
  if stored.err or not stored[7] and call("EXISTS", hash) == 0 then
    return nil
  end
  return stored
end

--- @rare
--- The parent that waits for the job, and the job that waits for its deduplication id.
local function read_relations(base, outcome, parent_key, parent)
  outcome.parent = parent_key and read_parent(parent_key, parent) or nil
  outcome.parked = outcome.deduplication_id and read_parked(base, outcome.deduplication_id) or nil
end

--- Read and decode what the outcome needs. Gives a result code; 0 means it may be applied, if children do not forbid it then.
--- `holder` has the lock; `any_children`: some job of this call has children that are not done, or failed.
local function examine(base, outcome, holder, any_children)
  local hash = base .. outcome.id
  local stored = read_fields(hash)
  if not stored then
    return -1
  end
  local children = any_children and outcome.kind == "completed" and children_code(hash) or 0
  local code = holder_code(holder, outcome.token)
  if code ~= 0 then
    return children ~= 0 and children or code
  end
  outcome.has_children = children ~= 0
  outcome.deduplication_id = stored[3]
  outcome.priority = tonumber(stored[4]) or 0
  outcome.made = math.max(stored_count(stored[5]), stored_count(stored[6]))
  if stored[1] or stored[3] then
    read_relations(base, outcome, stored[1], stored[2])
  end
  return 0
end

--- Result codes of all outcomes. Locks and children are looked for in one read each: nearly no job has children.
local function examine_all(base, outcomes)
  local locks, children = {}, {}
  for position, outcome in ipairs(outcomes) do
    local hash = base .. outcome.id
    locks[position] = hash .. jobkey.lock
    children[2 * position - 1], children[2 * position] = hash .. jobkey.dependencies, hash .. jobkey.unsuccessful
  end
  local holders, any_children = call("MGET", unpack(locks)), call("EXISTS", unpack(children)) > 0
  local codes = {}
  for position, outcome in ipairs(outcomes) do
    codes[position] = examine(base, outcome, holders[position], any_children)
  end
  return codes
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

--- Write what was gathered, and forget it.
local function settle(base, request)
  if #request.unlocked > 0 then
    call("DEL", unpack(request.locks))
    call("SREM", base .. key.stalled, unpack(request.unlocked))
  end
  local finished = request.finished
  request.unlocked, request.locks, request.finished = {}, {}, {}
  for set, rows in pairs(finished) do
    call("ZADD", set, unpack(rows))
    local keep = rows.keep
    if keep.age or keep.count then
      purge(base, set, request.now, {age = keep.age, count = keep.count, limit = keep.limit * #rows / 2})
    end
  end
end

--- Whether jobs that end one by one leave the same behind as jobs that end together. Not when they are kept by number.
local function same_retention(one, other)
  return one.age == other.age and one.limit == other.limit and not (one.count or other.count)
end

--- What is the same for many jobs of a call is gathered in `request` and written by `settle`, in one command each.
local function note_finished(base, request, finished, id, keep)
  local rows = request.finished[finished]
  if rows and not same_retention(rows.keep, keep) then
    settle(base, request)
    rows = nil
  end
  rows = rows or {keep = keep}
  request.finished[finished] = rows
  rows[#rows + 1], rows[#rows + 2] = request.now_text, id
end

local function note_unlocked(base, request, outcome)
  if outcome.token ~= "0" then
    local position = #request.unlocked + 1
    request.unlocked[position], request.locks[position] = outcome.id, base .. outcome.id .. jobkey.lock
  end
end

--- @rare
--- The job's end frees its deduplication id, and its parent hears of it.
local function settle_relations(base, outcome, request)
  if outcome.deduplication_id then
    release_finished(base, outcome.id, outcome.deduplication_id)
    if outcome.parked then
      insert_parked(base, request.length, outcome.parked, request.now)
    end
  end
  if outcome.parent then
    local tell = outcome.kind == "failed" and child_failed or child_completed
    tell(base .. outcome.id, outcome.parent, outcome.value, request.now)
  end
end

--- The end of the job, good or bad: steps 7 to 11 of section 5.1.
local function store_finished(base, outcome, request)
  local id, hash = outcome.id, base .. outcome.id
  local failed = outcome.kind == "failed"
  local finished = failed and base .. key.failed or base .. key.completed
  local result = failed and field.failed_reason or field.returnvalue
  if outcome.deduplication_id or outcome.parent then
    settle_relations(base, outcome, request)
  end
  if outcome.keep.count == 0 then
    if outcome.parent then
      leave_parent(base, id)
    end
    delete_job_keys(base, id)
  else
    if failed then
      store_failed_attempt(base, outcome)
      call("HSET", hash, field.finished_on, request.now_text)
      call("HDEL", hash, field.deferred_failure)
    else
      call("HSET", hash, result, outcome.value, field.finished_on, request.now_text,
        field.attempts_made, string.format("%d", outcome.made + 1))
      if outcome.exception ~= "" then
        call("HSET", hash, field.exception, outcome.exception)
      end
    end
    note_finished(base, request, finished, id, outcome.keep)
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

--- A start that no handler has seen does not count.
local function forget_start(base, outcome)
  if outcome.unstarted then
    local started = stored_count(call("HGET", base .. outcome.id, field.attempts_started))
    call("HSET", base .. outcome.id, field.attempts_started, math.max(started - 1, 0))
  end
end

--- postponed: later, no attempt counted (section 6.3).
local function store_postponed(base, outcome, request)
  forget_start(base, outcome)
  call("HSET", base .. outcome.id, field.delay, outcome.delay)
  push_delayed(base, outcome.id, request.now, outcome.delay, request.length)
end

--- returned: next in line again, no attempt counted (section 6.5).
local function store_returned(base, outcome, request)
  forget_start(base, outcome)
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

--- @rare
--- The job goes on: later, or in other hands.
local function store_unfinished(base, outcome, request)
  if outcome.kind == "retried" then
    store_retried(base, outcome, request)
  elseif outcome.kind == "postponed" then
    store_postponed(base, outcome, request)
  elseif outcome.kind == "returned" then
    store_returned(base, outcome, request)
  elseif outcome.kind == "limited" then
    store_limited(base, outcome, request)
  else
    push_stalled(base, outcome.id)
  end
end

--- Apply an outcome that `examine` let pass. Gives a result code.
local function apply(base, outcome, request)
  if call("LREM", base .. key.active, -1, outcome.id) == 0 then
    return -3
  end
  note_unlocked(base, request, outcome)
  if outcome.data ~= "" then
    call("HSET", base .. outcome.id, field.data, outcome.data)
  end
  if outcome.keep then
    store_finished(base, outcome, request)
  else
    store_unfinished(base, outcome, request)
  end
  return 0
end
