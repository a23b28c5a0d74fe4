--- Deduplication keys (protocol part 1, section 3.7).

--- A job was taken away: its deduplication id is free again.
local function release_removed(base, id, deduplication_id)
  if deduplication_id and call("GET", base .. key.deduplication .. deduplication_id) == id then
    call("DEL", base .. key.deduplication .. deduplication_id, base .. key.deduplication_next .. deduplication_id)
  end
end

--- A job finished: the id is free unless a window of time is still running.
local function release_finished(base, id, deduplication_id)
  local owner = base .. key.deduplication .. deduplication_id
  local rest = call("PTTL", owner)
  if rest == 0 or (rest == -1 and call("GET", owner) == id) then
    call("DEL", owner)
  end
end
