--- @include removal
--- @include parent
--- Keeping and purging of finished jobs (protocol part 1, section 5.3).

--- Delete jobs that left a finished set by age or count. The deduplication id stays with whoever has it.
local function purge_jobs(base, ids)
  for _, id in ipairs(ids) do
    leave_parent(base, id)
    delete_job_keys(base, id)
  end
end

local function purge_by_age(base, finished, now, age, limit)
  local oldest = now - age * 1000
  local ids = call("ZREVRANGEBYSCORE", finished, oldest, "-inf", "LIMIT", 0, limit)
  purge_jobs(base, ids)
  if #ids < limit then
    call("ZREMRANGEBYSCORE", finished, "-inf", oldest)
  else
    for first = 1, #ids, 5000 do
      call("ZREM", finished, unpack(ids, first, math.min(first + 4999, #ids)))
    end
  end
end

local function purge_by_count(base, finished, count)
  local surplus = call("ZCARD", finished) - count
  if surplus > 0 then
    -- From the newest, as BullMQ does: parents that waited for several of them are released in this order.
    purge_jobs(base, call("ZREVRANGE", finished, count, -1))
    call("ZREMRANGEBYRANK", finished, 0, surplus - 1)
  end
end

--- keep: {count = number or nil, age = seconds or nil, limit = number}
local function purge(base, finished, now, keep)
  if keep.age then
    purge_by_age(base, finished, now, keep.age, keep.limit)
  end
  if keep.count and keep.count > 0 then
    purge_by_count(base, finished, keep.count)
  end
end
