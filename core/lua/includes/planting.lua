--- Adding jobs that may have parents or children, over several queues (protocol part 2, sections 1.3 and 1.4).
--- In the arguments stand three values a parent: number of its queue in KEYS, its id, its reference as JSON without the last brace;
--- and fourteen values a job: number of its queue, the ten of `add_jobs`, number of its parent or 0, short name of its failure
--- policy or "", "1" when it has children here. A parent comes before its children; a job with children has an id.

--- @include arguments
--- @include probe
--- @include adoption

local PARENT_WIDTH, JOB_WIDTH = 3, 14

local function base_of(position)
  return KEYS[whole(ARGV[position], "queue")] or error("there is no queue number " .. ARGV[position])
end

local function read_parents(first, count)
  local found = {}
  for number = 1, count do
    local at = first + (number - 1) * PARENT_WIDTH
    local parent = {base = base_of(at), id = ARGV[at + 1], reference = ARGV[at + 2]}
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

--- Put `count` jobs at the end of the list. What says why one of them may not be added, or nil.
local function read_jobs(first, count, parents, jobs)
  for at = first, first + (count - 1) * JOB_WIDTH, JOB_WIDTH do
    local job = read_job(at, parents)
    local code = examine_job(job)
    if code ~= 0 then
      return {code, job.key or "", code == -7 and job.owner or job.parent.key}
    end
    jobs[#jobs + 1] = job
  end
end

--- Look at what will be written, while nothing is.
local function probe_queues(bases)
  for _, each in ipairs(bases) do
    probe_structures(each)
    probe_finished(each)
    call("ZCARD", each .. key.waiting_children)
  end
end

--- Add jobs that `read_jobs` has let pass. Gives the ids that stand for them.
local function plant(bases, parents, jobs, now)
  local lengths, ids, any_delayed, has_new = {}, {}, {}, {}
  for _, each in ipairs(bases) do
    lengths[each] = max_events(each)
  end
  for position, job in ipairs(jobs) do
    ids[position] = add_job(job, lengths[job.base], now)
    any_delayed[job.base] = any_delayed[job.base] or job.delay > 0
    has_new[job.parent or job] = true
  end
  settle_adopted(now)
  for _, parent in ipairs(parents) do
    if has_new[parent] then
      release_when_done(parent, now)
    end
  end
  for _, each in ipairs(bases) do
    mark_waiting_if_any(each)
    if any_delayed[each] then
      mark_delayed(each)
    end
  end
  return ids
end
