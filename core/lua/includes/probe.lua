--- Reads whose only purpose is to fail on a key of a wrong type while nothing has been written yet.

local function probe_structures(base)
  call("LLEN", base .. key.wait)
  call("LLEN", base .. key.active)
  call("ZCARD", base .. key.prioritized)
  call("ZCARD", base .. key.delayed)
  call("ZCARD", base .. key.marker)
  call("XLEN", base .. key.events)
  call("HEXISTS", base .. key.meta, meta.max_events)
end

--- The same for the structures that only an outcome touches.
local function probe_finished(base)
  call("ZCARD", base .. key.completed)
  call("ZCARD", base .. key.failed)
  call("SCARD", base .. key.stalled)
end

--- What has been looked at; a script's own writes keep every type.
local seen = {}

--- Whether a key is free or of that type. For keys of other queues, which may be damaged without harm to this one.
local function fits(kind, name)
  local found = seen[name] or call("TYPE", name)["ok"]
  seen[name] = found
  return found == "none" or found == kind
end

--- Whether a child can write what it has to at its parent.
local function fits_parent(parent_key)
  return fits("set", parent_key .. jobkey.dependencies) and fits("hash", parent_key .. jobkey.processed)
    and fits("hash", parent_key .. jobkey.failed) and fits("zset", parent_key .. jobkey.unsuccessful)
end

--- Whether a job can be released into a queue.
local function fits_structures(base)
  for _, list in ipairs({key.wait, key.active}) do
    if not fits("list", base .. list) then return false end
  end
  for _, set in ipairs({key.prioritized, key.delayed, key.waiting_children, key.completed, key.failed, key.marker}) do
    if not fits("zset", base .. set) then return false end
  end
  return fits("stream", base .. key.events) and fits("hash", base .. key.meta) and fits("string", base .. key.priority_counter)
end
