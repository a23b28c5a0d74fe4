--- Adding jobs with everything that an add may meet (protocol part 1, section 3).

--- @include arguments
--- @include events
--- @include marker
--- @include insertion
--- @include deduplication
--- @include state
--- @include removal
--- @include parent
--- @include probe

local any_ready, any_delayed = false, false

--- What the new job may meet is looked at now, while nothing has been written: the key of its own id must be free or a job.
local function look_around(job)
  if job.id ~= "" then
    local kind = call("TYPE", base .. job.id)["ok"]
    if kind ~= "none" and kind ~= "hash" then
      error("the job id " .. job.id .. " is the name of another key of the queue")
    end
  end
  if job.rule then
    call("STRLEN", base .. key.deduplication .. job.rule.id)
    call("HLEN", base .. key.deduplication_next .. job.rule.id)
  end
end

local function read_job(first)
  local rule = ARGV[first + 9] ~= "" and cjson.decode(ARGV[first + 9]) or nil
  return {
    id = ARGV[first], name = ARGV[first + 1], data = ARGV[first + 2], opts = ARGV[first + 3],
    timestamp = whole(ARGV[first + 4], "timestamp"),
    delay = whole(ARGV[first + 5], "delay"),
    priority = whole(ARGV[first + 6], "priority"),
    lifo = ARGV[first + 7] == "1",
    renew = ARGV[first + 8] == "renew",
    rule = rule, deduplication_id = rule and rule.id,
  }
end

--- Who is to be woken, once for all jobs.
local function note_place(job)
  any_delayed = any_delayed or job.delay > 0
  any_ready = any_ready or job.delay <= 0
end

--- A hash in no state is a job that was half made: it gets its place now instead of being acknowledged.
local function finish_making(length, id)
  local stored = call("HMGET", base .. id, field.delay, field.priority, field.timestamp)
  local job = {id = id, delay = tonumber(stored[1]) or 0, priority = tonumber(stored[2]) or 0, timestamp = tonumber(stored[3]) or 0}
  enqueue_job(base, length, job)
  note_place(job)
end

--- @rare
--- The id is taken. True when the new job may be added all the same.
local function settle_duplicate(length, job)
  local place = place_of(base, job.id)
  if job.renew and (place == "completed" or place == "failed") then
    remove_from_place(base, place, job.id)
    leave_parent(base, job.id)
    forget_job(base, job.id)
    add_event_trimmed(base, length, "removed", "jobId", job.id, "prev", place)
    return true
  end
  if not place and not call("HGET", base .. job.id, field.finished_on) then
    finish_making(length, job.id)
  end
  add_event_trimmed(base, length, "duplicated", "jobId", job.id)
  return false
end

--- `number` is the automatic id, which counts on whether or not the job takes it.
local function add(length, job, number)
  if job.id == "" then
    job.id = id_text(number)
  elseif call("EXISTS", base .. job.id) == 1 and not settle_duplicate(length, job) then
    return job.id
  end
  local owner = job.rule and absorb(base, length, job.rule, job)
  if owner then
    return owner
  end
  insert_job(base, length, job)
  note_place(job)
  return job.id
end

--- The ids of the jobs that stand for these. Fails before the first write.
local function add_all(jobs)
  probe_structures(base)
  local held, length = queue_settings(base)
  local first = call("INCRBY", base .. key.id, #jobs) - #jobs
  length = length or choose_max_events(base)
  local ids = {}
  for position, job in ipairs(jobs) do
    ids[position] = add(length, job, first + position)
  end
  if any_ready and not held then
    call("ZADD", base .. key.marker, 0, "0")
  end
  if any_delayed then
    mark_delayed(base)
  end
  return ids
end
