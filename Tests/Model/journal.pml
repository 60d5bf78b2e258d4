/*
 * One room of two servers: the script in Redis (RoomScript) and what a server makes of its answers (Session, OutgoingTurns),
 * small enough to try every order of events. One server has two turns to say, the other one. What happens to them:
 *   - a connection breaks: replies on their way are lost, and what was sent arrives later, after the hello of the next
 *     connection too, or never;
 *   - Redis refuses a turn with an error, and takes the one behind it;
 *   - a server is taken off (reaped) although it is there, and comes back;
 *   - Redis loses the newest entries, as many as it likes, with what came with them, or everything (FLUSHALL).
 * Left out: trimming, letters, names, beats that tell nothing, and replies to reads that are on their way, as each of these is
 * what the log was when it was read.
 *
 * Checked:
 *   - twice, order: in one history each server hears each turn at most once, and those of one server in its order;
 *   - one order: what a server has heard in a history is what the log holds, whatever happens to the log. Otherwise it is told
 *     that the history was lost, and it is told so only if Redis has lost something;
 *   - fate: a server takes a turn for accepted just if it is. In the end each turn was read back by the server that said it,
 *     and all servers have heard all of the log;
 *   - own turns: an entry's sequence leads its server to the turn that it is.
 *
 * Run: spin -a journal.pml && cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000    (assertions and bad ends)
 * `make model` gives spin three choices of how often what happens, as all of it together has too many orders.
 *
 * The model can fail. Each of these takes one safeguard away, and with any of them one of the three runs ends in an error:
 * -DNO_FENCE          the script takes turns of dead connections;
 * -DNO_SEQUENCE       it takes turns that do not follow the one before;
 * -DNO_SOURCE         hello does not compare whose the entry is up to which the server has read;
 * -DNO_ACKNOWLEDGED   nor whether turns are there that the server knows to be accepted;
 * -DFORGETFUL         a server whose connection breaks before it could end a lost history just enters.
 */

#define SERVERS 2
#define TURNS 2                 /* that the first server has to say; the second has one */
#define turnsOf(s) (TURNS - (s))
#define WINDOW 2                /* turns on their way to Redis */
#define LOG 6                   /* entries of a history, at most */
/* How often connections break or turns are refused, servers are taken off, and Redis loses something. */
#ifndef BREAKS
#define BREAKS 2
#endif
#ifndef REAPS
#define REAPS 1
#endif
#ifndef LOSSES
#define LOSSES 0
#endif

/* What a server asks, with two numbers: */
#define HELLO 1                 /* epoch, acknowledged sequence */
#define RENEW 2                 /* epoch that is lost */
#define ENTER 3
#define APPEND 4                /* epoch and fence, sequence and turn */
/* and what is answered: */
#define OK 5                    /* fence, accepted sequence */
#define LOST 6
#define GONE 7
#define REFUSED 8               /* another epoch, an older fence, not the next sequence, or an error of Redis */
#define RENEWED 9
#define ENTERED 10              /* epoch and fence, accepted sequence */

/* A server's link. */
#define WORKING 0
#define APART 1
#define GREETING 2              /* waits for an answer to hello, renew or enter */

/* An entry: its server, counted from 1, its sequence, and which turn it is. The reaper is a server of its own. */
#define pack(server, number, turn) ((server) << 6 | (number) << 3 | (turn))
#define serverOf(entry) ((entry) >> 6)
#define sourceOf(entry) ((entry) >> 3)
#define sequenceOf(entry) ((entry) >> 3 & 7)
#define turnOf(entry) ((entry) & 7)
#define REAPER (SERVERS + 1)

/* Working storage of one atomic step; 0 between two. */
byte i, k, what, first, second, epochSent, turnSent;

/* Redis: the history's epoch, 0 for none, its log, and for each server the sequence, the fence, and whether it has a beat. */
byte epoch;
byte length;
byte log[LOG];
byte sequence[SERVERS + 1];
byte fence[SERVERS];
bool isHere[SERVERS];

