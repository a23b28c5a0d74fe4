--- Add jobs that need nothing but a place at the end of `wait` (protocol part 1, sections 3.2 and 3.3): no own id, delay, priority,
--- lifo, deduplication or parent. add_jobs does all that as well, at twice the time.
---
--- ARGV: four values a job: name, data, opts, timestamp.
--- Reply: the id of the first job; the others follow it one by one.
--- Fails before the first job is written when a key has another type. No argument is read here, so none is checked.

--- @include events
--- @include marker
--- @include insertion

local WIDTH = 4
local wait, events, marker = base .. key.wait, base .. key.events, base .. key.marker

--- In a batch a key of another type must not be met half way; of a single job it is the first thing to be written.
local function check_hashes(first, last)
  local hashes = {}
  for id = first, last do
    hashes[#hashes + 1] = base .. id_text(id)
  end
  if call("EXISTS", unpack(hashes)) > 0 then
    for _, hash in ipairs(hashes) do
      call("HLEN", hash)
    end
  end
end

local held, length = queue_settings(base)
call("LLEN", wait)
call("XLEN", events)
call("ZCARD", marker)

local count = #ARGV / WIDTH
local last = call("INCRBY", base .. key.id, count)
local first = last - count + 1
if count > 1 then
  check_hashes(first, last)
end
length = length or choose_max_events(base)
local ids = {}
for id = first, last do
  local position, text = (id - first) * WIDTH, id_text(id)
  write_hash(base .. text, ARGV[position + 1], ARGV[position + 2], ARGV[position + 3], ARGV[position + 4], "0", "0")
  call("XADD", events, "*", "event", "added", "jobId", text, "name", ARGV[position + 1])
  call("XADD", events, "MAXLEN", "~", length, "*", "event", "waiting", "jobId", text)
  ids[id - first + 1] = text
end
call("LPUSH", wait, unpack(ids))
if not held then
  call("ZADD", marker, "0", "0")
end
return first
