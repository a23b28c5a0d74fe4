--- Where a job is (protocol part 1, section 8.7).

--- LPOS without a scan in Lua; nil when the id is not in the list.
local function list_holds(list, id)
  return call("LPOS", list, id) and true or false
end

--- The name of the key that holds the id, in BullMQ's order of search, or nil.
local function place_of(base, id)
  if call("ZSCORE", base .. key.completed, id) then return "completed" end
  if call("ZSCORE", base .. key.failed, id) then return "failed" end
  if call("ZSCORE", base .. key.delayed, id) then return "delayed" end
  if call("ZSCORE", base .. key.prioritized, id) then return "prioritized" end
  if list_holds(base .. key.active, id) then return "active" end
  if list_holds(base .. key.wait, id) then return "wait" end
  if list_holds(base .. key.paused, id) then return "paused" end
  if call("ZSCORE", base .. key.waiting_children, id) then return "waiting_children" end
  return nil
end

--- What the outside calls that place.
local function state_name(place)
  if not place then return "unknown" end
  if place == "wait" or place == "paused" then return "waiting" end
  if place == "waiting_children" then return "waiting-children" end
  return place
end

--- What the event `removed` calls that place: the key's own name.
local function place_name(place)
  if place == "waiting_children" then return "waiting-children" end
  return place or "unknown"
end
