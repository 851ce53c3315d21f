-- Requests that are made beforehand: -- FILE [again]
-- With "again" the file is begun anew at its end; else each request is sent once.
-- FILE holds whole GET requests, each behind a line with its length in bytes.
local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "common.lua")

local file, again

function init(args)
  file = assert(io.open(args[1], "rb"))
  again = args[2]
end

function request()
  local size = file:read("*l")
  if not size and again then
    file:seek("set")
    size = file:read("*l")
  end
  -- No more: an error that the caller sees beats answers about requests sent twice.
  if not size then os.exit(3) end
  return file:read(tonumber(size))
end
