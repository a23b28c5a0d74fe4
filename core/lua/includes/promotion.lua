--- @include enqueue
--- PROMOTE (protocol part 1, section 4.3): due jobs leave the delayed set.

--- @rare
local function promote(base, due)
  local held = is_held(base)
  call("ZREM", base .. key.delayed, unpack(due))
  for _, id in ipairs(due) do
    local priority = stored_priority(base, id)
    if priority then
      push_ready(base, id, priority, false)
      add_event(base, "waiting", "jobId", id, "prev", "delayed")
      call("HSET", base .. id, field.delay, 0)
    end
  end
  if not held then
    call("ZADD", base .. key.marker, 0, "0")
  end
end

--- At most 1000 in one call. Ids without a job are dropped.
local function promote_due(base, now)
  local due = call("ZRANGEBYSCORE", base .. key.delayed, 0, (now + 1) * 4096 - 1, "LIMIT", 0, 1000)
  if #due > 0 then
    promote(base, due)
  end
end
