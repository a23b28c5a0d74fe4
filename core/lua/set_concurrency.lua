--- Set or lift the global concurrency (protocol part 2, section 4.2).
---
--- ARGV: how many jobs may be active at once, or "" for no limit.
--- Reply: 1. Better than BullMQ: when there is room now and jobs wait, a worker is woken.

--- @include arguments
--- @include marker
--- @include probe

local most = ARGV[1] ~= "" and whole(ARGV[1], "concurrency") or nil
probe_structures(base)
if most then
  call("HSET", base .. key.meta, meta.concurrency, most)
else
  call("HDEL", base .. key.meta, meta.concurrency)
end
mark_waiting_if_any(base)
return 1
