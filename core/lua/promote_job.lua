--- Let a delayed job run now (protocol part 1, section 6.9). ARGV: id. Reply: 0, or -3 when it is not delayed.

--- @include probe
--- @include enqueue

local id = ARGV[1]
probe_structures(base)
if not call("ZSCORE", base .. key.delayed, id) then
  return -3
end
local priority = tonumber(call("HGET", base .. id, field.priority)) or 0
call("ZREM", base .. key.delayed, id)
push_ready(base, id, priority, false)
mark_waiting(base)
add_event(base, "waiting", "jobId", id, "prev", "delayed")
call("HSET", base .. id, field.delay, 0)
return 0
