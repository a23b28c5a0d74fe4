--- Replace a job's data (protocol part 1, section 6.12). ARGV: id, data as JSON. Reply: 0, or -1 without the job.

if call("EXISTS", base .. ARGV[1]) == 0 then
  return -1
end
call("HSET", base .. ARGV[1], field.data, ARGV[2])
return 0
