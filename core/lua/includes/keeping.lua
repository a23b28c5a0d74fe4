--- @include state
--- Keeping all that is stored of a job in one text. A text is a row of parts, each its length, a colon and its bytes; the bytes are those of
--- Redis, so nothing is decoded.
---
--- A job: place, id, score ("" in a list), value and ms left of its claim on a deduplication id ("" for none), then keys.
--- A key: what follows the key of the hash, its type, the number of values, the values.

local READERS = {hash = "HGETALL", set = "SMEMBERS"}
local PARTS = {"", jobkey.logs, jobkey.dependencies, jobkey.processed, jobkey.failed, jobkey.unsuccessful}

local function add_part(parts, value)
  local text = tostring(value)
  parts[#parts + 1] = #text .. ":" .. text
end

--- The values of a key of any of these types; nil for a key that is not there or of another.
local function values_of(name)
  local kind = call("TYPE", name)["ok"]
  if kind == "list" then
    return call("LRANGE", name, 0, -1), kind
  elseif kind == "zset" then
    return call("ZRANGE", name, 0, -1, "WITHSCORES"), kind
  elseif kind == "string" then
    return {call("GET", name)}, kind
  end
  return READERS[kind] and call(READERS[kind], name) or nil, kind
end

local function add_key(parts, name, suffix)
  local values, kind = values_of(name)
  if not values then
    return
  end
  add_part(parts, suffix)
  add_part(parts, kind)
  add_part(parts, #values)
  for _, value in ipairs(values) do
    add_part(parts, value)
  end
end

local KEPT_SETS = {completed = key.completed, failed = key.failed, delayed = key.delayed, prioritized = key.prioritized,
  waiting_children = key.waiting_children}

local function kept_job(base, place, id)
  local parts, hash = {}, base .. id
  add_part(parts, place)
  add_part(parts, id)
  add_part(parts, KEPT_SETS[place] and call("ZSCORE", base .. KEPT_SETS[place], id) or "")
  local claim = call("HGET", hash, field.deduplication_id)
  local owner = claim and base .. key.deduplication .. claim
  local owns = owner and call("GET", owner) == id
  add_part(parts, owns and claim or "")
  add_part(parts, owns and call("PTTL", owner) or "")
  for _, suffix in ipairs(PARTS) do
    add_key(parts, hash .. suffix, suffix)
  end
  return table.concat(parts)
end