/* The connection that appends: what is on its way each way, and what a dead one may still deliver. */
chan request[SERVERS] = [WINDOW] of { byte, byte, byte, byte, byte };
chan reply[SERVERS] = [WINDOW] of { byte, byte, byte, byte };
chan late[SERVERS] = [WINDOW] of { byte, byte, byte, byte, byte };
bool isCut[SERVERS];            /* Redis has gone; the server does not know yet */

/* A server. Turns below readBack are read back, those below accepted are known to be, those below sent are on their way. */
byte link[SERVERS];
byte myEpoch[SERVERS];
byte myFence[SERVERS];
byte acknowledged[SERVERS];     /* the sequence of turn accepted - 1 */
byte readBack[SERVERS];
byte accepted[SERVERS];
byte sent[SERVERS];
byte position[SERVERS];

/* As the checks see it: the log up to where a server has read it, and the next turn of each server that it may hear. */
byte heard[SERVERS * LOG];
byte due[SERVERS * SERVERS];

byte epochs, breaks, reaps, losses;
bool isCalm;                    /* nothing breaks any more */

inline forget() { i = 0; k = 0; what = 0; first = 0; second = 0; epochSent = 0; turnSent = 0 }

inline drop(queue) {
  do
  :: nempty(queue) -> queue?_, _, _, _, _
  :: empty(queue) -> break
  od
}

/* MARK: The script */

inline begin() {
  epochs++;
  epoch = epochs;
  length = 0;
  for (k : 0 .. LOG - 1) { log[k] = 0 }
  for (k : 0 .. SERVERS) { sequence[k] = 0 }
  for (k : 0 .. SERVERS - 1) { fence[k] = 0 }
}

inline add(entry) {
  assert(length < LOG);
  log[length] = entry;
  length++
}

/* Modulo 8: there are packets of two connections at most, and at each it is raised by hello, by enter, or by a reaper. */
inline raise(s) { fence[s] = (fence[s] + 1) % 8 }

/* Runs the verb `what` of server s, and leaves the answer there. */
inline run_script(s) {
  if
  :: what == HELLO ->
     if
     :: epochSent != epoch || length < position[s] -> what = LOST
#ifndef NO_SOURCE
     :: epochSent == epoch && length >= position[s] && position[s] > 0 &&
        sourceOf(log[position[s] - 1]) != sourceOf(heard[s * LOG + position[s] - 1]) -> what = LOST
#endif
     :: else ->
        if
        :: !isHere[s] -> what = GONE
#ifndef NO_ACKNOWLEDGED
        :: isHere[s] && sequence[s] < second -> what = LOST
#endif
        :: else -> raise(s); what = OK; first = fence[s]; second = sequence[s]
        fi
     fi
  :: what == RENEW ->
     if
     :: epoch == 0 || epoch == epochSent -> begin()
     :: else
     fi;
     what = RENEWED
  :: what == ENTER ->
     if
     :: epoch == 0 -> begin()
     :: else
     fi;
     isHere[s] = true;
     raise(s);
     what = ENTERED; epochSent = epoch; first = fence[s]; second = sequence[s]
  :: what == APPEND ->
     if
     :: epochSent != epoch -> what = REFUSED
#ifndef NO_FENCE
     :: epochSent == epoch && first != fence[s] -> what = REFUSED
#endif
#ifndef NO_SEQUENCE
     :: epochSent == epoch && second != sequence[s] + 1 -> what = REFUSED
#endif
     :: else -> add(pack(s + 1, second, turnSent)); sequence[s] = second; what = OK
     fi
  fi
}

inline serve(s) {
  request[s]?what, epochSent, first, second, turnSent;
  if
  :: run_script(s)
  /* It has no memory, say, and at the next request it has. */
  :: !isCalm && breaks < BREAKS && what == APPEND -> breaks++; what = REFUSED
  fi;
  reply[s]!what, epochSent, first, second;
  forget()
}

/* A packet of a dead connection arrives, or it and all behind it never will. Nobody hears the answer. */
inline serveLate(s) {
  if
  :: late[s]?what, epochSent, first, second, turnSent; run_script(s)
  :: drop(late[s])
  fi;
  forget()
}

