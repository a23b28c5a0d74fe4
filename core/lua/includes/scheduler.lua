--- Job schedulers, as far as other operations have to know them (protocol part 2, section 2.8).

--- Whether a job is the armed run of its scheduler: the next one, which must not be taken away alone. `scheduler` is its field.
local function is_armed_run(base, id, scheduler)
  local due = scheduler and call("ZSCORE", base .. key.repeat, scheduler)
  return due and id == key.repeat .. ":" .. scheduler .. ":" .. string.format("%.0f", tonumber(due)) or false
end
