--- The lock of a delivery (protocol part 1, sections 0 and 7.1).

--- 0 when the token holds the lock, else the error code. Reads only. Token "0" means: no locks at all.
local function lock_code(base, id, token)
  if token == "0" then
    return 0
  end
  local holder = call("GET", base .. id .. jobkey.lock)
  if holder == token then
    return 0
  end
  return holder and -6 or -2
end

local function unlock(base, id, token)
  if token ~= "0" then
    call("DEL", base .. id .. jobkey.lock)
    call("SREM", base .. key.stalled, id)
  end
end
