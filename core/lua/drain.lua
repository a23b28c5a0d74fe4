--- Take away the jobs that wait, a slice at a time (protocol part 1, section 8.2). No events.
---
--- ARGV: how many jobs to look at in this slice, "1" to take delayed ones too or "", then where the last slice stopped: number of the
---   place from 1, jobs still to be looked at there ("" at its start), anchor and position of the cursor ("" and 0).
--- Reply: {jobs taken away, place, still to be looked at, anchor, position}; place 0 when all is done.
--- Jobs that are added during the drain stay, since a place is left when as many were looked at as there were at first. The armed
--- run of a scheduler stays where it is.

--- @include arguments
--- @include window

local PLACES = {key.wait, key.paused, key.prioritized}
if ARGV[2] == "1" then
  PLACES = {key.wait, key.paused, key.delayed, key.prioritized}
end

local budget = whole(ARGV[1], "count")
local place, left = whole(ARGV[3], "place"), ARGV[4]
local cursor = {anchor = ARGV[5], position = ARGV[6]}

local function goes(job)
  return not is_armed(base, job)
end

local function size_of(target)
  return call("TYPE", target)["ok"] == "zset" and call("ZCARD", target) or call("LLEN", target)
end

probe_structures(base)
call("LLEN", base .. key.paused)
call("ZCARD", base .. key.repeat)
local removed = 0
while place <= #PLACES and budget > 0 do
  local target = base .. PLACES[place]
  left = left == "" and size_of(target) or whole(left, "left")
  local width = math.min(budget, left)
  if width > 0 then
    local gone = take_window(base, target, cursor, width, width, goes)
    sweep_jobs(base, gone)
    removed = removed + #gone
  end
  budget, left = budget - width, left - width
  if left <= 0 then
    place, left, cursor = place + 1, "", {anchor = "", position = "0"}
  end
end
if place > #PLACES then
  place = 0
end
return {removed, place, left, cursor.anchor, tostring(cursor.position)}
