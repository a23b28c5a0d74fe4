--- Resume the queue, and take over jobs that a 5.x process left in its `paused` list (protocol part 1, section 8.1).
---
--- ARGV: "1" in the first of several rounds.
--- Reply: how many ids are still in the old list; call again until 0.

--- @include events
--- @include marker
--- @include probe

local BATCH = 5000

--- The older jobs go to the right end: they run first, in their order.
local function merge_legacy()
  local ids = call("LRANGE", base .. key.paused, 0, BATCH - 1)
  if #ids > 0 then
    call("RPUSH", base .. key.wait, unpack(ids))
    call("LTRIM", base .. key.paused, #ids, -1)
  end
  return call("LLEN", base .. key.paused)
end

probe_structures(base)
call("LLEN", base .. key.paused)
call("HDEL", base .. key.meta, meta.paused)
local rest = merge_legacy()
if call("LLEN", base .. key.wait) > 0 or call("ZCARD", base .. key.prioritized) > 0 then
  call("ZADD", base .. key.marker, 0, "0")
else
  mark_delayed(base)
end
if ARGV[1] == "1" then
  add_event(base, "resumed")
end
return rest
