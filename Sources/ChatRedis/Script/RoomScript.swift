/// The script through which all servers change a room, one at a time and each time as a whole.
///
/// `KEYS` are those of `RoomKeys`, the last being what the names of boxes begin with. `ARGV` is a verb and its arguments, as
/// `Verb` writes them. What it keeps:
/// - **One history.** `meta` has its epoch, and the totals of bytes and lines, which are the id of the newest entry too. If they
///   are not, or the epoch is another, a verb answers `lost`, and a server has to `renew` what it knew. Redis refuses an entry
///   whose id is not above the newest (Redis lost `meta` and not the log, or a stranger added something): also `lost`.
/// - **No way back.** `meta` has the time at which the history began (`t`). A server `renew`s one that is older than what it knew,
///   as it is when Redis has got an old file back. So a history that takes the place of another began after it, and a server that
///   comes to it from there reads all of it. A clock that was set back changes nothing in that.
/// - **Every turn once.** `meta` has for each server the sequence of its last turn (`q:`). A turn that does not follow it is
///   refused. It has a fence as well (`f:`), which `hello` and `enter` raise, and whoever takes the server off. What a dead
///   connection still delivers has an older one and is refused, so the sequence that `hello` answers is final: turns above it can
///   be sent again in any form.
/// - **What failed in a turn whose reply was lost**: claims and letters of its last four turns (`r:`), as
///   `SEQUENCE INDEX INDEX,SEQUENCE INDEX`.
/// - **Who is here.** A server that was not heard for 6 s is taken off by the next beat of another: its members, names and box go,
///   and `\0gone SERVER` is written. If even the newest beat is that old, Redis was away and not the servers, so all are renewed; a
///   newest beat from the future means that the clock was set back, and is cured likewise.
/// - **`gone` is written as a turn of the server 00000000**, which no server is, with a sequence of its own. So the sequence of the
///   one that was taken off still says which of its turns are in the log, no entry of the log looks like one of its turns, and the
///   one that took it off has no turn more than it sent. Both sequence and fence are kept for an hour after.
///
/// A script that fails halfway is not undone. So it reads and judges first, and the entry is the first that it writes: where
/// Redis has no memory, cannot save, or is a replica, it refuses the first write or none. Numbers become text by `%.0f`, as Lua
/// would write 1e+15; lists are unpacked in pieces, as Lua's stack has no room for 8,000.
///
/// Commands that it calls: `commands`. It needs Redis 7.0, which lets a script read the clock before it writes.
package enum RoomScript {
  /// All commands that the script calls, for the permissions of a user of Redis.
  package static let commands = [
    "hdel", "hget", "hgetall", "hincrby", "hkeys", "hmget", "hset", "hvals", "time", "unlink", "xadd", "xlen",
    "xrevrange",
    "xtrim", "zadd", "zrange", "zrangebyscore", "zrem", "zrevrange", "zscore",
  ]

  package static let source = #"""
    local call = redis.call
    local log, meta, people, names, beats, gone, bans, boxes = unpack(KEYS)
    -- Milliseconds without a beat until a server is taken off, and for which its sequence is kept then.
    local SILENT, KEPT = 6000, 3600000
    -- Bytes of the newest entries that are kept, and letters that a box takes.
    local WINDOW, LETTERS = 67108864, 2000

    local function text(number) return string.format('%.0f', number) end

    -- Returns the new totals and the entry's id, all as text, or else what to answer; nothing is written then.
    local function add(bytes, lines, source, body, said)
      bytes = bytes + #body
      local total, count, added = text(bytes), text(lines + said)
      local at = total .. '-' .. count
      if bytes > WINDOW then
        added = redis.pcall('XADD', log, 'MINID', '~', text(bytes - WINDOW), at, 's', source, 'b', body)
      else
        added = redis.pcall('XADD', log, at, 's', source, 'b', body)
      end
      if type(added) ~= 'table' or not added.err then return total, count, at end
      if string.find(added.err, 'equal or smaller', 1, true) then return nil, nil, {'lost'} end
      return nil, nil, added
    end

    -- Most calls are this verb, and most turns only say something. That way is kept short: even to make a function takes its
    -- time at each call.
    if ARGV[1] == 'append' then
      local server, epoch, fence, sequence, first = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
      local found = call('HMGET', meta, 'epoch', 'b', 'l', 'q:' .. server, 'f:' .. server, 'r:' .. server)
      local bytes, lines, last = found[2], found[3], found[4] or '0'
      if found[1] ~= epoch or not tonumber(bytes) or not tonumber(lines) then return {'lost'} end
      if found[5] ~= fence then return {'fence'} end
      local turn = tonumber(sequence)
      if turn <= tonumber(last) then return {'repeat', last} end
      if turn ~= last + 1 then return {'missing', last} end

      local body, said, writes, failed = ARGV[9], ARGV[8], {}, {}
      if ARGV[7] ~= 'text' or #ARGV > 9 then
        -- What the operations of a turn come to: what is said, the lines of it, the commands that change all else, and the
        -- indices of operations that failed.
        local function judge()
          local body, said, writes, failed = {}, 0, {}, {}
          -- Of this turn: who has a key now ('' for nobody), and how many letters are in a box.
          local held, letters = {}, {}
          local index = 6
          local function take()
            index = index + 1
            return ARGV[index]
          end
          local function say(lines_said, piece)
            said = said + lines_said
            body[#body + 1] = piece
          end
          local function write(...) writes[#writes + 1] = {...} end
          local function holder(key)
            if held[key] == nil then held[key] = call('HGET', names, key) or '' end
            return held[key]
          end
          local function give_up(key, member)
            if holder(key) ~= member then return end
            held[key] = ''
            write('HDEL', names, key)
          end
          local operations = {}
          function operations.text() say(take(), take()) end
          function operations.claim()
            local number, member, person, lines_said, piece, count = take(), take(), take(), take(), take(), take()
            local keys, free = {}, true
            for each = 1, tonumber(count) do
              keys[each] = take()
              local other = holder(keys[each])
              free = free and (other == '' or other == member)
            end
            local given = {}
            for each = 1, tonumber(take()) do given[each] = take() end
            if not free then
              failed[#failed + 1] = number
              return
            end
            for _, key in ipairs(given) do give_up(key, member) end
            for _, key in ipairs(keys) do
              held[key] = member
              write('HSET', names, key, member)
            end
            write('HSET', people, member, person)
            say(lines_said, piece)
          end
          function operations.release()
            local member, piece = take(), take()
            for _ = 1, tonumber(take()) do give_up(take(), member) end
            write('HDEL', people, member)
            say(0, piece)
          end
          function operations.ban()
            write('HSET', bans, take(), take())
            say(0, take())
          end
          function operations.unban()
            write('HDEL', bans, take())
            say(0, take())
          end
          function operations.slow()
            write('HSET', meta, 'slow', take())
            say(0, take())
          end
          function operations.post()
            local number, target, letter = take(), take(), take()
            if not letters[target] then
              letters[target] = call('ZSCORE', beats, target) and call('XLEN', boxes .. target) or LETTERS
            end
            if letters[target] >= LETTERS then
              failed[#failed + 1] = number
              return
            end
            letters[target] = letters[target] + 1
            write('XADD', boxes .. target, '*', 'p', letter)
          end
          while index < #ARGV do operations[take()]() end
          return table.concat(body), said, writes, failed
        end
        body, said, writes, failed = judge()
      end
      local at = ''
      if body ~= '' then
        bytes, lines, at = add(bytes, lines, epoch .. ':' .. server .. ':' .. sequence, body, said)
        if not bytes then return at end
      end
      call('HSET', meta, 'q:' .. server, sequence, 'b', bytes, 'l', lines)
      for _, words in ipairs(writes) do call(unpack(words)) end
      if found[6] or #failed > 0 then
        local kept = {}
        for older, rest in string.gmatch(found[6] or '', '(%d+)([%d ]*)') do
          if tonumber(older) > turn - 4 then kept[#kept + 1] = older .. rest end
        end
        if #failed > 0 then kept[#kept + 1] = sequence .. ' ' .. table.concat(failed, ' ') end
        if #kept > 0 then
          call('HSET', meta, 'r:' .. server, table.concat(kept, ','))
        else
          call('HDEL', meta, 'r:' .. server)
        end
      end
      if first ~= '' then call('XTRIM', boxes .. server, 'MINID', first) end
      return {'ok', at, failed}
    end

    local function trim(server, first)
      if first ~= '' then call('XTRIM', boxes .. server, 'MINID', first) end
    end

    local function id(bytes, lines) return text(bytes) .. '-' .. text(lines) end

    local function now()
      local time = call('TIME')
      return time[1] * 1000 + math.floor(time[2] / 1000)
    end

    -- A stranger may have put anything into a key; what is not written as the id of a server or an epoch is none.
    local function is_id(name) return #name == 8 and not string.find(name, '[^0-9a-f]') end

    -- Nothing if there is no history, or half of one, or one that no server can read.
    local function history()
      local found = call('HMGET', meta, 'epoch', 'b', 'l', 't')
      local bytes, lines, begun = tonumber(found[2]), tonumber(found[3]), tonumber(found[4])
      if found[1] and is_id(found[1]) and bytes and lines and begun and begun >= 0 and begun < 1e15 then
        return found[1], bytes, lines, begun
      end
    end

    -- The newest entry up to `last`: its id and its source.
    local function newest(last)
      local entry = call('XREVRANGE', log, last, '-', 'COUNT', 1)[1]
      if not entry then return '0-0', '' end
      return entry[1], entry[2][2]
    end

    -- Returns when the history begins: now, but after one that began at `earlier`.
    local function begin(epoch, earlier)
      local slow, begun = call('HGET', meta, 'slow') or '0', math.max(now(), earlier + 1)
      call('UNLINK', log, meta, people, names, gone)
      call('HSET', meta, 'epoch', epoch, 't', text(begun), 'b', '0', 'l', '0', 'slow', slow)
      return begun
    end

    local function in_pieces(list, use)
      for first = 1, #list, 1000 do use(unpack(list, first, math.min(first + 999, #list))) end
    end

    -- Whether the servers can be judged by their beats at `time`.
    local function beats_count(time)
      local last = tonumber(call('ZREVRANGE', beats, 0, 0, 'WITHSCORES')[2])
      return not last or (last >= time - SILENT and last <= time)
    end

    local function touch(server, time)
      if not beats_count(time) then
        for _, other in ipairs(call('ZRANGE', beats, 0, -1)) do call('ZADD', beats, text(time), other) end
      end
      call('ZADD', beats, text(time), server)
    end

    -- Takes servers off. Returns as `add` does.
    local function reap(servers, epoch, bytes, lines, time, said, count)
      local body, reaped, drop = '', {}, {}
      for _, server in ipairs(servers) do
        body = body .. '\0gone ' .. server .. '\n'
        reaped[server] = true
      end
      local sequence = tonumber(call('HGET', meta, 'q:00000000') or 0) + 1
      local b, l, at = add(bytes, lines, epoch .. ':00000000:' .. text(sequence), body .. said, count)
      if not b then return nil, nil, at end
      call('HSET', meta, 'b', b, 'l', l, 'q:00000000', text(sequence))
      for _, member in ipairs(call('HKEYS', people)) do
        if reaped[string.sub(member, 1, 8)] then drop[#drop + 1] = member end
      end
      in_pieces(drop, function(...) call('HDEL', people, ...) end)
      drop = {}
      local keys = call('HGETALL', names)
      for index = 1, #keys, 2 do
        if reaped[string.sub(keys[index + 1], 1, 8)] then drop[#drop + 1] = keys[index] end
      end
      in_pieces(drop, function(...) call('HDEL', names, ...) end)
      for _, server in ipairs(servers) do
        call('UNLINK', boxes .. server)
        call('ZREM', beats, server)
        call('ZADD', gone, text(time), server)
        call('HINCRBY', meta, 'f:' .. server, 1)
      end
      return b, l, at
    end

    local verbs = {}

    function verbs.enter(server, new, first)
      local time = now()
      local epoch, bytes, lines, begun = history()
      local at, source = newest('+')
      if not epoch or at ~= id(bytes, lines) then
        epoch, bytes, lines, begun, source = new, 0, 0, begin(new, begun or 0), ''
      end
      -- Members whose server nobody knows any more: Redis lost `beats`.
      local strays, seen = {}, {[server] = true}
      for _, member in ipairs(call('HKEYS', people)) do
        local other = string.sub(member, 1, 8)
        if not seen[other] and is_id(other) then
          seen[other] = true
          if not call('ZSCORE', beats, other) then strays[#strays + 1] = other end
        end
      end
      if #strays > 0 then
        local b, l, added = reap(strays, epoch, bytes, lines, time, '', 0)
        if not b then return added end
        bytes, lines = b, l
        at, source = newest('+')
      end
      local fence = call('HINCRBY', meta, 'f:' .. server, 1)
      touch(server, time)
      call('ZREM', gone, server)
      trim(server, first)
      local found = call('HMGET', meta, 'q:' .. server, 'slow', 'r:' .. server)
      return {'ok', epoch, text(fence), found[1] or '0', id(bytes, lines), source, found[2] or '0', found[3] or '',
        call('XLEN', boxes .. server), call('HGETALL', people), call('HVALS', bans), text(begun)}
    end

    function verbs.hello(server, epoch, acknowledged, last, source)
      local current, bytes, lines = history()
      if current ~= epoch or newest('+') ~= id(bytes, lines) then return {'lost'} end
      local last_bytes, last_lines = string.match(last, '^(%d+)-(%d+)$')
      if bytes < tonumber(last_bytes) or lines < tonumber(last_lines) then return {'lost'} end
      -- An older entry in its place: it never was in this log. None: it was trimmed, or nothing was said before.
      local at, by = newest(last)
      if at ~= '0-0' and (at ~= last or (source ~= '' and by ~= source)) then return {'lost'} end
      if not call('ZSCORE', beats, server) then return {'gone'} end
      local found = call('HMGET', meta, 'q:' .. server, 'r:' .. server)
      if tonumber(found[1] or 0) < tonumber(acknowledged) then return {'lost'} end
      local fence = call('HINCRBY', meta, 'f:' .. server, 1)
      touch(server, now())
      return {'ok', text(fence), found[1] or '0', id(bytes, lines), found[2] or ''}
    end

    function verbs.renew(old, new, known)
      local current, _, _, begun = history()
      known = tonumber(known)
      if not current or current == old or begun <= known then
        begin(new, math.max(known, begun or 0))
        current = new
      end
      return {'ok', current}
    end

    function verbs.beat(server, epoch, first)
      local time = now()
      local current, bytes, lines = history()
      if current ~= epoch or newest('+') ~= id(bytes, lines) then return {'lost'} end
      if not call('ZSCORE', beats, server) then return {'gone'} end
      local silent = {}
      if beats_count(time) then
        for _, other in ipairs(call('ZRANGEBYSCORE', beats, '-inf', '(' .. text(time - SILENT))) do
          if not is_id(other) then
            call('ZREM', beats, other)
          elseif other ~= server then
            silent[#silent + 1] = other
          end
        end
      end
      if #silent > 0 then
        local b, l, added = reap(silent, epoch, bytes, lines, time, '', 0)
        if not b then return added end
        bytes, lines = b, l
      end
      touch(server, time)
      for _, other in ipairs(call('ZRANGEBYSCORE', gone, '-inf', '(' .. text(time - KEPT))) do
        call('HDEL', meta, 'q:' .. other, 'f:' .. other, 'r:' .. other)
        call('ZREM', gone, other)
      end
      trim(server, first)
      return {'ok', id(bytes, lines), silent}
    end

    function verbs.bye(server, epoch, fence, said, count)
      local current, bytes, lines = history()
      if current ~= epoch then return {'lost'} end
      if not call('ZSCORE', beats, server) then return {'gone'} end
      if call('HGET', meta, 'f:' .. server) ~= fence then return {'fence'} end
      local b, _, added = reap({server}, epoch, bytes, lines, now(), said, count)
      if not b then return added end
      return {'ok'}
    end

    return verbs[ARGV[1]](unpack(ARGV, 2, math.min(#ARGV, 6)))
    """#
}
