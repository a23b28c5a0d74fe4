--- Mark and sweep of jobs whose worker is gone (protocol part 1, section 7.3).
---
--- ARGV: now ms, ms between two sweeps of the whole fleet, how many stalls are forgiven.
--- Reply: the ids that were recovered; empty when another worker swept just now.

--- @include arguments
--- @include events
--- @include marker
--- @include probe
--- @include stalls

local now, interval = whole(ARGV[1], "now"), whole(ARGV[2], "interval")
local forgiven = whole(ARGV[3], "max stalled count")
local BATCH = 5000

local function is_abandoned(id)
  return call("EXISTS", base .. id .. jobkey.lock) == 0 and call("LREM", base .. key.active, 1, id) == 1
end

probe_structures(base)
probe_finished(base)
call("ZCARD", base .. key.repeat)
local suspects = call("SMEMBERS", base .. key.stalled)
if not call("SET", base .. key.stalled_check, now, "PX", interval, "NX") then
  return {}
end
trim_events(base, max_events(base))
call("DEL", base .. key.stalled)
local recovered = {}
for _, id in ipairs(suspects) do
  -- An id without a hash is dropped: counting its stall would create a stub of a job.
  if is_abandoned(id) and call("TYPE", base .. id)["ok"] == "hash" then
    recover_job(base, id, forgiven)
    recovered[#recovered + 1] = id
  end
end
local active = call("LRANGE", base .. key.active, 0, -1)
for first = 1, #active, BATCH do
  call("SADD", base .. key.stalled, unpack(active, first, math.min(first + BATCH - 1, #active)))
end
return recovered
