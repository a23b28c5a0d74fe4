--- Whether a worker has the job in its hands.

--- @include locks
--- @include state

--- 0 when the token holds the lock of the job and the job is active, else the error code.
local function active_code(base, id, token)
  local code = lock_code(base, id, token)
  if code == 0 and not list_holds(base .. key.active, id) then
    return -3
  end
  return code
end
