--- A worker took the armed run of a job scheduler: make the next one (protocol part 2, section 2.6).
---
--- ARGV: scheduler id, id of the job that was taken, now ms, every ms of its options or "" for cron, slot of cron or "",
---   its name and data (for a definition that has none), options of the next run (JSON, see includes/run), its id as JSON up to the
---   slot, priority, "1" for lifo or "", deduplication id or "".
--- Reply: {id of the next run, or "" when none is due from this job, word}. The word is "" or says what is odd:
---   taken (cron: the slot's id exists; nothing has changed), full (an interval: the ids of the next slots exist; nothing has changed),
---   missing (the scheduler has no definition; nothing has changed), damaged (neither every nor a slot; nothing has changed),
---   legacy (the definition is that of a repeatable job of old: it is a scheduler from now on).
--- Everything is read before the first write.

--- @include arguments
--- @include probe
--- @include numbers
--- @include run

local scheduler, taken, now = ARGV[1], ARGV[2], whole(ARGV[3], "now")
local definition = base .. key.repeat .. ":" .. scheduler

--- Whole numbers are what we write; Node takes fractions.
local function positive(text)
  local number = tonumber(text)
  return number and number > 0 and number <= LATEST and number or nil
end

probe_structures(base)
local previous = armed_slot(base, scheduler)
if not previous or taken ~= run_id(scheduler, previous) then
  return {"", ""}
end
if call("TYPE", definition)["ok"] ~= "hash" then
  return {"", "missing"}
end
local stored = call("HMGET", definition, schedule.name, schedule.data, schedule.every, schedule.offset, schedule.count)
local cron, slot = ARGV[5] ~= "", nil
if cron then
  slot = whole(ARGV[5], "slot")
  if call("EXISTS", base .. run_id(scheduler, slot)) == 1 then
    return {"", "taken"}
  end
else
  local every = positive(stored[3]) or positive(ARGV[4])
  if not every then
    return {"", "damaged"}
  end
  slot = free_slot(base, scheduler, next_slot(previous, every, now, whole_or_nil(stored[4])), every)
  if not slot then
    return {"", "full"}
  end
end
local legacy = not stored[5]

call("INCR", base .. key.id)
call("ZADD", base .. key.repeat, slot, scheduler)
call("HSET", definition, schedule.count, stored_count(stored[5]) + 1)
if legacy and not stored[2] then
  -- Else the second run from now on would have none.
  call("HSET", definition, schedule.data, ARGV[7])
end
local id = insert_run(base, {
  scheduler = scheduler, slot = slot, now = now, name = stored[1] or ARGV[6],
  data = stored[2] or (legacy and ARGV[7] or "{}"), options_head = ARGV[8], id_head = ARGV[9],
  priority = whole(ARGV[10], "priority"), lifo = ARGV[11] == "1", deduplication_id = ARGV[12] ~= "" and ARGV[12] or nil,
  cron = cron,
})
return {id, legacy and "legacy" or ""}
