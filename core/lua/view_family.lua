--- Read jobs with the keys of their children (protocol part 2, section 1.9). Writes nothing.
---
--- KEYS: the keys of the jobs' hashes. ARGV: how many children of each kind at most, 0 for none.
--- Reply: for each job {flat hash, {keys of children: pending, processed, ignored, failed}}; empty without such a job, and where a
--- key has another type.

--- @include arguments
--- @include members

local most = whole(ARGV[1], "most")
local views = {}
for position, job_key in ipairs(KEYS) do
  local stored, children = redis.pcall("HGETALL", job_key), {}
  if stored.err then
    stored = {}
  end
  if #stored > 0 and most > 0 then
    for _, part in ipairs({jobkey.dependencies, jobkey.processed, jobkey.failed, jobkey.unsuccessful}) do
      for _, member in ipairs(members(job_key .. part, 0, most - 1)) do
        children[#children + 1] = member[1]
      end
    end
  end
  views[position] = {stored, children}
end
return views
