--- The state a job is in (protocol part 1, section 8.7). ARGV: id. Reply: its name; "unknown" without such a job.
--- Nothing of the job but its place is read, and nothing is written.

--- @include state

local kind = call("TYPE", base .. ARGV[1])["ok"]
return kind == "hash" and state_name(place_of(base, ARGV[1])) or "unknown"
