--- Hand an active job over to another queue, where it runs again: its attempt has failed, or does not count. Ours; BullMQ has no such operation, but its
--- readers see a job like any other, and its parent waits for it under its new key.
---
--- KEYS: base of the queue, base of the other queue.
--- ARGV: id, token, now ms, delay ms, data or "", reason, stacktrace, exception record or "", "1" for an attempt that
--- has failed.
--- Reply: 0, -1 without the job, -2 without a lock, -6 another's lock, -3 when it is not active, 1 when the other queue has a job of that
--- id; then nothing was changed.

--- @include arguments
--- @include probe
--- @include locks
--- @include holding
--- @include marker
--- @include events
--- @include enqueue
--- @include deduplication
--- @include parent

local target = KEYS[2]
local id, token, now, delay = ARGV[1], ARGV[2], whole(ARGV[3], "now"), whole(ARGV[4], "delay")
local old, new = base .. id, target .. id

--- What hangs on the job besides its hash.
local function rename_parts()
  for _, part in ipairs({ jobkey.logs, jobkey.dependencies, jobkey.processed, jobkey.failed, jobkey.unsuccessful }) do
    if call("EXISTS", old .. part) == 1 then
      call("RENAME", old .. part, new .. part)
    end
  end
end

local function rejoin(parent)
  if call("SREM", parent.key .. jobkey.dependencies, old) == 1 then
    call("SADD", parent.key .. jobkey.dependencies, new)
  end
end

local function note_failed_attempt()
  local made = tonumber(call("HGET", new, field.attempts_made) or "0") or 0
  call("HSET", new, field.attempts_made, made + 1, field.failed_reason, ARGV[6], field.stacktrace, ARGV[7])
  if ARGV[8] ~= "" then
    call("HSET", new, field.exception, ARGV[8])
  else
    call("HDEL", new, field.exception)
  end
end

local function enqueue()
  local length = max_events(target)
  if delay > 0 then
    push_delayed(target, id, now, delay, length)
    mark_delayed(target)
  else
    push_ready(target, id, stored_priority(target, id) or 0, false)
    add_event_trimmed(target, length, "waiting", "jobId", id)
    mark_waiting(target)
  end
end

probe_structures(base)
probe_structures(target)
if call("EXISTS", old) == 0 then
  return -1
end
local code = active_code(base, id, token)
if code ~= 0 then
  return code
end
if call("EXISTS", new) == 1 then
  return 1
end
local deduplication_id, parent = call("HGET", old, field.deduplication_id), parent_of(base, id)
unlock(base, id, token)
call("LREM", base .. key.active, -1, id)
if deduplication_id then
  release_finished(base, id, deduplication_id)
end
call("RENAME", old, new)
rename_parts()
if parent then
  rejoin(parent)
end
call("HSET", new, field.delay, delay)
if ARGV[5] ~= "" then
  call("HSET", new, field.data, ARGV[5])
end
if ARGV[9] == "1" then
  note_failed_attempt()
end
add_event(base, "removed", "jobId", id, "prev", "active")
-- A slot of the global concurrency is free again.
mark_waiting_if_any(base)
enqueue()
return 0
