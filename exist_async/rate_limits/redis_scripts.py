"""The scripts that keep a moving window inside Redis, in one step each, by its own clock.

KEYS are a sorted set, of a mark for each request by the microsecond when it was let in, and a key that is there while
all are held back. ARGV are the limit, the period in microseconds, and what each script takes besides.
"""

_WINDOW = """
local taken, held = KEYS[1], KEYS[2]
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local milliseconds = math.ceil(period / 1000)
redis.call('ZREMRANGEBYSCORE', taken, '-inf', now - period)
-- The clock was set back, or another server took over: they were let in before now, whatever it said then.
for _, mark in ipairs(redis.call('ZRANGEBYSCORE', taken, now + 1, '+inf')) do
  redis.call('ZADD', taken, now, mark)
end
if redis.call('PTTL', held) > milliseconds then
  redis.call('PEXPIRE', held, milliseconds)
end
local hold = math.max(redis.call('PTTL', held), 0) * 1000
"""

TAKE = f"""{_WINDOW}
local ahead, mark = tonumber(ARGV[3]), ARGV[4]
-- Asked again, for want of the first answer.
if redis.call('ZSCORE', taken, mark) then
  return 0
end
local free = limit - redis.call('ZCARD', taken)
local wait = 0
if ahead >= free then
  local later = ahead - math.max(free, 0)
  local index = later % limit + math.max(-free, 0)
  local leaves = tonumber(redis.call('ZRANGE', taken, index, index, 'WITHSCORES')[2] or now)
  wait = leaves + (math.floor(later / limit) + 1) * period - now
end
wait = math.max(wait, hold)
if wait <= 0 and ahead == 0 then
  redis.call('ZADD', taken, now, mark)
  redis.call('PEXPIRE', taken, milliseconds)
end
return wait
"""
"""Takes a slot and answers 0, or answers the microseconds until one is free, after as many others as it is given."""

GIVE_BACK = f"""{_WINDOW}
local wanted = tonumber(ARGV[3])
redis.call('ZPOPMAX', taken)
if wanted * 1000 > hold then
  redis.call('SET', held, '', 'PX', wanted)
end
return 0
"""
"""Gives the last slot back, and holds all for as many milliseconds as it is given."""

FREE = f"""{_WINDOW}
if hold > 0 then
  return 0
end
return math.max(limit - redis.call('ZCARD', taken), 0)
"""
"""Answers how many slots are free."""
