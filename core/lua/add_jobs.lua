--- Add jobs (protocol part 1, section 3).
---
--- ARGV: ten values a job: id ("" for automatic), name, data, opts, timestamp, delay, priority, "1" for lifo or "",
---   "keep" or "renew" (what becomes of a finished job of the same id), deduplication as JSON or "".
--- Reply: for each job the id of the job that stands for it: its own, or the one that absorbed it.
--- Fails before the first write when an argument is no number, or a key of the queue has another type.

--- @include adding

local WIDTH = 10

local jobs = {}
for first = 1, #ARGV, WIDTH do
  local job = read_job(first)
  look_around(job)
  jobs[#jobs + 1] = job
end
return add_all(jobs)
