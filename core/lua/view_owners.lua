--- Who holds the active jobs. Ours; writes nothing.
---
--- ARGV: how many jobs at most, the oldest first.
--- Reply: {id, token, id, token, ...}; jobs without a lock are left out.

--- @include arguments

local most, owners = whole(ARGV[1], "most"), {}
for _, id in ipairs(call("LRANGE", base .. key.active, -most, -1)) do
  local token = call("GET", base .. id .. jobkey.lock)
  if token then
    owners[#owners + 1] = id
    owners[#owners + 1] = token
  end
end
return owners