active proctype redis() {
end:
  do
  :: atomic { nempty(request[0]) && nfull(reply[0]) && !isCut[0] -> serve(0) }
  :: atomic { nempty(request[1]) && nfull(reply[1]) && !isCut[1] -> serve(1) }
  :: atomic { nempty(late[0]) -> serveLate(0) }
  :: atomic { nempty(late[1]) -> serveLate(1) }
  od
}

/* MARK: A server */

/* Both connections are closed. Replies are lost, and what was sent may come late, unless Redis itself has gone. */
inline close(s) {
  do
  :: nempty(reply[s]) -> reply[s]?_, _, _, _
  :: empty(reply[s]) -> break
  od;
  drop(late[s]);
  do
  :: nempty(request[s]) ->
     request[s]?what, epochSent, first, second, turnSent;
     if
     :: !isCut[s] -> late[s]!what, epochSent, first, second, turnSent
     :: else
     fi
  :: empty(request[s]) -> break
  od;
  forget();
  isCut[s] = false;
  myFence[s] = 0;
  link[s] = APART
}

/* Its turns up to a sequence are accepted. */
inline settle(s, number) {
  assert(number <= acknowledged[s] + sent[s] - accepted[s]);
  if
  :: number > acknowledged[s] -> accepted[s] = accepted[s] + number - acknowledged[s]; acknowledged[s] = number
  :: else
  fi
}

/* Those above were not, and never will be, so they are sent again. */
inline resume(s) {
  assert(second >= acknowledged[s]);
  settle(s, second);
  sent[s] = accepted[s];
  /* So it is: no entry of the log is a turn that is sent again. */
  for (k : 0 .. LOG - 1) {
    assert(k >= length || serverOf(log[k]) != s + 1 || turnOf(log[k]) < accepted[s])
  }
}

/* What was not read back is said in the new history. */
inline restart(s) {
  assert(losses > 0);
  accepted[s] = readBack[s];
  sent[s] = readBack[s];
  acknowledged[s] = second;
  myEpoch[s] = epochSent;
  /* All of that one was said after the loss, so it is read from its start. */
  position[s] = 0;
  for (k : 0 .. LOG - 1) { heard[s * LOG + k] = 0 }
  for (k : 0 .. SERVERS - 1) { due[s * SERVERS + k] = 0 }
}

inline answered(s) {
  reply[s]?what, epochSent, first, second;
  if
  :: what == OK && link[s] == GREETING -> resume(s); myFence[s] = first; link[s] = WORKING
  :: what == OK && link[s] == WORKING -> settle(s, second)
  :: what == LOST -> request[s]!RENEW, myEpoch[s], 0, 0, 0
#ifdef FORGETFUL
     ; myEpoch[s] = 0
#endif
  :: what == GONE || what == RENEWED -> request[s]!ENTER, 0, 0, 0, 0
  :: what == ENTERED ->
     if
     :: epochSent == myEpoch[s] && (length < position[s] || second < acknowledged[s]) ->
        request[s]!RENEW, myEpoch[s], 0, 0, 0
     :: else ->
        if
        :: epochSent == myEpoch[s] -> resume(s)
        :: else -> restart(s)
        fi;
        myFence[s] = first;
        link[s] = WORKING
     fi
  :: what == REFUSED -> close(s)
  fi;
  forget()
}

/* The next entry is read on the other connection. */
inline hear(s) {
  for (k : 0 .. LOG - 1) {
    assert(k >= position[s] || heard[s * LOG + k] == log[k])
  }
  what = log[position[s]];
  heard[s * LOG + position[s]] = what;
  position[s]++;
  i = serverOf(what);
  k = turnOf(what);
  if
  :: i != REAPER ->
     i--;
     assert(k >= due[s * SERVERS + i]);
     due[s * SERVERS + i] = k + 1;
     if
     :: i == s ->
        settle(s, sequenceOf(what));
        assert(k == accepted[s] - 1 - (acknowledged[s] - sequenceOf(what)));
        assert(k == readBack[s]);
        readBack[s]++
     :: else
     fi
  :: else
  fi;
  forget()
}

