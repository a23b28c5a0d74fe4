--- @include scheduler
--- @include insertion
--- @include marker
--- Runs of a job scheduler: when, and making one (protocol part 2, sections 2.2 and 2.4).

--- So many steps forward are tried when slots are taken by other jobs.
local MOST_STEPS = 32

--- When an interval runs next, and its offset. `previous`, `offset` and `start` may be nil.
local function next_slot(previous, every, now, offset, start)
  local grid = math.floor(now / every) * every + (offset or 0)
  local slot
  if previous then
    slot = previous + every
    if slot < now then
      -- Slots were missed. They are not made up for, and the phase stays.
      slot = grid > now and grid or grid + every
    end
  elseif start then
    slot = math.max(start, now)
  elseif offset and offset > 0 then
    slot = grid > now and grid or grid + every
  else
    slot = now
  end
  if not offset or offset == 0 then
    offset = slot - math.floor(slot / every) * every
  end
  return math.floor(slot), math.floor(offset)
end

--- The first slot of an interval from `slot` on whose id is free, or nil. `own` is an id that is about to be.
local function free_slot(base, scheduler, slot, every, own)
  for _ = 0, MOST_STEPS do
    local id = run_id(scheduler, slot)
    if id == own or call("EXISTS", base .. id) == 0 then
      return slot
    end
    slot = slot + every
  end
  return nil
end

--- Options are JSON text that lacks what only the script knows, and its closing brace. `id_head` is the JSON text of the id up to the slot.
local function complete_options(head, id_head, slot, delay, cron)
  local text = slot_text(slot)
  return head .. ',"jobId":' .. id_head .. text .. '","delay":' .. slot_text(delay)
    .. (cron and ',"prevMillis":' .. text or "") .. "}"
end

--- Make the run of a slot and put it in line. run: {scheduler, slot, now, name, data, options_head, id_head, cron, priority, lifo,
--- deduplication_id or nil}. Gives its id, delay and options.
local function insert_run(base, run)
  local length, id = max_events(base), run_id(run.scheduler, run.slot)
  local delay = math.max(0, run.slot - run.now)
  local options = complete_options(run.options_head, run.id_head, run.slot, delay, run.cron)
  call("HSET", base .. id, field.scheduler_id, run.scheduler)
  insert_job(base, length, {id = id, name = run.name, data = run.data, opts = options, timestamp = run.now, delay = delay,
    priority = run.priority, lifo = run.lifo, deduplication_id = run.deduplication_id})
  if delay > 0 then
    mark_delayed(base)
  else
    mark_waiting(base)
  end
  return id, delay, options
end
