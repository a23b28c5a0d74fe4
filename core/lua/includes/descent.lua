--- @include probe
--- @include events
--- @include state
--- @include removal
--- @include parent
--- Jobs below a job, found level by level and taken away together (protocol part 2, section 1.10). Nothing is a recursion: a flow
--- may be a chain of thousands, and a damaged one may be a circle.

--- Whether keys with that base are those of a queue: only its own have this one.
local function is_queue(each)
  return call("EXISTS", each .. key.meta) == 1
end

--- (base, id) of a job's key. An id may have colons, though no flow of ours gives it any: the longest base that is one of a queue
--- counts, so that no key of another job is touched.
local function locate(job_key)
  local last_base, last_id = string.match(job_key, "^(.+:)([^:]+)$")
  local each, id = last_base, last_id
  while each do
    if is_queue(each) then
      return each, id
    end
    local head, part = string.match(each, "^(.+:)([^:]+):$")
    each, id = head, head and part .. ":" .. id
  end
  return last_base, last_id
end

local READS = {
  [jobkey.dependencies] = "SMEMBERS", [jobkey.processed] = "HKEYS", [jobkey.failed] = "HKEYS", [jobkey.unsuccessful] = "ZRANGE",
}

local function members_of(job_key, part)
  if READS[part] == "ZRANGE" then
    return call("ZRANGE", job_key .. part, 0, -1)
  end
  return call(READS[part], job_key .. part)
end

--- A child as {base, id, key, parent_key}, or nil when it is gone, or is by now the child of somebody else.
local function own_child(child_key, parent_key)
  if not fits("hash", child_key) or call("HGET", child_key, field.parent_key) ~= parent_key then
    return nil
  end
  local child_base, id = locate(child_key)
  if not child_base or not fits_structures(child_base) then
    error("the child " .. child_key .. " is in no queue, or its queue has keys of other types")
  end
  return {base = child_base, id = id, key = child_key, parent_key = parent_key}
end

--- Most jobs have no children, which one call tells.
local function is_leaf(job_key)
  return call("EXISTS", job_key .. jobkey.dependencies, job_key .. jobkey.processed, job_key .. jobkey.failed,
    job_key .. jobkey.unsuccessful) == 0
end

--- Everything below a job, nearest first, and the members of its own collections that are no children of it. `parts` are the
--- collections to follow; `admits`, if given, says whether a child counts, and with it what is below.
local function descend(base, id, parts, admits)
  local found, strangers, met = {}, {}, {[base .. id] = true}
  local above, position = {key = base .. id}, 0
  while above do
    local is_parent = not is_leaf(above.key)
    if is_parent and not fits_parent(above.key) then
      error("a key of the job " .. above.key .. " has another type")
    end
    for _, part in ipairs(is_parent and parts or {}) do
      for _, child_key in ipairs(members_of(above.key, part)) do
        local child = not met[child_key] and own_child(child_key, above.key)
        if child and (not admits or admits(child)) then
          found[#found + 1] = child
        elseif not child and position == 0 and not met[child_key] then
          strangers[#strangers + 1] = child_key
        end
        met[child_key] = true
      end
    end
    position = position + 1
    above = found[position]
  end
  return found, strangers
end

--- Take jobs away: their places, their keys, an event each; the deepest first.
local function remove_all(jobs)
  local ids, places, lengths = {}, {}, {}
  for _, job in ipairs(jobs) do
    ids[job.base] = ids[job.base] or {}
    table.insert(ids[job.base], job.id)
  end
  for each, there in pairs(ids) do
    places[each], lengths[each] = take_out(each, there), max_events(each)
  end
  for position = #jobs, 1, -1 do
    local job = jobs[position]
    if forget_job(job.base, job.id) > 0 then
      add_event_trimmed(job.base, lengths[job.base], "removed", "jobId", job.id, "prev", place_name(places[job.base][job.id]))
    end
  end
end
