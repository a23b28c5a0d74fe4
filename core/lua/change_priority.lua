--- Give a job another priority; when it waits it moves to its new place (protocol part 1, section 6.11).
---
--- ARGV: id, priority, "1" for next in line of that priority or "".
--- Reply: 0, or -1 without the job.
--- Better than BullMQ: a job that moves to the front of its priority wakes a worker too, and one in the `paused` list of a 5.x queue
--- gets into `prioritized`. It is never put into `wait`: a 5.x resume would overwrite that list.

--- @include arguments
--- @include probe
--- @include enqueue

local id, priority, lifo = ARGV[1], whole(ARGV[2], "priority"), ARGV[3] == "1"

--- Whether the job was taken out of where it waited.
local function take_out()
  return call("ZREM", base .. key.prioritized, id) == 1 or call("LREM", base .. key.wait, -1, id) == 1
    or (priority > 0 and call("LREM", base .. key.paused, -1, id) == 1)
end

probe_structures(base)
call("LLEN", base .. key.paused)
if call("EXISTS", base .. id) == 0 then
  return -1
end
if take_out() then
  if priority > 0 and lifo then
    call("ZADD", base .. key.prioritized, priority * 4294967296, id)
  else
    push_ready(base, id, priority, lifo)
  end
  mark_waiting(base)
end
call("HSET", base .. id, field.priority, priority)
return 0
