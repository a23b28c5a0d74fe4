--- @include enqueue
--- @include removal
--- @include probe
--- What a child's end means for its parent (protocol part 2, sections 1.5 to 1.7 and 1.10). The parent may live in another
--- queue, so every function takes the base of the queue it touches.
---
--- A child knows its parent as {key, base, id, policy or nil}: the key of its hash, the base of its queue, its id.

--- Last of all: when a release of the parent runs into a key of another type, nothing may have been written.
local function is_usable(parent)
  return fits("hash", parent.key) and fits_parent(parent.key) and fits_structures(parent.base)
end

local function policy_of(reference)
  for _, policy in ipairs({"fpof", "cpof", "idof", "rdof"}) do
    if reference[policy] == true then
      return policy
    end
  end
  return nil
end

--- @rare
--- The parent that the two fields of a child name, or nil. The JSON comes first: a key cannot be cut when its id has colons.
--- A reference that leads nowhere (no text, keys of other types) counts as none: the child's own end must not depend on it.
local function read_parent(parent_key, text)
  local known, reference = pcall(cjson.decode, text or "")
  reference = known and type(reference) == "table" and reference or {}
  local queue, id, base = reference["queueKey"], reference["id"], nil
  if type(queue) == "string" and type(id) == "string" then
    base = queue .. ":"
  else
    base, id = string.match(parent_key, "^(.+:)([^:]+)$")
  end
  local parent = id and {key = parent_key, base = base, id = id, policy = policy_of(reference)}
  return parent and is_usable(parent) and parent or nil
end

local function parent_of(base, id)
  local stored = call("HMGET", base .. id, field.parent_key, field.parent)
  return stored[1] and read_parent(stored[1], stored[2]) or nil
end

--- R1: a parent whose children are done goes where its delay and priority say.
local function release_parent(base, id, now)
  if call("ZREM", base .. key.waiting_children, id) == 0 then
    return
  end
  local stored = call("HMGET", base .. id, field.delay, field.priority)
  local delay, priority = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
  if delay > 0 then
    local score, due = delayed_score(base, now, delay)
    call("ZADD", base .. key.delayed, score, id)
    add_event(base, "delayed", "jobId", id, "delay", due)
    mark_delayed(base)
    return
  end
  push_ready(base, id, priority, true)
  mark_waiting(base)
  add_event(base, "waiting", "jobId", id, "prev", "waiting-children")
end

--- @rare
--- R2: a pending child was taken away; the parent runs next, whatever its priority and delay.
local function release_parent_plain(base, id)
  if call("ZREM", base .. key.waiting_children, id) == 0 then
    return
  end
  call("RPUSH", base .. key.wait, id)
  mark_waiting(base)
  add_event(base, "waiting", "jobId", id, "prev", "waiting-children")
end

--- True when the job was the last that its parent waited for.
local function was_last_pending(parent, child_key)
  return call("SREM", parent.key .. jobkey.dependencies, child_key) == 1
    and call("SCARD", parent.key .. jobkey.dependencies) == 0
end

--- A job is taken away: its parent need not wait for it (R2). Before its keys are deleted.
local function leave_parent(base, id)
  local parent = parent_of(base, id)
  if parent and was_last_pending(parent, base .. id) then
    release_parent_plain(parent.base, parent.id)
  end
end

--- A job is swept away with its queue: clean, drain, obliterate (R3). A parent in another queue runs next, without an event;
--- one in the same queue has lost its reason and goes too, and so on upwards. Before the job's own keys are deleted.
local function leave_parent_hard(base, id)
  local parent = parent_of(base, id)
  while parent and was_last_pending(parent, base .. id)
    and call("ZREM", parent.base .. key.waiting_children, parent.id) == 1 do
    if parent.base ~= base then
      call("RPUSH", parent.base .. key.wait, parent.id)
      mark_waiting(parent.base)
      return
    end
    id, parent = parent.id, parent_of(base, parent.id)
    forget_job(base, id)
  end
end

--- Sweep a job away that was taken out of its place already: its parent by R3, its deduplication id, its keys. No event.
local function sweep_job(base, id)
  leave_parent_hard(base, id)
  forget_job(base, id)
end

--- fpof: the parent will fail as soon as a worker takes it.
local function defer_failure(parent, child_key, now)
  local base, id, hash = parent.base, parent.id, parent.key
  if call("ZSCORE", base .. key.failed, id) or call("EXISTS", hash) == 0 then
    return
  end
  call("HSET", hash, field.deferred_failure, "child " .. child_key .. " failed")
  if call("ZREM", base .. key.delayed, id) == 1 then
    call("HSET", hash, field.delay, 0)
    call("ZADD", base .. key.waiting_children, now, id)
  end
  release_parent(base, id, now)
end

local function release_when_done(parent, now)
  if call("SCARD", parent.key .. jobkey.dependencies) == 0 then
    release_parent(parent.base, parent.id, now)
  end
end

--- A child completed.
local function child_completed(child_key, parent, value, now)
  if call("SREM", parent.key .. jobkey.dependencies, child_key) == 1 then
    call("HSET", parent.key .. jobkey.processed, child_key, value)
    release_when_done(parent, now)
  end
end

--- A child failed for the last time; the policy stands in the child's own `parent` field.
local function child_failed(child_key, parent, reason, now)
  local policy = parent.policy
  if not policy or call("SREM", parent.key .. jobkey.dependencies, child_key) == 0 then
    return
  end
  if policy == "fpof" then
    call("ZADD", parent.key .. jobkey.unsuccessful, now, child_key)
    defer_failure(parent, child_key, now)
  elseif policy == "cpof" then
    call("HSET", parent.key .. jobkey.failed, child_key, reason)
    release_parent(parent.base, parent.id, now)
  else
    if policy == "idof" then
      call("HSET", parent.key .. jobkey.failed, child_key, reason)
    end
    release_when_done(parent, now)
  end
end
