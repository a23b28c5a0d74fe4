--- Renew the locks of running jobs (protocol part 1, section 7.2).
---
--- ARGV: lock ms, then id and token for each job.
--- Reply: the positions, from 0, of the jobs whose lock is gone or somebody else's.

--- @include arguments

local lock_ms, lost = whole(ARGV[1], "lock ms"), {}
call("SCARD", base .. key.stalled)
for position = 2, #ARGV, 2 do
  local id, token = ARGV[position], ARGV[position + 1]
  if redis.pcall("GET", base .. id .. jobkey.lock) == token then
    call("SET", base .. id .. jobkey.lock, token, "PX", lock_ms)
    call("SREM", base .. key.stalled, id)
  else
    lost[#lost + 1] = (position - 2) / 2
  end
end
return lost
