--- Add parcels of jobs, each once, however often they are sent; all of them or none. Ours: BullMQ has nothing like it.
---
--- Who sends counts its parcels, and a private hash holds the number of the last one that was added. A parcel that is sent a second
--- time has the marks of both times; so whichever comes first is carried out, and the other one is not.
---
--- KEYS: the bases of the queues, then the hashes. ARGV: now ms, ms for which the hashes are kept, number of queues, number of parents;
---   the parents as in `includes/planting.lua`; then for each parcel the number of its marks, three values a mark: number of its
---   hash in KEYS, field, number of the parcel; the number of its jobs, the jobs as in `includes/planting.lua`.
--- Reply: for each parcel 1 if it was added now, then the ids that stand for the jobs of these. Or as `add_flow`, and nothing was written.
--- Fails before the first write as `add_flow` does.

--- @include planting

local HEAD, MARK_WIDTH = 4, 3

local function read_marks(first, count)
  local found = {}
  for number = 1, count do
    local at = first + (number - 1) * MARK_WIDTH
    found[number] = {hash = base_of(at), field = ARGV[at + 1], number = whole(ARGV[at + 2], "number")}
  end
  return found
end

--- How far each field has come: as it is stored, or will be when the parcels before are added.
local counted = {}

local function place_of_mark(mark)
  return mark.hash .. " " .. mark.field
end

local function is_passed(marks)
  local found = false
  for _, mark in ipairs(marks) do
    local place = place_of_mark(mark)
    counted[place] = counted[place] or tonumber(call("HGET", mark.hash, mark.field) or "0")
    found = found or counted[place] >= mark.number
  end
  return found
end

local now, count, queues = whole(ARGV[1], "now"), whole(ARGV[4], "parents"), {}
for number = 1, whole(ARGV[3], "queues") do
  queues[number] = KEYS[number]
end
local parents = read_parents(HEAD + 1, count)
probe_queues(queues)
local jobs, passed, told = {}, {}, {}
local at = HEAD + count * PARENT_WIDTH + 1
while at <= #ARGV do
  local marks = read_marks(at + 1, whole(ARGV[at], "marks"))
  at = at + 1 + #marks * MARK_WIDTH
  local size, is_new = whole(ARGV[at], "jobs"), not is_passed(marks)
  local objection = is_new and read_jobs(at + 1, size, parents, jobs)
  if objection then
    return objection
  end
  for _, mark in ipairs(marks) do
    counted[place_of_mark(mark)] = math.max(counted[place_of_mark(mark)], mark.number)
    passed[#passed + 1] = mark
  end
  told[#told + 1] = is_new and 1 or 0
  at = at + 1 + size * JOB_WIDTH
end
for _, id in ipairs(plant(queues, parents, jobs, now)) do
  told[#told + 1] = id
end
for _, mark in ipairs(passed) do
  call("HSET", mark.hash, mark.field, string.format("%.0f", counted[place_of_mark(mark)]))
  call("PEXPIRE", mark.hash, ARGV[2])
end
return told
