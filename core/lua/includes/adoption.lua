--- @include events
--- @include marker
--- @include insertion
--- @include deduplication
--- @include state
--- @include removal
--- @include parent
--- @include probe
--- Jobs that get a parent: what may, and what then happens (protocol part 2, sections 1.3 and 1.4).
---
--- A job here is {base, id, key, name, data, opts, timestamp, delay, priority, lifo, renew, rule, deduplication_id, parent, policy,
--- has_children}; its parent is {base, id, key, reference}.

--- Keys of jobs that this script is about to write -> the key of their parent, or true.
local planned = {}

local function is_there(job_key)
  return planned[job_key] ~= nil or call("EXISTS", job_key) == 1
end

--- The key of the parent that a job has, or is about to have.
local function parent_key_of(job_key)
  local parent_key = planned[job_key]
  if parent_key == nil and fits("hash", job_key) then
    parent_key = call("HGET", job_key, field.parent_key)
  end
  return type(parent_key) == "string" and parent_key or nil
end

--- Whether a job is an ancestor of that one, or the same.
local function is_above(job_key, descendant)
  local met = {}
  while descendant and not met[descendant] do
    if descendant == job_key then
      return true
    end
    met[descendant] = true
    descendant = parent_key_of(descendant)
  end
  return false
end

local function is_finished(base, id)
  return call("ZSCORE", base .. key.completed, id) or call("ZSCORE", base .. key.failed, id)
end

local function check_types(job)
  if job.key and not fits("hash", job.key) then
    error("the job id " .. job.id .. " is the name of another key of the queue")
  end
  if job.parent and not (fits("hash", job.parent.key) and fits_parent(job.parent.key)) then
    error("a key of the parent job " .. job.parent.key .. " has another type")
  end
end

--- Whether the job may be added, read before anything is written. 0, or a result code.
local function examine_job(job)
  check_types(job)
  local parent = job.parent
  if parent and not is_there(parent.key) then
    return -5
  end
  if not job.key then
    return 0
  end
  local is_known = is_there(job.key)
  if parent and is_known then
    job.owner = parent_key_of(job.key)
    local is_new = job.renew and is_finished(job.base, job.id)
    if is_above(job.key, parent.key) then
      return -20
    end
    if not is_new and job.owner and job.owner ~= parent.key and is_there(job.owner) then
      return -7
    end
  end
  if parent or not is_known then
    planned[job.key] = parent and parent.key or true
  end
  return 0
end

local function reference_of(job)
  return job.parent.reference .. (job.policy and ',"' .. job.policy .. '":true}' or "}")
end

--- Put a stored job where it belongs: behind its children, or in line.
local function place_job(job, length)
  if job.has_children then
    call("ZADD", job.base .. key.waiting_children, job.timestamp, job.id)
    add_event_trimmed(job.base, length, "waiting-children", "jobId", job.id)
  else
    enqueue_job(job.base, length, job)
  end
end

--- A hash in no state is a job that was half made: it gets its place now instead of being acknowledged.
local function finish_making(job, length)
  local stored = call("HMGET", job.key, field.delay, field.priority, field.timestamp)
  place_job({base = job.base, id = job.id, has_children = job.has_children, delay = tonumber(stored[1]) or 0,
    priority = tonumber(stored[2]) or 0, timestamp = tonumber(stored[3]) or 0}, length)
end

--- Failed jobs that got a parent in this call: what that means for the parent is settled when all its children are known.
local adopted_failures = {}

--- A job that exists becomes a child. One that has ended already is counted at once, as if it ended now.
local function adopt(job, place)
  local stored = call("HMGET", job.key, field.returnvalue, field.failed_reason, field.parent)
  local parent, before = job.parent, job.owner and read_parent(job.owner, stored[3])
  if place == "completed" then
    call("HSET", parent.key .. jobkey.processed, job.key, stored[1] or "null")
  elseif place == "failed" and job.owner == parent.key and before and before.policy then
    return  -- This parent took note of the failure when it happened.
  else
    call("SADD", parent.key .. jobkey.dependencies, job.key)
    if place == "failed" then
      adopted_failures[#adopted_failures + 1] = {job = job, reason = stored[2] or ""}
    end
  end
  call("HSET", job.key, field.parent_key, parent.key, field.parent, reference_of(job))
end

local function settle_adopted(now)
  for _, failure in ipairs(adopted_failures) do
    local job = failure.job
    child_failed(job.key, {key = job.parent.key, base = job.parent.base, id = job.parent.id, policy = job.policy}, failure.reason, now)
  end
end

--- The id is taken. True when the new job may be added all the same.
local function settle_known(job, length)
  local place = place_of(job.base, job.id)
  if job.renew and (place == "completed" or place == "failed") then
    remove_from_place(job.base, place, job.id)
    leave_parent(job.base, job.id)
    forget_job(job.base, job.id)
    add_event_trimmed(job.base, length, "removed", "jobId", job.id, "prev", place)
    return true
  end
  if not place and not call("HGET", job.key, field.finished_on) then
    finish_making(job, length)
  end
  if job.parent then
    adopt(job, place)
  end
  add_event_trimmed(job.base, length, "duplicated", "jobId", job.id)
  return false
end

--- Add a job that `examine_job` let pass. Gives the id of the job that stands for it.
local function add_job(job, length)
  local number = call("INCR", job.base .. key.id)
  if not job.key then
    job.id = string.format("%.0f", number)
    job.key = job.base .. job.id
  elseif call("EXISTS", job.key) == 1 and not settle_known(job, length) then
    return job.id
  end
  local owner = job.rule and absorb(job.base, length, job.rule, job)
  if owner then
    return owner
  end
  store_job(job.base, job)
  if job.parent then
    call("HSET", job.key, field.parent_key, job.parent.key, field.parent, reference_of(job))
    call("SADD", job.parent.key .. jobkey.dependencies, job.key)
  end
  place_job(job, length)
  return job.id
end
