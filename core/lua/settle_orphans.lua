--- Settle jobs that are in no state: delete them, or let them wait again (protocol part 1, sections 8.6 and 12.2).
---
--- ARGV: "remove" or "restore", how far lists may be looked through, how many to settle at most, ids.
--- Reply: {how many of the ids were dealt with, those that were settled}. Call again with the rest.
--- A job that a worker has locked is left alone. Restored are jobs that did not finish and do not wait for children; they are next in
--- line. To look an id up in a list costs the length of the list, so the slice ends when that much was spent, but not before the
--- first id.

--- @include arguments
--- @include sweeping
--- @include state

local restore, effort, most = ARGV[1] == "restore", whole(ARGV[2], "effort"), whole(ARGV[3], "most")
local FIRST = 4
local IN_SETS = {completed = true, failed = true, delayed = true, prioritized = true}

local function is_job(id)
  local kind = call("TYPE", base .. id)["ok"]
  return (kind == "hash" or kind == "none") and call("EXISTS", base .. id .. jobkey.lock) == 0
end

local function restore_job(length, id)
  local stored = call("HMGET", base .. id, field.name, field.finished_on, field.priority)
  if not stored[1] or stored[2] or call("SCARD", base .. id .. jobkey.dependencies) > 0 then
    return false
  end
  push_ready(base, id, tonumber(stored[3]) or 0, true)
  add_event_trimmed(base, length, "waiting", "jobId", id)
  return true
end

local function settle(length, id)
  if restore then
    return restore_job(length, id)
  end
  look_at(base, id)
  sweep_job(base, id)
  return true
end

probe_structures(base)
probe_finished(base)
call("ZCARD", base .. key.waiting_children)
local lists = call("LLEN", base .. key.wait) + call("LLEN", base .. key.active) + call("LLEN", base .. key.paused)
local length, settled, position = max_events(base), {}, FIRST
while position <= #ARGV and #settled < most and (effort >= lists or position == FIRST) do
  local id = ARGV[position]
  if is_job(id) then
    local place = place_of(base, id)
    effort = effort - (IN_SETS[place] and 1 or 1 + lists)
    if not place and settle(length, id) then
      settled[#settled + 1] = id
    end
  end
  position = position + 1
end
if restore and #settled > 0 then
  mark_waiting(base)
end
return {position - FIRST, settled}
