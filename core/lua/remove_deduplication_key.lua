--- Free the deduplication id of a job, if the job has it (protocol part 2, section 3.4).
---
--- ARGV: id.
--- Reply: 1 freed, 0 it had none or another job has it, -1 without the job.

local id = ARGV[1]
if call("EXISTS", base .. id) == 0 then
  return -1
end
local deduplication_id = call("HGET", base .. id, field.deduplication_id)
if not deduplication_id or call("GET", base .. key.deduplication .. deduplication_id) ~= id then
  return 0
end
return call("DEL", base .. key.deduplication .. deduplication_id)
