--- A page of the children of a job, by position (protocol part 2, section 1.9). Writes nothing.
---
--- ARGV: the key of the collection, first and last position, from 0; a negative last means all.
--- Reply: {total, {{key of the child, value or nothing, flat hash of the child}, ...}}.

--- @include arguments
--- @include members

local sizes = {set = "SCARD", hash = "HLEN", zset = "ZCARD"}
local name, page = ARGV[1], {}
local size = sizes[call("TYPE", name)["ok"]]
for position, member in ipairs(members(name, whole(ARGV[2], "first"), whole(ARGV[3], "last"))) do
  local stored = redis.pcall("HGETALL", member[1])
  page[position] = {member[1], member[2] or "", stored.err and {} or stored}
end
return {size and call(size, name) or 0, page}
