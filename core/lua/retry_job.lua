--- Run a finished job again (protocol part 1, section 6.7).
---
--- ARGV: id, "failed" or "completed", "1" to count attempts made from 0 again, "1" for attempts started.
--- Reply: 1, -1 without the job, -3 when it is not in that state.

--- @include probe
--- @include reprocess

local id, state = ARGV[1], ARGV[2]
probe_structures(base)
probe_finished(base)
if call("EXISTS", base .. id) == 0 then
  return -1
end
if not call("ZSCORE", finished_set(base, state), id) then
  return -3
end
reprocess(base, max_events(base), id, state)
if ARGV[3] == "1" then
  call("HDEL", base .. id, field.attempts_made, field.attempts_made_legacy)
end
if ARGV[4] == "1" then
  call("HDEL", base .. id, field.attempts_started)
end
mark_waiting(base)
return 1
