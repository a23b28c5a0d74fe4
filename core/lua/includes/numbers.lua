--- Numbers in stored fields, which another client may have damaged. HINCRBY would raise in the middle of a script.

--- A count; what is none is 0.
local function stored_count(text)
  local number = tonumber(text)
  if not number or number ~= math.floor(number) or number < 0 or number > 9007199254740991 then
    return 0
  end
  return number
end

--- Any number that commands understand, or nil. NaN equals nothing, itself included.
local function stored_number(text)
  local number = tonumber(text)
  return number and number == number and math.abs(number) <= 9007199254740991 and number or nil
end
