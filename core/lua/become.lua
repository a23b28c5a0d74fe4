--- Make another job of an active one, under its id: what it did so far is no failure and no result. Ours; BullMQ has no such operation,
--- but its readers see a job like any other.
---
--- ARGV: id, token, name, data, delay ms, priority or "" to keep it.
--- Reply: 0, -1 without the job, -2 without a lock, -6 another's lock, -3 when it is not active.

--- @include arguments
--- @include probe
--- @include holding

local id, token, delay = ARGV[1], ARGV[2], whole(ARGV[5], "delay")
local job = base .. id

probe_structures(base)
if call("EXISTS", job) == 0 then
  return -1
end
local code = active_code(base, id, token)
if code ~= 0 then
  return code
end
call("HSET", job, field.name, ARGV[3], field.data, ARGV[4], field.delay, delay)
call("HDEL", job, field.progress, field.failed_reason, field.stacktrace, field.exception)
-- Its next start is its first one.
call("HINCRBY", job, field.attempts_started, -1)
if ARGV[6] ~= "" then
  call("HSET", job, field.priority, ARGV[6])
end
return 0
