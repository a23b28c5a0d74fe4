--- Make a job scheduler, or change it, with its next run (protocol part 2, section 2.5).
---
--- ARGV: scheduler id, now ms, every ms or "" for cron, slot of cron or "", offset or "", start ms or "",
---   name, data and options of the run (JSON, see includes/run), its id as JSON up to the slot, priority, "1" for lifo or "",
---   deduplication id or "", then fields and values of the definition.
--- Reply: {0, id, delay ms, options}, or {-10, "1" when the run that was to be replaced is not to blame} or {-11}: nothing has
---   changed, as the ids of the next slots are taken; {-21}: nothing has changed, as the scheduler's id names a run of another one.
--- Everything is read before the first write.

--- @include arguments
--- @include probe
--- @include numbers
--- @include state
--- @include removal
--- @include run

local scheduler, now, every = ARGV[1], whole(ARGV[2], "now"), whole_or_nil(ARGV[3])
local offset, start = whole_or_nil(ARGV[5]), whole_or_nil(ARGV[6])
local definition = base .. key.repeat .. ":" .. scheduler
local FIRST_FIELD = 14
-- A waiting run makes room for the new one; one that is being worked or has ended does not.
local REPLACEABLE = {delayed = true, prioritized = true, wait = true, paused = true}

probe_structures(base)
if is_run(definition) then
  return {-21}
end
local stored = call("HMGET", definition, schedule.every, schedule.offset, schedule.count)
local previous = armed_slot(base, scheduler)
local changed = every and previous and tonumber(stored[1]) ~= every
local armed = previous and run_id(scheduler, previous)
local place = armed and call("EXISTS", base .. armed) == 1 and place_of(base, armed) or nil
local replaced = place ~= nil and REPLACEABLE[place] == true

local slot, kept_offset
if every then
  local known = not changed and previous or nil
  slot, kept_offset = next_slot(known, every, now, offset, start)
  if replaced and not changed then
    slot = previous
  end
  slot = free_slot(base, scheduler, slot, every, replaced and armed or nil)
  if not slot then
    return {-11}
  end
else
  slot, kept_offset = whole(ARGV[4], "slot"), 0
  local id = run_id(scheduler, slot)
  if call("EXISTS", base .. id) == 1 and not (replaced and id == armed) then
    return {-10, replaced and "1" or ""}
  end
end
if replaced then
  kept_offset = offset or whole_or_nil(stored[2]) or kept_offset
  probe_claim(base, armed)
end

call("INCR", base .. key.id)
if replaced then
  remove_from_place(base, place, armed)
  forget_job(base, armed)
end
call("ZADD", base .. key.repeat, slot, scheduler)
call("DEL", definition)
call("HSET", definition, schedule.offset, slot_text(kept_offset), schedule.count, math.max(1, stored_count(stored[3])),
  unpack(ARGV, FIRST_FIELD))
local id, delay, options = insert_run(base, {
  scheduler = scheduler, slot = slot, now = now, name = ARGV[7], data = ARGV[8], options_head = ARGV[9], id_head = ARGV[10],
  priority = whole(ARGV[11], "priority"), lifo = ARGV[12] == "1", deduplication_id = ARGV[13] ~= "" and ARGV[13] or nil,
  cron = not every,
})
return {0, id, delay, options}
