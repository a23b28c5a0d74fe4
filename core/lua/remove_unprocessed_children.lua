--- Take the pending children of a job away, with what they wait for (protocol part 2, section 1.10). One that a worker has, and
--- one that failed, stays.
---
--- ARGV: id of the parent.
--- Reply: how many jobs went, or -1 without the job.

--- @include probe
--- @include descent

local id, dependencies = ARGV[1], base .. ARGV[1] .. jobkey.dependencies

local function may_go(child)
  return call("EXISTS", child.key .. jobkey.lock) == 0 and not call("ZSCORE", child.base .. key.failed, child.id)
end

probe_structures(base)
if call("EXISTS", base .. id) == 0 then
  return -1
end
local below, strangers = descend(base, id, {jobkey.dependencies}, may_go)
for _, each in ipairs(below) do
  if each.parent_key == base .. id then
    call("SREM", dependencies, each.key)
  end
end
for _, stranger in ipairs(strangers) do
  call("SREM", dependencies, stranger)
end
remove_all(below)
if #below + #strangers > 0 and call("SCARD", dependencies) == 0 then
  release_parent_plain(base, id)
end
return #below
