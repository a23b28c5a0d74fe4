--- Add jobs that have parents or children, over several queues, all of them or none (protocol part 2, sections 1.3 and 1.4).
---
--- KEYS: the bases of the queues. ARGV: now ms, number of parents; the parents and the jobs as in `includes/planting.lua`.
--- Reply: for each job the id that stands for it. Or {code, key of the job, key of the parent}, and nothing was written:
---   -5 the parent does not exist, -7 the job belongs to another parent that still exists, -20 the job would be its own ancestor.
--- Fails before the first write when an argument is no number, or a key has another type.

--- @include planting

local HEAD = 2

local now, count, jobs = whole(ARGV[1], "now"), whole(ARGV[2], "parents"), {}
local parents = read_parents(HEAD + 1, count)
probe_queues(KEYS)
local first = HEAD + count * PARENT_WIDTH + 1
local objection = read_jobs(first, (#ARGV - first + 1) / JOB_WIDTH, parents, jobs)
if objection then
  return objection
end
return plant(KEYS, parents, jobs, now)
