--- Taking jobs away (protocol part 1, section 0: DELKEYS and RMJOB).

--- A job was taken away: its deduplication id is free again.
local function release_removed(base, id, deduplication_id)
  if deduplication_id and call("GET", base .. key.deduplication .. deduplication_id) == id then
    call("DEL", base .. key.deduplication .. deduplication_id, base .. key.deduplication_next .. deduplication_id)
  end
end

local function delete_job_keys(base, id)
  local hash = base .. id
  return call("DEL", hash, hash .. jobkey.logs, hash .. jobkey.dependencies, hash .. jobkey.processed,
    hash .. jobkey.failed, hash .. jobkey.unsuccessful)
end

--- A job's keys and its claim on a deduplication id. Gives how many of its keys there were.
local function forget_job(base, id)
  release_removed(base, id, call("HGET", base .. id, field.deduplication_id))
  return delete_job_keys(base, id)
end

--- Take an id out of the structure that holds it. `place` is what place_of gave.
local function remove_from_place(base, place, id)
  if place == "active" then
    call("LREM", base .. key.active, 1, id)
  elseif place == "wait" then
    call("LREM", base .. key.wait, 1, id)
  elseif place == "paused" then
    call("LREM", base .. key.paused, 1, id)
  elseif place == "completed" then
    call("ZREM", base .. key.completed, id)
  elseif place == "failed" then
    call("ZREM", base .. key.failed, id)
  elseif place == "delayed" then
    call("ZREM", base .. key.delayed, id)
  elseif place == "prioritized" then
    call("ZREM", base .. key.prioritized, id)
  elseif place == "waiting_children" then
    call("ZREM", base .. key.waiting_children, id)
  end
end
