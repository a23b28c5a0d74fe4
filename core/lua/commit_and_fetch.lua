--- Commit what came of N deliveries and hand out up to M jobs, in one atomic step (protocol part 1, sections 4 to 6).
---
--- ARGV 1..11: now ms, token of the jobs handed out, lock ms, M, rate limit max or "", its duration ms or "", name of the worker or "",
---   minutes of metrics to keep or "", "1" to hand out nothing when an outcome did not count, "" or the microseconds
---   that the caller's clock is ahead of the server's: then the call was sent some time ago and the server tells the time,
---   N (at most a thousand).
--- Then eleven values an outcome:
---   kind (completed, failed, retried, postponed, returned, limited, lost), id, token,
---   value (returnvalue as JSON, or the reason as text), stacktrace as JSON, exception record, new data as JSON or "",
---   three numbers: of completed and failed what to keep (count, age s, limit, "" for no bound), of retried and postponed the delay ms
---   and (of retried) "1" for lifo, of limited the ms to close the rate limit for, of returned and postponed
---   (as the second) "1" when no handler has seen it; attempts: a failure with that many attempts made is announced as
---   exhausted.
--- Reply: {result codes (0 or negative, protocol 5.2), {{id, flat hash}, ...}, ms until the rate limit opens or 0,
---   ms of the next delayed job or 0, ids that were dropped because they have no hash}.
--- After an outcome of the kind limited nothing is handed out as long as the rate limit is closed, whether or not the worker has one.
--- A code other than 0 means: this outcome changed nothing. All arguments, types and JSON are read before the first write.

--- @include arguments
--- @include probe
--- @include finish
--- @include fetch
--- @include metrics

local HEAD, WIDTH = 11, 11

local function optional(text, name)
  return text ~= "" and whole(text, name) or nil
end

local function read_outcome(first)
  local outcome = {kind = ARGV[first], id = ARGV[first + 1], token = ARGV[first + 2], value = ARGV[first + 3],
    stacktrace = ARGV[first + 4], exception = ARGV[first + 5], data = ARGV[first + 6],
    attempts = optional(ARGV[first + 10], "attempts") or 0}
  if outcome.kind == "completed" or outcome.kind == "failed" then
    outcome.keep = {count = optional(ARGV[first + 7], "keep count"), age = optional(ARGV[first + 8], "keep age"),
      limit = optional(ARGV[first + 9], "keep limit") or 1000}
  elseif outcome.kind == "retried" or outcome.kind == "limited" then
    outcome.delay, outcome.lifo = whole(ARGV[first + 7], "delay"), ARGV[first + 8] == "1"
  elseif outcome.kind == "postponed" then
    outcome.delay, outcome.unstarted = whole(ARGV[first + 7], "delay"), ARGV[first + 8] == "1"
  elseif outcome.kind == "returned" then
    outcome.unstarted = ARGV[first + 8] == "1"
  elseif outcome.kind ~= "lost" then
    error("unknown outcome " .. tostring(outcome.kind))
  end
  return outcome
end

local function is_idle()
  return call("LLEN", base .. key.wait) == 0 and call("LLEN", base .. key.active) == 0
    and call("ZCARD", base .. key.prioritized) == 0
end

--- @rare
--- Nobody was woken by a take: a slot of the global concurrency may be free again, or a delayed job is new.
local function wake_others(any_outcome, any_delayed)
  if any_outcome then
    mark_waiting_if_any(base)
  end
  if any_delayed then
    mark_delayed(base)
  end
end

--- The time, as number and as text. It never runs backwards behind the call's own.
local function time_of_call()
  local now = whole(ARGV[1], "now")
  if ARGV[10] == "" then
    return now, ARGV[1]
  end
  local time = call("TIME")
  now = math.max(now, math.floor((time[1] * 1000000 + time[2] + tonumber(ARGV[10])) / 1000))
  return now, string.format("%d", now)
end

local count = whole(ARGV[11], "outcomes")
if count == 0 and call("EXISTS", base .. key.wait, base .. key.prioritized, base .. key.delayed, base .. key.priority_counter,
    base .. key.limiter) == 0 then
  return {{}, {}, 0, 0, {}}
end
local now, now_text = time_of_call()
local request = {
  now = now, now_text = now_text, token = ARGV[2], lock_text = ARGV[3], most = whole(ARGV[4], "most"),
  limit_max = optional(ARGV[5], "limit max"), limit_duration = optional(ARGV[6], "limit duration"), worker = ARGV[7],
  unlocked = {}, locks = {}, finished = {}, settings = read_settings(base),
}
whole(ARGV[3], "lock ms")
local metrics_size, strict = optional(ARGV[8], "metrics"), ARGV[9] == "1"
local outcomes, codes = {}, {}
for first = HEAD + 1, HEAD + count * WIDTH, WIDTH do
  outcomes[#outcomes + 1] = read_outcome(first)
end
probe_structures(base)
if #outcomes > 0 then
  codes = examine_all(base, outcomes)
  probe_finished(base)
end

local counts, limited, any_delayed, all_count = {completed = 0, failed = 0}, false, false, true
if #outcomes > 0 then
  local length = request.settings[5]
  request.length = length and readable_length(length) or choose_max_events(base)
  trim_events(base, request.length)
  for position, outcome in ipairs(outcomes) do
    if outcome.has_children then
      -- They may have come to an end a moment ago, in this very call.
      codes[position] = children_code(base .. outcome.id)
    end
    if codes[position] == 0 then
      codes[position] = apply(base, outcome, request)
    end
    local kind = outcome.kind
    if codes[position] ~= 0 then
      all_count = false
    elseif counts[kind] then
      counts[kind] = counts[kind] + 1
    elseif kind == "limited" then
      limited = true
    elseif kind ~= "returned" and kind ~= "lost" and (outcome.delay > 0 or kind == "postponed") then
      any_delayed = true
    end
  end
  settle(base, request)
  if metrics_size then
    count_finished(base, counts, request.now, metrics_size)
  end
end

local closed_ms = limited and math.max(call("PTTL", base .. key.limiter), 0) or 0
local fetched = {jobs = {}, ttl = closed_ms, next = 0, dropped = {}, closed = closed_ms > 0}
if request.most > 0 and closed_ms == 0 and (all_count or not strict) then
  fetched = fetch(base, request)
end
if #fetched.jobs == 0 then
  wake_others(#outcomes > 0, any_delayed)
  if counts.completed + counts.failed > 0 and not fetched.closed and fetched.next == 0 and is_idle() then
    add_event(base, "drained")
  end
end
return {codes, fetched.jobs, fetched.ttl, fetched.next, fetched.dropped}
