--- @include parent
--- @include probe
--- @include scheduler
--- Taking many jobs away at once: drain, clean, obliterate (protocol part 1, sections 8.2 to 8.4). First everything is looked at,
--- then the ids leave their list or set, then their keys go.

--- unpack takes no more than some thousand values.
local CHUNK = 5000

--- What a sweep has to know of a job. An id without a hash, or whose key is none of a job, has no fields: `foreign` then.
local function look_at(base, id)
  local stored = redis.pcall("HMGET", base .. id, field.scheduler_id, field.finished_on, field.processed_on, field.timestamp,
    field.deduplication_id)
  if stored.err then
    return {id = id, foreign = true}
  end
  if stored[5] then
    call("GET", base .. key.deduplication .. stored[5]) -- Fails here, while nothing is written, when that key is damaged.
  end
  return {id = id, scheduler = stored[1], finished_on = stored[2], processed_on = stored[3], timestamp = stored[4],
    deduplication_id = stored[5]}
end

local function look_at_all(base, ids)
  local jobs = {}
  for position, id in ipairs(ids) do
    jobs[position] = look_at(base, id)
  end
  return jobs
end

local function is_armed(base, job)
  return is_armed_run(base, job.id, job.scheduler)
end

--- The keys of jobs whose ids have left their place.
local function sweep_jobs(base, jobs)
  for _, job in ipairs(jobs) do
    if not job.foreign then
      sweep_job(base, job.id)
    end
  end
end

--- Call a command with many ids.
local function with_ids(command, target, jobs)
  for first = 1, #jobs, CHUNK do
    local ids = {}
    for position = first, math.min(first + CHUNK - 1, #jobs) do
      ids[#ids + 1] = jobs[position].id
    end
    call(command, target, unpack(ids))
  end
end
