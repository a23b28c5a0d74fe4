--- Make a child independent of its parent (protocol part 2, section 1.10).
---
--- ARGV: id of the child.
--- Reply: 1 the parent no longer waits for it, 0 the parent did not wait for it; -1 without the job, -5 without a parent.

--- @include parent

local id = ARGV[1]
if call("EXISTS", base .. id) == 0 then
  return -1
end
local parent = parent_of(base, id)
if not parent or call("EXISTS", parent.key) == 0 then
  return -5
end
if call("SREM", parent.key .. jobkey.dependencies, base .. id) == 0 then
  return 0
end
call("HDEL", base .. id, field.parent_key, field.parent)
if call("SCARD", parent.key .. jobkey.dependencies) == 0 then
  release_parent_plain(parent.base, parent.id)
end
return 1
