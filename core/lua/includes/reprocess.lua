--- @include enqueue
--- @include events
--- @include parent
--- A finished job runs again (protocol part 1, section 6.7; part 2 for children).

local function finished_set(base, state)
  return state == "completed" and base .. key.completed or base .. key.failed
end

--- A child whose end its parent took note of goes back to what the parent waits for.
local function rejoin_parent(base, id, state)
  local parent, child_key = parent_of(base, id), base .. id
  if not parent or call("EXISTS", parent.key) == 0 then
    return
  end
  local noted
  if state == "completed" then
    noted = call("HDEL", parent.key .. jobkey.processed, child_key)
  else
    noted = call("ZREM", parent.key .. jobkey.unsuccessful, child_key) + call("HDEL", parent.key .. jobkey.failed, child_key)
  end
  if noted > 0 then
    call("SADD", parent.key .. jobkey.dependencies, child_key)
  end
end

local function reprocess(base, length, id, state)
  local stored = call("HMGET", base .. id, field.priority, field.opts)
  local known, opts = pcall(cjson.decode, stored[2] or "{}")
  local lifo = known and type(opts) == "table" and opts["lifo"] == true
  call("ZREM", finished_set(base, state), id)
  call("HDEL", base .. id, field.finished_on, field.processed_on,
    state == "completed" and field.returnvalue or field.failed_reason)
  rejoin_parent(base, id, state)
  push_ready(base, id, tonumber(stored[1]) or 0, lifo)
  add_event_trimmed(base, length, "waiting", "jobId", id, "prev", state)
end
