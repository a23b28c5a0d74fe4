--- Take chosen jobs away and keep all that was stored of them, so that `restore` can bring them back.
---
--- ARGV: key of the list that keeps them, ms it lives, bytes that may still be kept, where the jobs are (completed, failed, active, wait,
---   delayed, prioritized, waiting_children), newest time in ms of a job that goes or "", "1" to take locked jobs and armed runs too or "",
---   then ids, the next to run first.
--- Reply: {ids taken away, bytes kept, 1 when the next one did not fit}.
--- What was kept is a list with one text a job; see includes/keeping.lua. A parent in the same queue that goes with its last child is kept.
--- Event: `cleaned`, when any went.

--- @include arguments
--- @include sweeping
--- @include keeping

local shelf, life, room = ARGV[1], whole(ARGV[2], "life"), whole(ARGV[3], "room")
local place, newest, force = ARGV[4], tonumber(ARGV[5]), ARGV[6] == "1"

local function may_go(job)
  if force then
    return true
  end
  local moment = tonumber(job.finished_on or job.processed_on or job.timestamp) or 0
  return not is_armed(base, job) and call("EXISTS", base .. job.id .. jobkey.lock) == 0 and (not newest or moment <= newest)
end

--- Its parents in this queue that go with it: each waits for nothing else.
local function lone_parents(id)
  local chain, child, parent = {}, base .. id, parent_of(base, id)
  while parent and parent.base == base and call("SISMEMBER", parent.key .. jobkey.dependencies, child) == 1
    and call("SCARD", parent.key .. jobkey.dependencies) == 1 and call("ZSCORE", base .. key.waiting_children, parent.id) do
    chain[#chain + 1] = parent.id
    child, parent = parent.key, parent_of(base, parent.id)
  end
  return chain
end

probe_structures(base)
probe_finished(base)
call("LLEN", shelf)
local ids = {}
for position = 7, #ARGV do
  ids[#ids + 1] = ARGV[position]
end
local jobs = look_at_all(base, ids)
local gone, used, full = {}, 0, 0
for _, job in ipairs(jobs) do
  local found = not job.foreign and place_of(base, job.id)
  if (found == place or found == "paused" and place == "wait") and may_go(job) then
    local texts = {kept_job(base, place, job.id)}
    for _, parent in ipairs(lone_parents(job.id)) do
      texts[#texts + 1] = kept_job(base, "waiting_children", parent)
    end
    local size = 0
    for _, text in ipairs(texts) do
      size = size + #text
    end
    if used + size > room then
      full = 1
      break
    end
    used = used + size
    for _, text in ipairs(texts) do
      call("RPUSH", shelf, text)
    end
    remove_from_place(base, found, job.id)
    if force then
      call("DEL", base .. job.id .. jobkey.lock)
    end
    sweep_job(base, job.id)
    gone[#gone + 1] = job.id
  end
end
if #gone > 0 then
  call("PEXPIRE", shelf, life)
  add_event(base, "cleaned", "count", #gone)
end
return {gone, used, full}
