--- Take away jobs of one kind that are older than a time, a slice at a time (protocol part 1, section 8.3).
---
--- ARGV: place (completed, failed, active, wait, paused, delayed, prioritized), newest time in ms, how many jobs to look at, how many to
---   take away at most, anchor and position of the cursor ("" and 0 at first), how many jobs all slices have taken away so far.
--- Reply: {ids taken away, anchor, position, 1 when there is more to look at}.
--- Event: `cleaned` for every slice that took jobs away, or one with 0 at the end of all.

--- @include arguments
--- @include window

local place, newest = ARGV[1], whole(ARGV[2], "newest")
local width, most = whole(ARGV[3], "count"), whole(ARGV[4], "most")
local cursor, so_far = {anchor = ARGV[5], position = ARGV[6]}, whole(ARGV[7], "so far")
local PLACES = {completed = key.completed, failed = key.failed, active = key.active, wait = key.wait, paused = key.paused,
  delayed = key.delayed, prioritized = key.prioritized}
local target = base .. PLACES[place]

--- The time that counts for a job of this place. One without any is old.
local function time_of(job)
  if place == "prioritized" then
    return tonumber(job.timestamp)
  end
  if place == "delayed" then
    return tonumber(job.processed_on or job.timestamp)
  end
  return tonumber(job.finished_on or job.processed_on or job.timestamp)
end

local function goes(job)
  return (time_of(job) or 0) <= newest and not is_armed(base, job)
    and not (place == "active" and call("EXISTS", base .. job.id .. jobkey.lock) == 1)
end

--- All that finished up to then: the set is in that order, so nothing is kept and the next slice starts anew.
local function take_finished()
  local gone = look_at_all(base, call("ZRANGEBYSCORE", target, "-inf", newest, "LIMIT", 0, math.min(width, most)))
  with_ids("ZREM", target, gone)
  return gone, #gone
end

probe_structures(base)
probe_finished(base)
call("LLEN", base .. key.paused)
call("ZCARD", base .. key.repeat)
local gone, seen_ids
if place == "completed" or place == "failed" then
  gone, seen_ids = take_finished()
else
  gone, seen_ids = take_window(base, target, cursor, width, most, goes)
end
sweep_jobs(base, gone)
local more = seen_ids == width
if #gone > 0 or (not more and so_far == 0) then
  add_event(base, "cleaned", "count", #gone)
end
local ids = {}
for number, job in ipairs(gone) do
  ids[number] = job.id
end
return {ids, cursor.anchor, tostring(cursor.position), more and 1 or 0}
