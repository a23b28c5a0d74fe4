--- @include insertion
--- @include removal
--- @include state
--- Deduplication keys (protocol part 1, section 3.7). `rule` is the decoded option of the new job.

--- A job finished: the id is free unless a window of time is still running. A key of another type is left alone.
local function release_finished(base, id, deduplication_id)
  local owner = base .. key.deduplication .. deduplication_id
  local rest = call("PTTL", owner)
  if rest == 0 or (rest == -1 and redis.pcall("GET", owner) == id) then
    call("DEL", owner)
  end
end

local function has_window(rule)
  return rule.ttl and rule.ttl > 0 and not rule.keepLastIfActive
end

local function claim(base, rule, id)
  local owner = base .. key.deduplication .. rule.id
  if has_window(rule) then
    call("SET", owner, id, "PX", rule.ttl)
  else
    call("SET", owner, id)
  end
end

--- replace: the new job takes the place of one that is still delayed.
local function replace_delayed(base, length, rule, old, new)
  delete_job_keys(base, old)
  add_event(base, "removed", "jobId", old, "prev", "delayed")
  add_event_trimmed(base, length, "deduplicated", "jobId", new.id, "deduplicationId", rule.id, "deduplicatedJobId", old)
  call("DEL", base .. key.deduplication_next .. rule.id)
  if has_window(rule) and not rule.extend then
    call("SET", base .. key.deduplication .. rule.id, new.id, "KEEPTTL")
  else
    claim(base, rule, new.id)
  end
end

--- keepLastIfActive: remember the newest add until the running job ends.
local function park(base, length, rule, owner, new)
  local parked = base .. key.deduplication_next .. rule.id
  call("DEL", parked)
  call("HSET", parked, "name", new.name, "data", new.data, "opts", new.opts, "jid", new.id)
  call("PERSIST", base .. key.deduplication .. rule.id)
  add_event_trimmed(base, length, "deduplicated", "jobId", owner, "deduplicationId", rule.id, "deduplicatedJobId", new.id)
end

local function reschedule_delayed(base, length, owner, new)
  local score, due = delayed_score(base, new.timestamp, new.delay)
  call("HSET", base .. owner, field.delay, new.delay)
  call("ZADD", base .. key.delayed, score, owner)
  add_event_trimmed(base, length, "delayed", "jobId", owner, "delay", due)
  mark_delayed(base)
end

--- @rare
--- Decide what becomes of a new job. Gives the id of the job that stands for it, or nil when it is to be added.
local function absorb(base, length, rule, new)
  local owner_key = base .. key.deduplication .. rule.id
  local owner = call("GET", owner_key)
  if owner and rule.replace and call("ZREM", base .. key.delayed, owner) == 1 then
    replace_delayed(base, length, rule, owner, new)
    return nil
  end
  local stale = owner and call("PTTL", owner_key) == -1 and call("EXISTS", base .. owner) == 0
  if stale then
    call("DEL", owner_key, base .. key.deduplication_next .. rule.id)
  end
  if stale or not owner then
    claim(base, rule, new.id)
    return nil
  end
  if rule.keepLastIfActive and list_holds(base .. key.active, owner) then
    park(base, length, rule, owner, new)
    return owner
  end
  if rule.replace then
    return owner
  end
  if rule.extend and rule.ttl and rule.ttl > 0 then
    claim(base, rule, owner)
  end
  add_event_trimmed(base, length, "deduplicated", "jobId", owner, "deduplicationId", rule.id, "deduplicatedJobId", new.id)
  if rule.reschedule and call("ZSCORE", base .. key.delayed, owner) then
    reschedule_delayed(base, length, owner, new)
  end
  return owner
end

--- Read a parked job before anything is written; nil when there is none, or a key of another type in its place.
local function read_parked(base, deduplication_id)
  local stored = redis.pcall("HMGET", base .. key.deduplication_next .. deduplication_id, "name", "data", "opts", "jid")
  if not stored[1] then
    return nil
  end
  local known, opts = pcall(cjson.decode, stored[3] or "{}")
  if not known or type(opts) ~= "table" then
    opts = {}
  end
  return {name = stored[1], data = stored[2] or "{}", opts = stored[3] or "{}", id = stored[4],
    delay = tonumber(opts["delay"]) or 0, priority = tonumber(opts["priority"]) or 0, lifo = opts["lifo"] == true,
    deduplication_id = deduplication_id}
end

--- The job that was parked during a run is made when the run ends. Its own id may have been used by another add meanwhile.
local function insert_parked(base, length, parked, now)
  local number = redis.pcall("INCR", base .. key.id)
  if type(number) ~= "number" and not parked.id then
    return -- the counter is no number; the job stays parked
  end
  parked.id = parked.id or string.format("%.0f", number)
  parked.timestamp = now
  call("DEL", base .. key.deduplication_next .. parked.deduplication_id)
  if call("EXISTS", base .. parked.id) == 1 then
    add_event_trimmed(base, length, "duplicated", "jobId", parked.id)
    return
  end
  call("SET", base .. key.deduplication .. parked.deduplication_id, parked.id)
  insert_job(base, length, parked)
  if parked.delay > 0 then
    mark_delayed(base)
  else
    mark_waiting(base)
  end
end
