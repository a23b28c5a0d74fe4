--- Checks of what the caller sent. They raise before anything was written.

local function whole(text, name)
  local number = tonumber(text)
  if not number or number ~= math.floor(number) then
    error("argument " .. name .. " is not a whole number: " .. tostring(text))
  end
  return number
end
