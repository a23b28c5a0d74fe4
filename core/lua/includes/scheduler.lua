--- Job schedulers (protocol part 2, section 2).

--- Scheduler ids, slots and scores are doubles in Redis; ms of every year to come are whole in them.
local LATEST = 9007199254740991

--- A slot as it stands in ids.
local function slot_text(slot)
  return string.format("%.0f", slot)
end

local function run_id(scheduler, slot)
  return key.repeat .. ":" .. scheduler .. ":" .. slot_text(slot)
end

--- A number that another client may have damaged, or nil.
local function whole_or_nil(text)
  local number = tonumber(text)
  if number and number == math.floor(number) and math.abs(number) <= LATEST then
    return number
  end
  return nil
end

--- Whether what should be the definition of a scheduler is a job: the scheduler's id names a run of another one, such as "tick:1800000000000".
local function is_run(definition)
  return call("TYPE", definition)["ok"] == "hash" and call("HEXISTS", definition, field.scheduler_id) == 1
end

--- The slot of the next run, or nil when there is no such scheduler.
local function armed_slot(base, scheduler)
  return whole_or_nil(call("ZSCORE", base .. key.repeat, scheduler))
end

--- Whether a job is the armed run of its scheduler: the next one, which must not be taken away alone. `scheduler` is its field.
local function is_armed_run(base, id, scheduler)
  local slot = scheduler and armed_slot(base, scheduler)
  return slot and id == run_id(scheduler, slot) or false
end
