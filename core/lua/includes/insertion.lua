--- @include enqueue
--- Making a job (protocol part 1, sections 3.2 and 3.3).

--- Put a stored job where its delay and priority say. The caller wakes workers.
local function enqueue_job(base, length, job)
  if job.delay > 0 then
    push_delayed(base, job.id, job.timestamp, job.delay, length)
  else
    push_ready(base, job.id, job.priority, job.lifo)
    add_event_trimmed(base, length, "waiting", "jobId", job.id)
  end
end

--- A number as the text of an id: Lua's own form would be 1e+15.
local function id_text(number)
  return string.format("%.0f", number)
end

local function write_hash(hash, name, data, opts, timestamp, delay, priority)
  call("HSET", hash, field.name, name, field.data, data, field.opts, opts, field.timestamp, timestamp, field.delay, delay,
    field.priority, priority)
end

--- Write the hash and say so. job: {id, name, data, opts, timestamp, delay, priority, deduplication_id or nil}
local function store_job(base, job)
  local hash = base .. job.id
  write_hash(hash, job.name, job.data, job.opts, job.timestamp, job.delay, job.priority)
  if job.deduplication_id then
    call("HSET", hash, field.deduplication_id, job.deduplication_id)
  end
  add_event(base, "added", "jobId", job.id, "name", job.name)
end

--- Write the hash and put the job in line; `lifo` as well.
local function insert_job(base, length, job)
  store_job(base, job)
  enqueue_job(base, length, job)
end
