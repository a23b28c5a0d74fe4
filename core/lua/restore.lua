--- Bring back jobs that `take_away` kept, the last one first.
---
--- ARGV: key of the list that keeps them, how many at most.
--- Reply: {ids brought back, ids that are in use by now and stayed as they are, how many are left}.
--- A job that was active waits, as no worker has it any more. A child is pending again for a parent that still waits for children.
--- Event: `waiting` for a job that may start.

--- @include arguments
--- @include parent
--- @include keeping

local shelf, most = ARGV[1], whole(ARGV[2], "count")

local function reader_of(text)
  local at = 1
  return function()
    if at > #text then
      return nil
    end
    local colon = string.find(text, ":", at, true)
    local length = tonumber(string.sub(text, at, colon - 1))
    local part = string.sub(text, colon + 1, colon + length)
    at = colon + length + 1
    return part
  end
end

local WRITERS = {hash = "HSET", list = "RPUSH", set = "SADD", zset = "ZADD", string = "SET"}

--- Write one key anew, in slices of values: unpack takes no more than some thousand.
local function write_key(name, kind, values)
  if kind == "zset" then
    for position = 1, #values, 2 do
      values[position], values[position + 1] = values[position + 1], values[position]
    end
  end
  for first = 1, #values, 4000 do
    call(WRITERS[kind], name, unpack(values, first, math.min(first + 3999, #values)))
  end
end

local function read_key(next_part)
  local suffix = next_part()
  if not suffix then
    return nil
  end
  local kind, values = next_part(), {}
  for position = 1, tonumber(next_part()) do
    values[position] = next_part()
  end
  return suffix, kind, values
end

local function restore_meta(values, paused)
  for position = 1, #values, 2 do
    if values[position] ~= meta.paused or paused then
      call("HSETNX", base .. key.meta, values[position], values[position + 1])
    end
  end
end

local function restore_queue(next_part)
  local paused = next_part() == "1"
  for suffix, kind, values in read_key, next_part do
    local name = base .. suffix
    if suffix == key.meta then
      restore_meta(values, paused)
    elseif suffix == key.id and (tonumber(redis.pcall("GET", name)) or 0) < tonumber(values[1]) then
      call("SET", name, values[1])
    elseif call("EXISTS", name) == 0 then
      write_key(name, kind, values)
    end
  end
  return true
end

local function put_back(place, id, score)
  if KEPT_SETS[place] then
    call("ZADD", base .. KEPT_SETS[place], score, id)
  else
    call("RPUSH", base .. key.wait, id)
  end
  if place == "wait" or place == "active" or place == "prioritized" then
    add_event(base, "waiting", "jobId", id)
  end
end

local function join_parent(id)
  local parent = parent_of(base, id)
  if parent and call("ZSCORE", parent.base .. key.waiting_children, parent.id) then
    call("SADD", parent.key .. jobkey.dependencies, base .. id)
  end
end

local UNFINISHED = {wait = true, active = true, paused = true, delayed = true, prioritized = true, waiting_children = true}

local function restore_job(place, next_part)
  local id, score, claim, left = next_part(), next_part(), next_part(), next_part()
  if call("EXISTS", base .. id) == 1 then
    return id, false
  end
  for suffix, kind, values in read_key, next_part do
    call("DEL", base .. id .. suffix)
    write_key(base .. id .. suffix, kind, values)
  end
  if claim ~= "" and call("SETNX", base .. key.deduplication .. claim, id) == 1 and tonumber(left) > 0 then
    call("PEXPIRE", base .. key.deduplication .. claim, left)
  end
  put_back(place, id, score)
  if UNFINISHED[place] then
    join_parent(id)
  end
  return id, true
end

local back, taken = {}, {}
for _ = 1, most do
  local text = call("RPOP", shelf)
  if not text then
    break
  end
  local next_part = reader_of(text)
  local place = next_part()
  if place == "queue" then
    for _ = 1, 4 do
      next_part()
    end
    restore_queue(next_part)
  else
    local id, restored = restore_job(place, next_part)
    local list = restored and back or taken
    list[#list + 1] = id
  end
end
mark_waiting_if_any(base)
mark_delayed(base)
return {back, taken, call("LLEN", shelf)}
