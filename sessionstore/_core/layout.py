"""The legend: what the fields of a session's hash mean, and those of a tombstone.

Fields have one letter, so that a small session stays small. A field that does not apply is absent.
Times are in milliseconds of the clock of Redis, fences in microseconds; a ticket has 16 letters.
Behind each field stands which scripts write it: `make` is create and arrive, `pass` is whatever
hands a session over, `lapse` what finds that a lease is over, and `save` what writes content.

    f  fence      number of the last opening                     make, open, pass, lapse
    o  owner      a user id, * for public; absent: anonymous     make
    t  timeout    idle time                                      make, close, revisit
    c  created    when it was made; tells it apart from          make
                  earlier sessions of its name
    a  activity   the last one that was written down             make, close, merge, touch, lapse
    l  ends       its absolute end; absent: none                 make
    s  seat       ticket of its seat in the pool of its kind     make, assign_seat
    h  holder     see below                                      make, open, renew, pass
    d  delete     ticket and reason of a delete that waits       delete, end_owned, arrive
                  for the close, or for the end of a move
    m  moving     `> TICKET SID`: about to go there              save; stay removes it
                  `< TICKET SID`: on its way here from there     arrive; admit removes it
    b  size       bytes of its content, names included           make, save
    p  beside     1: there may be values beside it               make, save
    i  lifetimes  when the first lifetime of an attribute        make, save
                  ends; absent: no attribute has one
    y  lost       a floor, and the last fences above it that     make, lapse
                  lost their lease; up to the floor no fence
                  is known any more
    n  saved      fence and number of the last save              save
    v  reserved   ids of values that will be named soon          reserve; save removes it
    k  deleter    ticket of the delete that ended the earlier    make
                  session of this name
    r  origin     tells it apart from all others, from its       arrive
                  first move on; see Row.identity
    j  jobs       the group of its jobs and their events;        make, submit
                  absent: it has had none

The holder, in fixed places: the end of the lease (13 digits), how it came to be, the ticket of the
opening (16 letters), a label for people. How it came to be is `o` opened, `g` granted and not taken
up yet, `c` created closed, or `w` nobody holds it, and all who wait are silent. It is empty when
the session was given back and nobody waits.

What was put into a session begins with a mark:

    .NAME   an attribute; its encoded value, perhaps behind the end of its lifetime
    @       1: there are objects that attributes refer to
    @ID     such an object
    :lNAME  a list beside the session     the id of its key (16 letters), and its bytes
    :tNAME  a longstring beside it        the same
    :xNAME  a document beside it          the same

A tombstone is what is left when a session has ended, for as long as the store lingers,
and for half a minute at least:

    f  fence     that of the session; a new one of its name begins above it
    o  owner     that of the session; absent: anonymous
    e  ended     why; only a tombstone has it
    k  deleter   ticket of the delete that ended it; empty: no delete did
    m  moving    where it went or came from; absent: it did not move
    l  silent    from when on only calls that are repeated see it; absent: all do
"""

from __future__ import annotations

__all__ = [
    "ACTIVITY",
    "ATTRIBUTE",
    "BESIDE",
    "CONTENT",
    "CREATED",
    "DELETE",
    "DELETER",
    "DOCUMENT_BESIDE",
    "ENDED",
    "ENDS",
    "FACTS",
    "FENCE",
    "FIELDS",
    "HAS_BESIDE",
    "HAS_LIFETIMES",
    "HOLDER",
    "JOBS",
    "LIST_BESIDE",
    "LONGSTRING_BESIDE",
    "LOST",
    "MOVING",
    "OBJECTS",
    "ORIGIN",
    "OWNER",
    "RESERVED",
    "SAVED",
    "SEAT",
    "SIZE",
    "TIMEOUT",
    "TOMBSTONE",
]

FENCE = b"f"
OWNER = b"o"
TIMEOUT = b"t"
CREATED = b"c"
ACTIVITY = b"a"
ENDS = b"l"
SEAT = b"s"
HOLDER = b"h"
DELETE = b"d"
MOVING = b"m"
SIZE = b"b"
HAS_BESIDE = b"p"
HAS_LIFETIMES = b"i"
LOST = b"y"
SAVED = b"n"
RESERVED = b"v"
DELETER = b"k"
ORIGIN = b"r"
JOBS = b"j"
ENDED = b"e"

FACTS = (FENCE, OWNER, TIMEOUT, CREATED, ACTIVITY, ENDS, SEAT)
"""Fields of a session that describe it."""

FIELDS = frozenset(
    (
        *FACTS,
        HOLDER,
        DELETE,
        MOVING,
        SIZE,
        HAS_BESIDE,
        HAS_LIFETIMES,
        LOST,
        SAVED,
        RESERVED,
        DELETER,
        ORIGIN,
        JOBS,
    )
)
"""All that a session may have besides its content."""

TOMBSTONE = frozenset((FENCE, OWNER, ENDED, DELETER, MOVING, ENDS))
"""All that a tombstone may have."""

ATTRIBUTE = b"."
OBJECTS = b"@"
BESIDE = b":"
LIST_BESIDE = b":l"
LONGSTRING_BESIDE = b":t"
DOCUMENT_BESIDE = b":x"

CONTENT = frozenset(ATTRIBUTE + OBJECTS + BESIDE)
"""What the fields begin with that hold what was put into a session."""
