--- Read jobs together with the states they are in (protocol part 1, section 8.7). ARGV: ids.
--- Reply: for each id {state, flat hash}; the hash is empty when there is no such job. Writes nothing.

--- @include state

local views = {}
for position, id in ipairs(ARGV) do
  local stored = redis.pcall("HGETALL", base .. id)
  if stored.err then
    stored = {}
  end
  views[position] = {#stored > 0 and state_name(place_of(base, id)) or "unknown", stored}
end
return views
