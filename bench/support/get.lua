-- GETs of random ids: -- FILE PREFIX TOKEN [FIXED]
-- FILE holds 32 hex digits a line; with FIXED every request is for that path instead, after the
-- same work, so that the client costs the same whoever answers.
local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "common.lua")

local ids, count, head, tail, fixed

function init(args)
  seed()
  local file = assert(io.open(args[1], "rb"))
  ids = file:read("*a")
  file:close()
  count = math.floor(#ids / 33)
  head = "GET " .. args[2]
  tail = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
         "\r\nAuthorization: Bearer " .. args[3] .. "\r\n\r\n"
  fixed = args[4]
end

function request()
  local at = math.random(0, count - 1) * 33
  local id = ids:sub(at + 1, at + 32)
  if fixed then return "GET " .. fixed .. tail end
  return head .. id .. tail
end
