--- The event stream (protocol part 1, sections 0 and 9).

--- Approximate maximum length of the stream; written into meta when nobody chose one.
local function max_events(base)
  local length = call("HGET", base .. key.meta, meta.max_events)
  if not length then
    call("HSET", base .. key.meta, meta.max_events, 10000)
    return 10000
  end
  return tonumber(length) or 10000
end

--- EVT: append without trimming.
local function add_event(base, name, ...)
  call("XADD", base .. key.events, "*", "event", name, ...)
end

--- EVTm: append and let Redis drop whole old nodes.
local function add_event_trimmed(base, length, name, ...)
  call("XADD", base .. key.events, "MAXLEN", "~", length, "*", "event", name, ...)
end

local function trim_events(base)
  call("XTRIM", base .. key.events, "MAXLEN", "~", max_events(base))
end
