-- One seat per thread and connection: saves one answer after another, each made on the version before. Seats come from a file:
-- cookie <tab> csrf <tab> address <tab> position <tab> version <tab> answer A <tab> answer B, one line each.
local threads = {}

function setup(thread)
   thread:set("number", #threads + 1)
   table.insert(threads, thread)
end

function init(args)
   local at = 0
   for line in io.lines(args[1]) do
      at = at + 1
      if at == number then
         local fields = {}
         for field in string.gmatch(line, "[^\t]+") do table.insert(fields, field) end
         headers = { ["Content-Type"] = "application/json", ["Cookie"] = fields[1], ["X-CSRFToken"] = fields[2] }
         address, position, version, answers = fields[3], fields[4], tonumber(fields[5]), { fields[6], fields[7] }
      end
   end
   run, sent, kept, refused = args[2], 0, 0, 0
end

function request()
   sent = sent + 1
   local body = string.format('{"op":"%s-%d-%d","version":%d,"position":%s,"answer":%s}', run, number, sent, version, position,
                              answers[(version + 1) % 2 + 1])
   return wrk.format("POST", address, headers, body)
end

function response(status, _headers, body)
   local receipt = string.match(body, '"receipt":"([^"]+)"')
   if status == 200 and receipt then
      kept = kept + 1
      version = tonumber(string.match(body, '"version":(%d+)'))
   elseif status == 409 and string.find(body, '"stale"', 1, true) then
      -- the end of the run before cut off an answer: its save stands, this seat goes on from there
      version = tonumber(string.match(body, '"version":(%d+)'))
   else
      refused = refused + 1
   end
end

function done(_summary, latency)
   local all, fewest, bad, versions = 0, 1 / 0, 0, {}
   for _, thread in ipairs(threads) do
      local count = thread:get("kept")
      all, fewest, bad = all + count, math.min(fewest, count), bad + thread:get("refused")
      table.insert(versions, thread:get("version"))
   end
   print(string.format("RESULT %d %d %d %.3f %s", all, fewest, bad, latency:percentile(99) / 1000, table.concat(versions, ",")))
end
