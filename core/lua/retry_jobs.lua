--- Run many finished jobs again, or make delayed ones due (protocol part 1, section 6.8).
---
--- ARGV: "failed", "completed" or "delayed"; how many at most; the latest score in ms, or "+inf".
--- Reply: how many were moved. Unlike BullMQ each job goes where its priority says, and its delay becomes 0.

--- @include arguments
--- @include probe
--- @include reprocess

local state, most = ARGV[1], whole(ARGV[2], "count")
probe_structures(base)
probe_finished(base)
local length = max_events(base)

local function promote(id)
  call("ZREM", base .. key.delayed, id)
  call("HSET", base .. id, field.delay, 0)
  push_ready(base, id, tonumber(call("HGET", base .. id, field.priority)) or 0, false)
  add_event_trimmed(base, length, "waiting", "jobId", id, "prev", "delayed")
end

local set = state == "delayed" and base .. key.delayed or finished_set(base, state)
local latest = ARGV[3]
if state == "delayed" and latest ~= "+inf" then
  latest = (whole(latest, "timestamp") + 1) * 4096 - 1
end
local ids = call("ZRANGEBYSCORE", set, 0, latest, "LIMIT", 0, most)
for _, id in ipairs(ids) do
  if call("EXISTS", base .. id) == 0 then
    call("ZREM", set, id)
  elseif state == "delayed" then
    promote(id)
  else
    reprocess(base, length, id, state)
  end
end
if #ids > 0 then
  mark_waiting(base)
end
return #ids
