--- Add jobs of a spool, each once, however often it is replayed. Ours: BullMQ has no spool.
---
--- KEYS[2]: a hash; its field "last" is the number of the last job added from that spool.
--- ARGV: ms for which the mark is kept; then eleven values a job: its number in the spool, which grows, and those of `add_jobs`.
--- Reply: how many were added.
--- Fails before the first write as `add_jobs` does.

--- @include adding

local WIDTH = 11

local mark = tonumber(call("HGET", KEYS[2], "last") or "0")
local jobs, last = {}, mark
for first = 2, #ARGV, WIDTH do
  local number = whole(ARGV[first], "number")
  if number > mark then
    local job = read_job(first + 1)
    look_around(job)
    jobs[#jobs + 1] = job
    last = number
  end
end
if #jobs > 0 then
  add_all(jobs)
  call("HSET", KEYS[2], "last", string.format("%.0f", last))
  call("PEXPIRE", KEYS[2], ARGV[1])
end
return #jobs
