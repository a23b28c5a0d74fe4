--- @include state
--- @include probe
--- Taking jobs away (protocol part 1, section 0: DELKEYS and RMJOB).

--- A job was taken away: its deduplication id is free again. A key of another type is nobody's claim.
local function release_removed(base, id, deduplication_id)
  local owner = deduplication_id and base .. key.deduplication .. deduplication_id
  if owner and fits("string", owner) and call("GET", owner) == id then
    call("DEL", owner, base .. key.deduplication_next .. deduplication_id)
  end
end

--- Fail while nothing is written when the key of a job's deduplication id is damaged.
local function probe_claim(base, id)
  local deduplication_id = call("HGET", base .. id, field.deduplication_id)
  if deduplication_id then
    call("GET", base .. key.deduplication .. deduplication_id)
  end
end

--- UNLINK: what is large, such as the values of many children, is freed beside Redis' main thread.
local function delete_job_keys(base, id)
  local hash = base .. id
  return call("UNLINK", hash, hash .. jobkey.logs, hash .. jobkey.dependencies, hash .. jobkey.processed,
    hash .. jobkey.failed, hash .. jobkey.unsuccessful)
end

--- A job's keys and its claim on a deduplication id. Gives how many of its keys there were.
local function forget_job(base, id)
  release_removed(base, id, call("HGET", base .. id, field.deduplication_id))
  return delete_job_keys(base, id)
end

local LISTS = {active = key.active, wait = key.wait, paused = key.paused}
local SETS = {completed = key.completed, failed = key.failed, delayed = key.delayed, prioritized = key.prioritized,
  waiting_children = key.waiting_children}

--- Take an id out of the structure that holds it. `place` is what place_of gave.
local function remove_from_place(base, place, id)
  if LISTS[place] then
    call("LREM", base .. LISTS[place], 1, id)
  elseif place then
    call("ZREM", base .. SETS[place], id)
  end
end

--- Below that many ids each is looked for by itself; above, a list is read once and written anew without them.
local FEW = 32
local SLICE = 5000

--- Take ids out of a list; `wanted` is a set and loses those that were found, which are noted as being at `place`.
local function filter_list(list, wanted, places, place)
  local kept, any = {}, false
  for _, id in ipairs(call("LRANGE", list, 0, -1)) do
    if wanted[id] then
      places[id], wanted[id], any = place, nil, true
    else
      kept[#kept + 1] = id
    end
  end
  if any then
    call("DEL", list)
    for first = 1, #kept, SLICE do
      call("RPUSH", list, unpack(kept, first, math.min(first + SLICE - 1, #kept)))
    end
  end
end

--- Take ids out of whatever holds them. Gives id -> the place it was in; none for an id in no place. Of many ids none may be there
--- twice.
local function take_out(base, ids)
  local places, wanted = {}, {}
  if #ids <= FEW then
    for _, id in ipairs(ids) do
      places[id] = place_of(base, id)
      remove_from_place(base, places[id], id)
    end
    return places
  end
  for _, id in ipairs(ids) do
    wanted[id] = true
  end
  for _, place in ipairs({"wait", "active", "paused"}) do
    filter_list(base .. LISTS[place], wanted, places, place)
  end
  for id in pairs(wanted) do
    for place, set in pairs(SETS) do
      if call("ZREM", base .. set, id) == 1 then
        places[id] = place
        break
      end
    end
  end
  return places
end
