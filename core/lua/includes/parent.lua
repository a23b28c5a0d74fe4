--- @include enqueue
--- What a child's end means for its parent (protocol part 2, sections 1.5 to 1.7). The parent may live in another
--- queue, so every function takes the base of the queue it touches.

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

--- R2: a pending child was taken away; the parent runs next, whatever its priority and delay.
local function release_parent_plain(base, id)
  if call("ZREM", base .. key.waiting_children, id) == 0 then
    return
  end
  call("RPUSH", base .. key.wait, id)
  mark_waiting(base)
  add_event(base, "waiting", "jobId", id, "prev", "waiting-children")
end

--- Detach a job that is taken away from a parent that may still wait for it.
local function leave_parent(base, id)
  local stored = call("HMGET", base .. id, field.parent_key, field.parent)
  local parent_key = stored[1]
  if not parent_key or call("SREM", parent_key .. jobkey.dependencies, base .. id) == 0 then
    return
  end
  local known, parent = pcall(cjson.decode, stored[2] or "")
  if known and call("SCARD", parent_key .. jobkey.dependencies) == 0 then
    release_parent_plain(parent["queueKey"] .. ":", parent["id"])
  end
end

--- fpof: the parent will fail as soon as a worker takes it.
local function defer_failure(base, id, child_key, now)
  local hash = base .. id
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

local function release_when_done(parent_key, base, id, now)
  if call("SCARD", parent_key .. jobkey.dependencies) == 0 then
    release_parent(base, id, now)
  end
end

--- A child completed. `parent` is the decoded field, or nil.
local function child_completed(child_key, parent_key, parent, value, now)
  if not parent or call("SREM", parent_key .. jobkey.dependencies, child_key) == 0 then
    return
  end
  call("HSET", parent_key .. jobkey.processed, child_key, value)
  release_when_done(parent_key, parent["queueKey"] .. ":", parent["id"], now)
end

--- A child failed for the last time; the policy stands in the child's own `parent` field.
local function child_failed(child_key, parent_key, parent, reason, now)
  if not parent or not (parent["fpof"] or parent["cpof"] or parent["idof"] or parent["rdof"]) then
    return
  end
  if call("SREM", parent_key .. jobkey.dependencies, child_key) == 0 then
    return
  end
  local base, id = parent["queueKey"] .. ":", parent["id"]
  if parent["fpof"] then
    call("ZADD", parent_key .. jobkey.unsuccessful, now, child_key)
    defer_failure(base, id, child_key, now)
  elseif parent["cpof"] then
    call("HSET", parent_key .. jobkey.failed, child_key, reason)
    release_parent(base, id, now)
  else
    if parent["idof"] then
      call("HSET", parent_key .. jobkey.failed, child_key, reason)
    end
    release_when_done(parent_key, base, id, now)
  end
end
