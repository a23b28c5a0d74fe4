--- The lock of a delivery (protocol part 1, sections 0 and 7.1).

--- 0 when the token is that of the lock's holder, else the error code. Token "0" means: no locks at all.
local function holder_code(holder, token)
  if token == "0" or holder == token then
    return 0
  end
  return holder and -6 or -2
end

--- The same for one job.
local function lock_code(base, id, token)
  return token == "0" and 0 or holder_code(call("GET", base .. id .. jobkey.lock), token)
end

local function unlock(base, id, token)
  if token ~= "0" then
    call("DEL", base .. id .. jobkey.lock)
    call("SREM", base .. key.stalled, id)
  end
end
