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

--- The same for what a child writes at its parent.
local function probe_parent(parent_key)
  call("SCARD", parent_key .. jobkey.dependencies)
  call("HLEN", parent_key .. jobkey.processed)
  call("HLEN", parent_key .. jobkey.failed)
  call("ZCARD", parent_key .. jobkey.unsuccessful)
end
