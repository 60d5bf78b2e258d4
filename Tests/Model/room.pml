/*
 * Log, cursors, skipping and closing, as RoomLog, Cursor, Room, Backpressure and Server+Sending have them, small enough to
 * try every order of events: 3 members, a ring of 4 cells, lines of 1 and 2 cells. Left out: what is told to one member
 * alone, answers, which hold back the log for one member until they are given, and lines that a member ignores.
 *
 * Checked:
 *   - torn: what a member gets is whole lines, in order; a line that it had begun when it was overtaken is finished first;
 *   - exact: a notice counts just the lines that the member did not get, its own not among them;
 *   - lost wake-up: a member that reads on is in the end told of, or given, every line; a speaker that waits is read again,
 *     whether it found no space or sent in bulk while others lagged;
 *   - close: a member that leaves gets all that was said until then, and its place is taken out of the room's count.
 *
 * Run: spin -a room.pml && cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000 -E    (assertions and bad ends)
 *
 * The server's queue is one process, so each of its turns is atomic. The environment is the other: sockets that take a
 * cell or none, members that speak, stall, wake and leave.
 */

#define MEMBERS 3
#define RING 4
#define WINDOW 2                /* cells that a protected member may lag before bulk senders have to wait */
#define LINES 4                 /* lines said in all */

/* Working storage of one atomic step; no part of the state. */
hidden byte i, j, k, l, limit, need, cut, to, missed, m, n;
hidden byte ok;

/* The log: absolute offsets of its cells. Line l occupies start[l] .. start[l + 1] - 1 and was said by owner[l]. */
byte head, tail;
byte headLine, tailLine;
byte start[LINES + 1];
byte owner[LINES];

/* The cursors. */
byte position[MEMBERS];
bool protected[MEMBERS];
bool overtaken[MEMBERS];
byte missedFrom[MEMBERS];
byte restOfLine[MEMBERS];            /* cells of a begun line that the log has forgotten */
byte endLine[MEMBERS];          /* where the stream of one that leaves ends; LINES + 1 before */

/* The members' connections. */
bool blocked[MEMBERS];          /* the kernel took no more; the event layer tells when it does */
bool takes[MEMBERS];            /* the peer reads: its socket has room for the next cell */
bool left[MEMBERS];
bool closed[MEMBERS];

/* What a member has been given, as the checks see it: the next line due, and how far it is into it. */
byte dueLine[MEMBERS];
byte dueCell[MEMBERS];

/* The speaker who found no space, if any, and the length of its line; and the bulk sender that is read no further. */
bool isLogFull, isCrowded;
byte waiting, waitingCells;
bool isHeld;
byte bulkSender, bulkCells;
byte said;

/* Where the member's stream ends for now. */
#define dueEnd(m) (endLine[m] > LINES -> head : start[endLine[m]])

/* The line that offset p, kept and below head, lies in. */
inline lineAt(p, l) {
  l = tailLine;
  do
  :: l < headLine && start[l + 1] <= p -> l++
  :: else -> break
  od
}

inline slowest(p) {
  p = head;
  for (j : 0 .. MEMBERS - 1) {
    if
    :: !closed[j] && protected[j] && !overtaken[j] && position[j] < p && dueEnd(j) > position[j] -> p = position[j]
    :: else
    fi
  }
}

/* Cursor.overtake: keep the rest of the line that the member is in, and remember from which line on it misses some. */
inline overtake(m, boundary) {
  if
  :: !closed[m] && !protected[m] && !overtaken[m] && position[m] < boundary && position[m] < dueEnd(m) ->
     lineAt(position[m], l);
     if
     :: position[m] != start[l] ->
        restOfLine[m] = start[l + 1] - position[m];
        missedFrom[m] = l + 1;
        position[m] = start[l + 1]
     :: else -> missedFrom[m] = l
     fi;
     overtaken[m] = true
  :: else
  fi
}

