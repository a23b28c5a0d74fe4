--- Take a queue away with all its jobs, a slice at a time (protocol part 1, section 8.4).
---
--- ARGV: how many jobs to take away in this slice, "1" to take active ones too or "".
--- Reply: 0 when nothing is left, 1 when there is more to do, -1 when the queue is not paused, -2 when jobs are active.
--- More than BullMQ takes away: parents that wait for children elsewhere, the rate limiter, and the deduplication keys of the jobs.

--- @include arguments
--- @include sweeping

local budget, force = whole(ARGV[1], "count"), ARGV[2] == "1"

local function free_deduplication(jobs)
  for _, job in ipairs(jobs) do
    if job.deduplication_id then
      call("DEL", base .. key.deduplication .. job.deduplication_id, base .. key.deduplication_next .. job.deduplication_id)
    end
  end
end

local function sweep(ids)
  local jobs = look_at_all(base, ids)
  return jobs, function()
    sweep_jobs(base, jobs)
    free_deduplication(jobs)
    budget = budget - #jobs
  end
end

local function empty_list(target, has_locks)
  local ids = budget > 0 and call("LRANGE", target, -budget, -1) or {}
  local jobs, finish = sweep(ids)
  if #jobs > 0 then
    call("LTRIM", target, 0, -(#jobs + 1))
  end
  for _, job in ipairs(has_locks and jobs or {}) do
    call("DEL", base .. job.id .. jobkey.lock)
  end
  finish()
end

local function empty_set(target)
  local ids = budget > 0 and call("ZRANGE", target, 0, budget - 1) or {}
  local jobs, finish = sweep(ids)
  if #jobs > 0 then
    call("ZREMRANGEBYRANK", target, 0, #jobs - 1)
  end
  finish()
end

local function empty_schedulers()
  local ids = budget > 0 and call("ZRANGE", base .. key.repeat, 0, budget - 1) or {}
  for _, id in ipairs(ids) do
    call("DEL", base .. key.repeat .. ":" .. id)
  end
  if #ids > 0 then
    call("ZREMRANGEBYRANK", base .. key.repeat, 0, #ids - 1)
  end
  budget = budget - #ids
end

local function delete_structures()
  for _, name in ipairs({key.events, key.legacy_delay, key.legacy_priority, key.stalled_check, key.stalled, key.id,
    key.priority_counter, key.marker, key.meta, key.limiter, key.metrics_completed, key.metrics_failed,
    key.metrics_completed_data, key.metrics_failed_data}) do
    call("DEL", base .. name)
  end
end

probe_structures(base)
probe_finished(base)
call("LLEN", base .. key.paused)
call("ZCARD", base .. key.repeat)
call("ZCARD", base .. key.waiting_children)
if not call("HGET", base .. key.meta, meta.paused) then
  return -1
end
if not force and call("LLEN", base .. key.active) > 0 then
  return -2
end
empty_list(base .. key.active, true)
empty_set(base .. key.delayed)
empty_schedulers()
empty_set(base .. key.completed)
empty_list(base .. key.wait)
empty_list(base .. key.paused)
empty_set(base .. key.prioritized)
empty_set(base .. key.failed)
empty_set(base .. key.waiting_children)
if budget <= 0 then
  return 1
end
delete_structures()
return 0
