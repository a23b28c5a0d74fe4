--- Let an active job wait for its children (protocol part 2, section 1.8).
---
--- ARGV: id, token, now ms, key of the child to wait for or "" for all.
--- Reply: 0 it waits now and its lock is gone; 1 there is nothing to wait for and nothing changed; -1 without the job,
--- -9 a child failed it, -2 without a lock, -6 another's lock, -3 when it is not active.

--- @include arguments
--- @include probe
--- @include locks
--- @include holding
--- @include marker
--- @include events

local id, token, now, child = ARGV[1], ARGV[2], whole(ARGV[3], "now"), ARGV[4]
local dependencies = base .. id .. jobkey.dependencies

local function has_pending()
  if child ~= "" then
    return call("SISMEMBER", dependencies, child) == 1
  end
  return call("SCARD", dependencies) > 0
end

probe_structures(base)
probe_finished(base)
call("ZCARD", base .. key.waiting_children)
if call("EXISTS", base .. id) == 0 then
  return -1
end
if call("ZCARD", base .. id .. jobkey.unsuccessful) > 0 then
  return -9
end
if not has_pending() then
  return 1
end
local code = active_code(base, id, token)
if code ~= 0 then
  return code
end
unlock(base, id, token)
call("LREM", base .. key.active, -1, id)
call("ZADD", base .. key.waiting_children, now, id)
add_event(base, "waiting-children", "jobId", id, "prev", "active")
-- A slot of the global concurrency is free again.
mark_waiting_if_any(base)
return 0
