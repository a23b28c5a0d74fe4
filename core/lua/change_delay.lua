--- Let a delayed job run at another time (protocol part 1, section 6.10).
---
--- ARGV: id, now ms, delay ms from now.
--- Reply: 0, -1 without the job, -3 when it is not delayed.

--- @include arguments
--- @include probe
--- @include enqueue

local id, now, delay = ARGV[1], whole(ARGV[2], "now"), whole(ARGV[3], "delay")
probe_structures(base)
if call("EXISTS", base .. id) == 0 then
  return -1
end
if not call("ZSCORE", base .. key.delayed, id) then
  return -3
end
call("HSET", base .. id, field.delay, delay)
-- The score is chosen while the old entry is still there, as BullMQ does.
push_delayed(base, id, now, delay, max_events(base))
mark_delayed(base)
return 0
