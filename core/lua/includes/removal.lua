--- Taking a job's keys away (protocol part 1, section 0: DELKEYS).

local function delete_job_keys(base, id)
  local hash = base .. id
  return call("DEL", hash, hash .. jobkey.logs, hash .. jobkey.dependencies, hash .. jobkey.processed,
    hash .. jobkey.failed, hash .. jobkey.unsuccessful)
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
