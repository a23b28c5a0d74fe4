--- Take a job away with everything that belongs to it (protocol part 1, section 8.5; part 2, section 1.10).
---
--- ARGV: id, "1" to take its children along, finished ones too.
--- Reply: 1 removed or never there, 0 it or one of its children is locked by a worker, -8 the armed run of a scheduler.

--- @include probe
--- @include state
--- @include descent
--- @include scheduler

local id = ARGV[1]

local function any_locked(jobs)
  for _, job in ipairs(jobs) do
    if call("EXISTS", job.key .. jobkey.lock) == 1 then
      return true
    end
  end
  return false
end

probe_structures(base)
probe_finished(base)
call("ZCARD", base .. key.waiting_children)
if is_armed_run(base, id, call("HGET", base .. id, field.scheduler_id)) then
  return -8
end
local going = {{base = base, id = id, key = base .. id}}
if ARGV[2] == "1" then
  local below = descend(base, id, {jobkey.dependencies, jobkey.processed, jobkey.failed, jobkey.unsuccessful})
  for _, each in ipairs(below) do
    going[#going + 1] = each
  end
end
if any_locked(going) then
  return 0
end
leave_parent(base, id)
remove_all(going)
return 1
