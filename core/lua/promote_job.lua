--- Let a delayed job run now (protocol part 1, section 6.9). ARGV: id. Reply: 0, -3 when it is not delayed,
--- -1 for an id without a job, which is dropped.

--- @include probe
--- @include enqueue

local id = ARGV[1]
probe_structures(base)
if not call("ZSCORE", base .. key.delayed, id) then
  return -3
end
local priority = stored_priority(base, id)
call("ZREM", base .. key.delayed, id)
if not priority then
  return -1
end
push_ready(base, id, priority, false)
mark_waiting(base)
add_event(base, "waiting", "jobId", id, "prev", "delayed")
call("HSET", base .. id, field.delay, 0)
return 0
