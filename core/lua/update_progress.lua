--- Store a job's progress (protocol part 1, section 6.12). ARGV: id, progress as JSON. Reply: 0, or -1 without the job.

--- @include events
--- @include probe

probe_structures(base)
if call("EXISTS", base .. ARGV[1]) == 0 then
  return -1
end
local length = max_events(base)
call("HSET", base .. ARGV[1], field.progress, ARGV[2])
add_event_trimmed(base, length, "progress", "jobId", ARGV[1], "data", ARGV[2])
return 0
