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
