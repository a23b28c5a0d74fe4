--- May one more job of a tenant run? KEYS[1] is the set of the keys of its jobs that do, KEYS[2] the moment for the last
--- one that was told to ask again. A job whose lock is gone has ended, or its
--- worker has died: nobody has to give anything back.
---
--- ARGV: key of the job, how many may run at once, now ms.
--- Reply: 0: it may, and is counted from now on. Else the ms after which it may ask again: those that ask get moments one after the
--- other, and the longer the running jobs take, the farther apart.

--- @include arguments

local SHORTEST, LONGEST = 10, 1000
local job, most, now = ARGV[1], whole(ARGV[2], "limit"), whole(ARGV[3], "now")
local running, started = 0, now
for _, other in ipairs(call("SMEMBERS", base)) do
  if other ~= job and call("EXISTS", other .. jobkey.lock) == 1 then
    running = running + 1
    started = math.min(started, tonumber(call("HGET", other, field.processed_on)) or now)
  elseif other ~= job then
    call("SREM", base, other)
  end
end
if running < most then
  call("SADD", base, job)
  call("PEXPIRE", base, 86400000)
  return 0
end
local space = math.max(SHORTEST, math.min(LONGEST, math.floor((now - started) / (2 * most))))
local due = math.max(now, tonumber(call("GET", KEYS[2])) or now) + space
call("SET", KEYS[2], string.format("%d", due), "PX", due - now + 60000)
return due - now
