--- One job scheduler (protocol part 2, section 2.9).
---
--- ARGV: scheduler id.
--- Reply: {slot of its next run, flat definition}, or an empty list when there is none.

local slot = call("ZSCORE", base .. key.repeat, ARGV[1])
local definition = call("HGETALL", base .. key.repeat .. ":" .. ARGV[1])
if not slot or #definition == 0 then
  return {}
end
return {slot, definition}
