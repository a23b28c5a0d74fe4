--- Take a job scheduler away, and its next run while that is delayed (protocol part 2, section 2.8).
---
--- ARGV: scheduler id.
--- Reply: 1 there was one, 0 there was none.

--- @include probe
--- @include events
--- @include removal
--- @include scheduler

local scheduler = ARGV[1]
local definition = base .. key.repeat .. ":" .. scheduler

probe_structures(base)
local slot = armed_slot(base, scheduler)
local armed = slot and run_id(scheduler, slot)
local delayed = armed and call("ZSCORE", base .. key.delayed, armed)
if delayed then
  probe_claim(base, armed)
end

local registered = call("ZREM", base .. key.repeat, scheduler)
if not is_run(definition) then
  registered = registered + call("DEL", definition)
end
if delayed then
  call("ZREM", base .. key.delayed, armed)
  forget_job(base, armed)
  add_event_trimmed(base, max_events(base), "removed", "jobId", armed, "prev", "delayed")
end
return registered > 0 and 1 or 0
