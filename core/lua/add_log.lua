--- Add a row to a job's log (protocol part 1, section 6.12).
---
--- ARGV: id, row, how many rows to keep ("" or 0 for all of them).
--- Reply: the number of rows now, or -1 without the job.

--- @include arguments

local keep = ARGV[3] ~= "" and whole(ARGV[3], "keep") or 0
local logs = base .. ARGV[1] .. jobkey.logs
if call("EXISTS", base .. ARGV[1]) == 0 then
  return -1
end
local rows = call("RPUSH", logs, ARGV[2])
if keep == 0 then
  return rows
end
call("LTRIM", logs, -keep, -1)
return math.min(keep, rows)
