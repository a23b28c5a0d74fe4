--- Take active jobs back from owners that are proved dead, as the stalled check does with jobs whose lock has run out
--- (protocol part 1, section 7.3, step 5). Ours.
---
--- ARGV: how many stalls are forgiven, then id and token for each job.
--- Reply: the ids that were taken back: those whose lock still had that token.

--- @include arguments
--- @include probe
--- @include stalls

local forgiven, recovered = whole(ARGV[1], "max stalled count"), {}
probe_structures(base)
probe_finished(base)
for position = 2, #ARGV, 2 do
  local id, token = ARGV[position], ARGV[position + 1]
  if call("GET", base .. id .. jobkey.lock) == token and call("EXISTS", base .. id) == 1 and call("LREM", base .. key.active, 1, id) == 1 then
    call("DEL", base .. id .. jobkey.lock)
    call("SREM", base .. key.stalled, id)
    recover_job(base, id, forgiven)
    recovered[#recovered + 1] = id
  end
end
return recovered
