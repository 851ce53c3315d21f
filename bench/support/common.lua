-- What both scripts share: the summary as one line of JSON on standard output.
function print_result(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"bytes":%d,"errors":%d,' ..
    '"p50":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end

-- Each thread draws numbers of its own.
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end
function seed()
  math.randomseed(os.time() * 16 + number)
end

done = print_result
