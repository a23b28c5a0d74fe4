--- Pause the queue: jobs stay where they are and nobody fetches (protocol part 1, section 8.1). Reply: 1.

--- @include events
--- @include probe

probe_structures(base)
call("HSET", base .. key.meta, meta.paused, 1)
call("DEL", base .. key.marker)
add_event(base, "paused")
return 1
