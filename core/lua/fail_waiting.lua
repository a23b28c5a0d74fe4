--- Fail a job that no worker has yet: it moves to `failed` without a run and without an attempt. Ours; BullMQ has no such operation,
--- but its readers see an ordinary failed job.
---
--- ARGV: id, now ms, reason, exception record or "".
--- Reply: 0, -1 without the job, -3 when it is active, finished or waits for children.

--- @include arguments
--- @include probe
--- @include state
--- @include events
--- @include deduplication
--- @include parent

local id, now, reason = ARGV[1], whole(ARGV[2], "now"), ARGV[3]
probe_structures(base)
probe_finished(base)
if call("EXISTS", base .. id) == 0 then
  return -1
end
local place = place_of(base, id)
if place ~= "wait" and place ~= "paused" and place ~= "delayed" and place ~= "prioritized" then
  return -3
end
local deduplication_id, parent = call("HGET", base .. id, field.deduplication_id), parent_of(base, id)
local parked = deduplication_id and read_parked(base, deduplication_id)
remove_from_place(base, place, id)
trim_events(base, max_events(base))
if deduplication_id then
  release_finished(base, id, deduplication_id)
end
if parked then
  insert_parked(base, max_events(base), parked, now)
end
if parent then
  child_failed(base .. id, parent, reason, now)
end
call("HSET", base .. id, field.failed_reason, reason, field.finished_on, now)
if ARGV[4] ~= "" then
  call("HSET", base .. id, field.exception, ARGV[4])
end
call("ZADD", base .. key.failed, now, id)
add_event(base, "failed", "jobId", id, field.failed_reason, reason, "prev", state_name(place))
return 0