/* Room.evict and say. Sets ok. */
inline say(m, cells) {
  ok = true;
  if
  :: head - tail + cells > RING ->
     need = head + cells - RING;
     slowest(limit);
     if
     :: need > limit -> ok = false
     :: else ->
        /* The first boundary at or behind need; it must not pass the limit. */
        l = tailLine;
        do
        :: start[l] < need -> l++
        :: else -> break
        od;
        if
        :: start[l] > limit -> ok = false
        :: else ->
           cut = l;
           for (k : 0 .. MEMBERS - 1) { overtake(k, start[cut]) }
           tailLine = cut;
           tail = start[cut]
        fi
     fi
  :: else
  fi;
  if
  :: ok ->
     owner[headLine] = m;
     head = head + cells;
     headLine++;
     start[headLine] = head;
     said++
  :: else ->
     isLogFull = true;
     waiting = m;
     waitingCells = cells
  fi
}

/* The member is given one cell of line l at offset c of it: it has to be the one that is due. */
inline give(m, l, c) {
  do
  :: dueCell[m] == 0 && dueLine[m] < headLine && owner[dueLine[m]] == m -> dueLine[m]++
  :: else -> break
  od;
  assert(l == dueLine[m] && c == dueCell[m]);
  assert(owner[l] != m);
  dueCell[m]++;
  if
  :: dueCell[m] == start[l + 1] - start[l] -> dueLine[m]++; dueCell[m] = 0
  :: else
  fi
}

/* Cursor.resume: goes on at the oldest line kept, and is told how many it missed. */
inline resume(m) {
  if
  :: overtaken[m] && restOfLine[m] == 0 ->
     to = (tailLine < endLine[m] -> tailLine : endLine[m]);
     missed = 0;
     for (k : 0 .. LINES - 1) {
       if
       :: k >= missedFrom[m] && k < to && owner[k] != m -> missed++
       :: else
       fi
     }
     /* The notice is at a line boundary, and exact: just the lines from the one due to the one where it goes on. */
     assert(dueCell[m] == 0);
     k = dueLine[m];
     do
     :: k < to -> if :: owner[k] != m -> missed-- :: else fi; k++
     :: else -> break
     od;
     assert(missed == 0);
     if :: dueLine[m] < to -> dueLine[m] = to :: else fi;
     overtaken[m] = false;
     missedFrom[m] = 0;
     if :: position[m] < start[to] -> position[m] = start[to] :: else fi
  :: else
  fi
}

/* Cursor.deliver, cell by cell, for as long as the socket takes some. */
inline deliver(m) {
  do
  :: closed[m] || blocked[m] -> break
  :: else ->
     if
     :: restOfLine[m] > 0 ->
        if
        :: takes[m] ->
           give(m, missedFrom[m] - 1, start[missedFrom[m]] - start[missedFrom[m] - 1] - restOfLine[m]);
           restOfLine[m]--;
           if :: takes[m] = false :: skip fi
        :: else -> blocked[m] = true
        fi
     :: else ->
        resume(m);
        l = LINES;
        do
        :: position[m] < dueEnd(m) ->
           lineAt(position[m], l);
           if
           :: owner[l] == m && position[m] == start[l] -> position[m] = start[l + 1]
           :: else -> break
           fi
        :: else -> break
        od;
        if
        :: position[m] < dueEnd(m) ->
           if
           :: takes[m] ->
              give(m, l, position[m] - start[l]);
              position[m]++;
              if :: takes[m] = false :: skip fi
           :: else -> blocked[m] = true
           fi
        :: else ->
           /* Caught up. One that leaves has everything then, and goes. */
           if
           :: left[m] ->
              k = dueLine[m];
              do
              :: k < endLine[m] -> assert(owner[k] == m); k++
              :: else -> break
              od;
              assert(dueCell[m] == 0);
              closed[m] = true
           :: else
           fi;
           break
        fi
     fi
  od;
  /* Backpressure.reprotect. */
  if
  :: !protected[m] && !overtaken[m] && restOfLine[m] == 0 && position[m] + WINDOW / 2 >= head -> protected[m] = true
  :: else
  fi
}