proctype server(byte s) {
end:
  do
  :: atomic { link[s] == APART ->
       link[s] = GREETING;
       if
       :: myEpoch[s] == 0 -> request[s]!ENTER, 0, 0, 0, 0
       :: else -> request[s]!HELLO, myEpoch[s], 0, acknowledged[s], 0
       fi
     }
  :: atomic { nempty(reply[s]) -> answered(s) }
  :: atomic { link[s] == WORKING && sent[s] < turnsOf(s) && sent[s] - accepted[s] < WINDOW &&
              len(request[s]) + len(reply[s]) < WINDOW ->
       request[s]!APPEND, myEpoch[s], myFence[s], acknowledged[s] + 1 + sent[s] - accepted[s], sent[s];
       sent[s]++
     }
  /* What another history says is not heard: the greeting finds out. */
  :: atomic { link[s] == WORKING && !isCut[s] && position[s] < length ->
       if
       :: epoch == myEpoch[s] -> hear(s)
       :: else -> close(s)
       fi
     }
  /* A beat tells that something is wrong. */
  :: atomic { link[s] == WORKING && !isCut[s] && empty(request[s]) && empty(reply[s]) &&
              (epoch != myEpoch[s] || length < position[s] || !isHere[s]) -> close(s) }
  :: atomic { isCut[s] -> close(s) }
  od
}

/* MARK: What happens to them */

inline reap(s) {
  reaps++;
  isHere[s] = false;
  raise(s);
  sequence[SERVERS]++;
  add(pack(REAPER, sequence[SERVERS], s))
}

/* Its newest entries are lost, and what came with them, as it was killed or a replica that lagged took its place. */
inline loseTail() {
  losses++;
  do
  :: length > 0 ->
     length--;
     sequence[serverOf(log[length]) - 1]--;
     if
     :: serverOf(log[length]) == REAPER -> isHere[turnOf(log[length])] = true
     :: else
     fi;
     log[length] = 0
  :: break
  od;
  /* One that was taken off may have come back only after that. */
  for (k : 0 .. LOG - 1) {
    if
    :: serverOf(log[k]) == REAPER -> isHere[turnOf(log[k])] = false
    :: skip
    fi
  }
  for (k : 0 .. SERVERS - 1) { isCut[k] = true; drop(late[k]) }
  forget()
}

/* FLUSHALL: no connection breaks. */
inline loseAll() {
  losses++;
  begin();
  epoch = 0;
  for (k : 0 .. SERVERS - 1) { isHere[k] = false }
  forget()
}

active proctype world() {
  /* Both servers have come into the first history. */
  atomic {
    epochs = 1;
    epoch = 1;
    for (k : 0 .. SERVERS - 1) { isHere[k] = true; myEpoch[k] = 1 }
    forget();
    run server(0);
    run server(1)
  }
  do
  :: atomic { !isCalm && breaks < BREAKS && link[0] != APART && !isCut[0] -> breaks++; close(0) }
  :: atomic { !isCalm && breaks < BREAKS && link[1] != APART && !isCut[1] -> breaks++; close(1) }
  :: atomic { !isCalm && reaps < REAPS && isHere[0] -> reap(0) }
  :: atomic { !isCalm && reaps < REAPS && isHere[1] -> reap(1) }
  :: atomic { !isCalm && losses < LOSSES -> loseTail() }
  :: atomic { !isCalm && losses < LOSSES -> loseAll() }
  :: atomic { !isCalm -> isCalm = true }
  /* Nothing can happen any more. */
  :: timeout -> break
  od;
  atomic {
    for (i : 0 .. SERVERS - 1) {
      assert(link[i] == WORKING && myEpoch[i] == epoch && isHere[i]);
      assert(readBack[i] == turnsOf(i) && accepted[i] == turnsOf(i) && sent[i] == turnsOf(i));
      assert(position[i] == length);
      for (k : 0 .. LOG - 1) { assert(k >= length || heard[i * LOG + k] == log[k]) }
      /* In a history that was never lost all have heard all. */
      for (k : 0 .. SERVERS - 1) { assert(epoch != 1 || due[i * SERVERS + k] == turnsOf(k)) }
    }
  }
}
