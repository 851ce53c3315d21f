-- Submits one body again and again: -- TOKEN BODY
local here = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(here .. "common.lua")

local text

function init(args)
  text = "POST /api/v1/tasks HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
         "\r\nAuthorization: Bearer " .. args[1] .. "\r\nContent-Type: application/json" ..
         "\r\nContent-Length: " .. #args[2] .. "\r\n\r\n" .. args[2]
end

function request()
  return text
end
