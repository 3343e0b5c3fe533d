-- Asks several limits about one request: all of them are charged, or none. The script is one step of the server, so
-- that no other instance comes between, and the time is the server's own.
--
-- KEYS: one for each limit. ARGV: five for each: how it counts, its length, its size, the cost, and the least of it.
-- Answers with four numbers for each: what was granted (-1: refused), what is left, and the time until there is more
-- in whole microseconds and the nanoseconds beyond (-1: never). Numbers of Lua are exact up to 2^53, so no time is
-- nanoseconds since 1970: moments are microseconds, and debts are nanoseconds.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local passes, answers, writes = true, {}, {}

local function held(key)
  local value = redis.call('GET', key)
  if not value then return 0, 0, 0 end
  local a, b, c = string.match(value, '^(%d+) (%d+) (%d+)$')
  return tonumber(a) or 0, tonumber(b) or 0, tonumber(c) or 0
end

local function answer(granted, left, nanos)
  answers[#answers + 1] = granted
  answers[#answers + 1] = left
  if nanos < 0 then
    answers[#answers + 1] = -1
    answers[#answers + 1] = 0
  else
    answers[#answers + 1] = math.floor(nanos / 1000)
    answers[#answers + 1] = math.ceil(nanos % 1000)
  end
end

-- So many at once, and one more each time that so many nanoseconds have passed. Held: when, and the debt then.
local function even(key, every, burst, cost, least)
  local at, debt = held(key)
  debt = math.max(0, debt - math.max(0, now - at) * 1000)
  local whole = every * burst
  local room = math.floor((whole - debt) / every)
  if room < least then
    passes = false
    return answer(-1, math.max(0, room), least > burst and -1 or debt + every * least - whole)
  end
  local granted = math.min(cost, room)
  debt = debt + every * granted
  local left = room - granted
  answer(granted, left, (left + 1) * every - (whole - debt))
  writes[#writes + 1] = { key, now, debt, 0, math.ceil(debt / 1000000) + 1 }
end

-- From now until so much less than the whole is counted, in microseconds: the count of the window before wanes, and
-- that of this one wanes in the next.
local function wanes(before, count, passed, window, room)
  if room < 0 then return -1 end
  local rest = window - passed
  if count <= room then
    if before == 0 then return 0 end
    return math.max(0, rest - math.floor((room - count) * window / before))
  end
  return rest + window - math.floor(room * window / count)
end

-- So many in any window, by the counts of two. Held: when this one began, its count, and the count before.
local function sliding(key, window, most, cost, least)
  local at, count, before = held(key)
  local passed = now % window
  local began = now - passed
  if at ~= began then
    if at == began - window then before = count else before = 0 end
    count = 0
  end
  local used = math.ceil(before * (window - passed) / window) + count
  local room = math.max(0, most - used)
  if room < least then
    passes = false
    return answer(-1, room, 1000 * wanes(before, count, passed, window, most - least))
  end
  local granted = math.min(cost, room)
  count = count + granted
  local left = room - granted
  answer(granted, left, 1000 * math.max(0, wanes(before, count, passed, window, most - left - 1)))
  writes[#writes + 1] = { key, began, count, before, math.ceil((2 * window - passed) / 1000) + 1 }
end

-- So many until a moment. Held: the moment, and the count.
local function until_moment(key, ends, most, cost, least)
  local at, count = held(key)
  if at ~= ends then count = 0 end
  local room = math.max(0, most - count)
  local rest = math.max(0, ends - now)
  if room < least then
    passes = false
    return answer(-1, room, least > most and -1 or 1000 * rest)
  end
  local granted = math.min(cost, room)
  answer(granted, room - granted, 1000 * rest)
  -- A day more than it counts: the period is that of the instances' clocks, and this server's may be ahead of them.
  writes[#writes + 1] = { key, ends, count + granted, 0, math.ceil(rest / 1000) + 86400000 }
end

local measures = { even = even, sliding = sliding, ['until'] = until_moment }
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5
  local length, size = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  measures[ARGV[at + 1]](key, length, size, tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]))
end
if passes then
  for _, write in ipairs(writes) do
    local value = string.format('%.0f %.0f %.0f', write[2], write[3], write[4])
    redis.call('SET', write[1], value, 'PX', string.format('%.0f', write[5]))
  end
end
return answers
