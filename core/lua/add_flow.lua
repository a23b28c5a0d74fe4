--- Add jobs that have parents or children, over several queues, all of them or none (protocol part 2, sections 1.3 and 1.4).
---
--- KEYS: the bases of the queues. ARGV: now ms, number of parents;
---   three values a parent: number of its queue in KEYS, its id, its reference as JSON without the last brace;
---   then fourteen values a job: number of its queue, the ten of `add_jobs`, number of its parent or 0, short name of its failure
---   policy or "", "1" when it has children here. A parent comes before its children; a job with children has an id.
--- Reply: for each job the id that stands for it. Or {code, key of the job, key of the parent}, and nothing was written:
---   -5 the parent does not exist, -7 the job belongs to another parent that still exists, -20 the job would be its own ancestor.
--- Fails before the first write when an argument is no number, or a key has another type.

--- @include arguments
--- @include probe
--- @include adoption

local HEAD, PARENT_WIDTH, JOB_WIDTH = 2, 3, 14

local function base_of(position)
  return KEYS[whole(ARGV[position], "queue")] or error("there is no queue number " .. ARGV[position])
end

local function read_parents()
  local found = {}
  for number = 1, whole(ARGV[2], "parents") do
    local first = HEAD + (number - 1) * PARENT_WIDTH + 1
    local parent = {base = base_of(first), id = ARGV[first + 1], reference = ARGV[first + 2]}
    parent.key = parent.base .. parent.id
    found[number] = parent
  end
  return found
end

local function read_job(first, parents)
  local base, id = base_of(first), ARGV[first + 1]
  local rule = ARGV[first + 10] ~= "" and cjson.decode(ARGV[first + 10]) or nil
  return {
    base = base, id = id, key = id ~= "" and base .. id or nil,
    name = ARGV[first + 2], data = ARGV[first + 3], opts = ARGV[first + 4],
    timestamp = whole(ARGV[first + 5], "timestamp"), delay = whole(ARGV[first + 6], "delay"),
    priority = whole(ARGV[first + 7], "priority"), lifo = ARGV[first + 8] == "1", renew = ARGV[first + 9] == "renew",
    rule = rule, deduplication_id = rule and rule.id,
    parent = parents[whole(ARGV[first + 11], "parent")], policy = ARGV[first + 12] ~= "" and ARGV[first + 12] or nil,
    has_children = ARGV[first + 13] == "1",
  }
end

local now, parents, jobs = whole(ARGV[1], "now"), read_parents(), {}
for _, each in ipairs(KEYS) do
  probe_structures(each)
  probe_finished(each)
  call("ZCARD", each .. key.waiting_children)
end
for first = HEAD + #parents * PARENT_WIDTH + 1, #ARGV, JOB_WIDTH do
  local job = read_job(first, parents)
  local code = examine_job(job)
  if code ~= 0 then
    return {code, job.key or "", code == -7 and job.owner or job.parent.key}
  end
  jobs[#jobs + 1] = job
end

local lengths, ids, any_delayed = {}, {}, {}
for _, each in ipairs(KEYS) do
  lengths[each] = max_events(each)
end
for position, job in ipairs(jobs) do
  ids[position] = add_job(job, lengths[job.base], now)
  any_delayed[job.base] = any_delayed[job.base] or job.delay > 0
end
settle_adopted(now)
for _, parent in ipairs(parents) do
  release_when_done(parent, now)
end
for _, each in ipairs(KEYS) do
  mark_waiting_if_any(each)
  if any_delayed[each] then
    mark_delayed(each)
  end
end
return ids
