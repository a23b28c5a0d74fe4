--- Keep the settings and schedulers of a queue that is about to be taken away; `restore` brings them back.
---
--- ARGV: key of the list that keeps them, ms it lives, "1" when the queue was paused before or "".
--- Reply: bytes kept. The text is one of includes/keeping.lua, with "queue" as place and what follows the base as names of keys.

--- @include arguments
--- @include keeping

local parts = {}
for _, text in ipairs({"queue", "", "", "", ""}) do
  add_part(parts, text)
end
add_part(parts, ARGV[3])
local names = {key.meta, key.id, key.priority_counter, key.repeat, key.metrics_completed, key.metrics_failed, key.metrics_completed_data,
  key.metrics_failed_data}
for _, id in ipairs(call("ZRANGE", base .. key.repeat, 0, -1)) do
  names[#names + 1] = key.repeat .. ":" .. id
end
for _, name in ipairs(names) do
  add_key(parts, base .. name, name)
end
local text = table.concat(parts)
call("RPUSH", ARGV[1], text)
call("PEXPIRE", ARGV[1], whole(ARGV[2], "life"))
return #text
