-- Charges one key by the generic cell rate algorithm. The value is when the key
-- will have its whole burst again, in microseconds of Redis's clock, and the
-- rate and burst that it was charged with, for people to read.
--
--   KEYS[1]  the key
--   ARGV     tokens a second; burst; debt, charged in any case; tokens wanted
--   answer   tokens granted; thousandths of tokens left
--
-- Every time is Redis's own: replicas whose clocks differ share the limit.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local each = 1000000 / ARGV[1]
local burst = tonumber(ARGV[2])
local kept = redis.call('GET', KEYS[1])
local full = now
if kept then
  full = math.max(now, tonumber(string.match(kept, '^%d+')))
end
full = full + ARGV[3] * each
-- No debt locks a client out for longer than its burst takes to fill.
full = math.min(full, now + 2 * burst * each)
local left = burst - (full - now) / each
local granted = math.max(0, math.min(tonumber(ARGV[4]), math.floor(left + 0.0001)))
full = full + granted * each
if full > now then
  redis.call('SET', KEYS[1], string.format('%.0f %s %s', full, ARGV[1], ARGV[2]), 'PX', math.ceil((full - now) / 1000))
end
return {granted, math.floor((left - granted) * 1000)}
