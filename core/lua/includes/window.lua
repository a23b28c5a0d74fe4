--- @include sweeping
--- Going through a list or a set a window at a time, oldest or next first, and taking some of its jobs out. What is kept stays where it
--- is; the next window begins behind it.
---
--- A cursor is {anchor = the id kept last or "", position = of a list how many ids were kept at its right end ("0" at first), of a set
--- the score of the anchor as Redis writes it}. When others have moved the anchor meanwhile it is looked for, so no job is passed over.

--- The jobs looked at, in order, and those that go. No further than `most` of them.
local function choose(base, ids, rule, most)
  local jobs, gone = {}, {}
  for _, id in ipairs(ids) do
    if #gone >= most then
      break
    end
    local job = look_at(base, id)
    jobs[#jobs + 1] = job
    job.gone = rule(job)
    if job.gone then
      gone[#gone + 1] = job
    end
  end
  return jobs, gone
end

local function take_from_set(base, target, cursor, width, most, rule)
  local rank = 0
  if cursor.anchor ~= "" then
    local found = call("ZRANK", target, cursor.anchor)
    rank = found and found + 1 or call("ZCOUNT", target, "-inf", "(" .. cursor.position)
  end
  local ids = call("ZRANGE", target, rank, rank + width - 1)
  local jobs, gone = choose(base, ids, rule, most)
  for _, job in ipairs(jobs) do
    if not job.gone then
      cursor.anchor = job.id
    end
  end
  with_ids("ZREM", target, gone)
  if cursor.anchor ~= "" then
    cursor.position = call("ZSCORE", target, cursor.anchor) or cursor.position
  end
  return gone, #ids
end

--- How many ids were kept at the right end. Workers may have taken some of them since, or all.
local function kept_at_end(target, cursor)
  local kept = tonumber(cursor.position)
  if cursor.anchor == "" or call("LINDEX", target, -kept) == cursor.anchor then
    return kept
  end
  local index = call("LPOS", target, cursor.anchor, "RANK", -1)
  return index and call("LLEN", target) - index or 0
end

local function turned(items)
  local other = {}
  for position = #items, 1, -1 do
    other[#other + 1] = items[position]
  end
  return other
end

--- An id in the middle of a list is overwritten by what no id can be, and then all of those go at once.
local function remove_from_list(target, jobs, kept, count)
  for offset, job in ipairs(jobs) do
    if job.gone then
      call("LSET", target, -(kept + offset), "")
    end
  end
  if count > 0 then
    call("LREM", target, -count, "")
  end
end

local function take_from_list(base, target, cursor, width, most, rule)
  local kept = kept_at_end(target, cursor)
  local ids = turned(call("LRANGE", target, -(kept + width), -(kept + 1)))
  local jobs, gone = choose(base, ids, rule, most)
  remove_from_list(target, jobs, kept, #gone)
  cursor.position = kept + #jobs - #gone
  cursor.anchor = cursor.position > 0 and call("LINDEX", target, -cursor.position) or ""
  -- Left to right, as BullMQ does: of the parents that are released the one of the oldest job runs first.
  return turned(gone), #ids
end

--- Look at up to `width` jobs behind the cursor and take out up to `most` of those the rule holds for. Their keys are still there; the
--- cursor moves on. Gives the jobs and how many ids were seen.
local function take_window(base, target, cursor, width, most, rule)
  local take = call("TYPE", target)["ok"] == "zset" and take_from_set or take_from_list
  return take(base, target, cursor, width, most, rule)
end
