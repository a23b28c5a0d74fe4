--- @include events
--- @include marker
--- @include numbers
--- A job whose worker is gone runs again (protocol part 1, section 7.3, step 5).

local function is_scheduled(base, id)
  local scheduler = call("HGET", base .. id, field.scheduler_id)
  return scheduler and (call("EXISTS", base .. key.repeat .. ":" .. scheduler) == 1
    or call("ZSCORE", base .. key.repeat, scheduler)) and true or false
end

--- Next in line again, whatever its priority, with one more stall counted. Gives the number of stalls.
local function push_stalled(base, id)
  local stalls = stored_count(call("HGET", base .. id, field.stalled_count)) + 1
  call("HSET", base .. id, field.stalled_count, stalls)
  call("RPUSH", base .. key.wait, id)
  mark_waiting(base)
  add_event(base, "waiting", "jobId", id, "prev", "active")
  add_event(base, "stalled", "jobId", id)
  return stalls
end

--- Past the limit the next worker fails it unseen.
local function recover_job(base, id, forgiven)
  if push_stalled(base, id) > forgiven and not is_scheduled(base, id) then
    call("HSET", base .. id, field.deferred_failure, "job stalled more than allowable limit")
  end
end
