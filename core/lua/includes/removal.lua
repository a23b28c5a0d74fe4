--- @include deduplication
--- Taking a job's keys away (protocol part 1, section 0: DELKEYS).

local function delete_job_keys(base, id)
  local hash = base .. id
  return call("DEL", hash, hash .. jobkey.logs, hash .. jobkey.dependencies, hash .. jobkey.processed,
    hash .. jobkey.failed, hash .. jobkey.unsuccessful)
end
