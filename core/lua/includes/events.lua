--- The event stream (protocol part 1, sections 0 and 9).

local MAX_EVENTS = "10000"

--- A stored maximum that XADD understands; another client may have written anything.
local function readable_length(text)
  return #text < 16 and string.find(text, "^%d+$") and text or MAX_EVENTS
end

--- Nobody chose a maximum: from now on it stands in meta.
local function choose_max_events(base)
  call("HSET", base .. key.meta, meta.max_events, MAX_EVENTS)
  return MAX_EVENTS
end

--- Approximate maximum length of the stream, as text; written into meta when nobody chose one.
local function max_events(base)
  local length = call("HGET", base .. key.meta, meta.max_events)
  return length and readable_length(length) or choose_max_events(base)
end

--- EVT: append without trimming.
local function add_event(base, name, ...)
  call("XADD", base .. key.events, "*", "event", name, ...)
end

--- EVTm: append and let Redis drop whole old nodes.
local function add_event_trimmed(base, length, name, ...)
  call("XADD", base .. key.events, "MAXLEN", "~", length, "*", "event", name, ...)
end

local function trim_events(base, length)
  call("XTRIM", base .. key.events, "MAXLEN", "~", length)
end
