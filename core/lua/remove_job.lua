--- Take a job away with everything that belongs to it (protocol part 1, section 8.5). ARGV: id.
--- Reply: 1 removed or never there, 0 locked by a worker, -8 the armed run of a scheduler.

--- @include probe
--- @include events
--- @include state
--- @include removal
--- @include parent

local id = ARGV[1]

local function is_armed_run()
  local scheduler = call("HGET", base .. id, field.scheduler_id)
  local due = scheduler and call("ZSCORE", base .. key.repeat, scheduler)
  return due and id == "repeat:" .. scheduler .. ":" .. string.format("%.0f", tonumber(due)) or false
end

probe_structures(base)
if is_armed_run() then
  return -8
end
if call("EXISTS", base .. id .. jobkey.lock) == 1 then
  return 0
end
local length, place = max_events(base), place_of(base, id)
leave_parent(base, id)
remove_from_place(base, place, id)
if forget_job(base, id) > 0 then
  add_event_trimmed(base, length, "removed", "jobId", id, "prev", place_name(place))
end
return 1