/* Those who waited are heard again, and what they say goes out. */
inline goOn() {
  if
  :: isLogFull ->
     m = waiting;
     n = waitingCells;
     isLogFull = false;
     waiting = 0;
     waitingCells = 0;
     if
     :: !left[m] -> say(m, n)
     :: else
     fi
  :: else
  fi;
  if
  :: isHeld && !isLogFull ->
     m = bulkSender;
     n = bulkCells;
     isHeld = false;
     bulkSender = 0;
     bulkCells = 0;
     if
     :: !left[m] -> say(m, n)
     :: else
     fi
  :: else
  fi;
  for (i : 0 .. MEMBERS - 1) { deliver(i) }
}

/* Backpressure.measureLag: a quarter of the window less once the room is crowded. */
inline measureLag() {
  slowest(limit);
  isCrowded = head - limit > (isCrowded || isLogFull -> WINDOW * 3 / 4 : WINDOW)
}

/* The end of a turn: deliver to all, then see whether those who wait may go on. */
inline finishTurn() {
  for (i : 0 .. MEMBERS - 1) { deliver(i) }
  measureLag();
  if
  :: !isCrowded && (isLogFull || isHeld) -> goOn(); measureLag()
  :: else
  fi
}

active proctype room() {
  d_step {
    for (i : 0 .. MEMBERS - 1) { protected[i] = true; takes[i] = true; endLine[i] = LINES + 1 }
  }
  do
  /* A line comes from a member that is read, of one cell or two. */
  :: atomic { said + isHeld < LINES && !isLogFull ->
       select(m : 0 .. MEMBERS - 1);
       if
       :: !left[m] && !(isHeld && bulkSender == m) ->
          if :: n = 1 :: n = 2 fi;
          if
          :: isCrowded && !isHeld -> isHeld = true; bulkSender = m; bulkCells = n
          :: say(m, n); finishTurn()
          fi
       :: else
       fi
     }
  /* A peer reads: its socket takes cells again, and the event layer says so if it is asked to. */
  :: atomic { !takes[0] && !closed[0] -> takes[0] = true; if :: blocked[0] -> blocked[0] = false; finishTurn() :: else fi }
  :: atomic { !takes[1] && !closed[1] -> takes[1] = true; if :: blocked[1] -> blocked[1] = false; finishTurn() :: else fi }
  :: atomic { !takes[2] && !closed[2] -> takes[2] = true; if :: blocked[2] -> blocked[2] = false; finishTurn() :: else fi }
  /* Patience is over: those that lag by more than half the window are not protected any more. */
  :: atomic { isCrowded ->
       for (i : 0 .. MEMBERS - 1) {
         if
         :: !closed[i] && protected[i] && position[i] + WINDOW / 2 < head -> protected[i] = false
         :: else
         fi
       }
       finishTurn();
       /* Nobody can hold the room. */
       assert(!isCrowded || !isHeld)
     }
  /* Member 2 may leave. */
  :: atomic { !left[2] && said > 1 -> left[2] = true; endLine[2] = headLine; finishTurn() }
  /* All is said and all read: nobody may be left with something due. */
  :: atomic { said == LINES && !isLogFull && !isHeld && takes[0] && takes[1] && (takes[2] || closed[2]) ->
       for (i : 0 .. MEMBERS - 1) {
         assert(!blocked[i] || closed[i]);
         if
         :: !closed[i] ->
            k = dueLine[i];
            do
            :: k < headLine -> assert(owner[k] == i); k++
            :: else -> break
            od;
            assert(!overtaken[i] && restOfLine[i] == 0 && dueCell[i] == 0)
         :: else
         fi
       }
       break
     }
  od
}
