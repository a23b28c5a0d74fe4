--- Change one field of a record that many processes share, if nobody else was first.
---
--- KEYS[1] is the hash itself. ARGV: field, what is thought to be there ("" for nothing), what shall be there ("" for nothing).
--- Reply: {1, the new value}, or {0, what is there}: nothing has changed.

local found = call("HGET", base, ARGV[1]) or ""
if found ~= ARGV[2] then
  return {0, found}
end
if ARGV[3] == "" then
  call("HDEL", base, ARGV[1])
else
  call("HSET", base, ARGV[1], ARGV[3])
end
return {1, ARGV[3]}
