"""The legend: what the fields of a job's hash mean, of the hash of a group, and of an event.

Times are in milliseconds of the clock of Redis. A field that does not apply is absent. Behind each
stands which scripts write it: `close` is whatever ends a job, `back` whatever puts it in line
again.

A job:

    n  name       `Engine.Job`                                            submit
    q  queue      where it waits for a worker                             submit
    g  group      of the session's jobs and events; see below             submit, adopt_job
    o  owner      whose turn in the queue it takes                        submit
    s  state      queued, running, done, failed, cancelled or lost        submit, start, back, close
    p  given      its parameters, encoded                                 submit
    c  created    when it was submitted                                   submit
    e  head start in ms; may be negative                                  submit
    d  due        not before                                              submit, back
    m  max wait   how long it may wait for its first start                submit
    y  may lose   how often a worker may be lost with it                  submit
    r  policy     what becomes of it with its session: two letters, for a submit
                  logout and a timeout: `c` cancelled, `f` finished in
                  silence, `o` kept as an orphan; absent: `cc`
    h  grace      time to stop after a cancel                             submit
    v  keep       how long its record stays after its end                 submit
    k  key        no second job with this key while this one lives        submit
    w  worker     where it runs, or ran last                              start
    t  token      number of the last start, and its ticket; without a     start, back, close
                  ticket nobody has it
    l  lease      end of it                                               start, beat
    a  attempts   how often it was started                                start
    x  lost       how often a worker was lost with it                     sweep
    b  begun      the last start                                          start
    u  cancel     when it is over at the latest (13 digits), and why      cancel, end of the session
    N  reported   number of the last report of this token                 report, finish
    T  finished   the token whose finish was carried out last             finish
    i  progress   the last one, encoded                                   report
    j  status     the last one, encoded                                   report
    S  silent     1: its session has ended, and it goes on                end of the session
    O  orphan     1: the same, and it may be adopted                      end of the session
    F  files      1: it has some                                         submit, report
    f  finished   when it was over                                        close
    z  outcome    what it returned, or the errors, encoded                close
    Z  why        it failed, was cancelled or lost, in words              close
    ?ID           an open question; then the answer, encoded: a mapping   report, answer
                  with the `value`, or with `errors`
    *NAME         a file: its number, and how many bytes it has         submit, report

A group is made when a session has its first job or sink. It has an id of its own, because a session
may get another one, and names are given again. It stays in its bucket, wherever the session goes.

    s  session    its SID now                                             submit, attach, point
    a  away       1: that is in another bucket                            point
    o  owner      of the session                                          submit, attach, point
    e  ended      why the session has ended; absent: it lives             end of the session
    n  sequence   of the last event                                       every event
    x  told       1: that the session has ended was told                  end of the session

An event in the stream of a group: `n` sequence, without gaps; `j` job; `t` type; `b` body, encoded;
`r` a reason in words, of events that the store makes itself.
"""

from __future__ import annotations

__all__ = ["EVENT", "GROUP", "JOB", "LIVE", "TERMINAL"]

JOB = frozenset("nqgospcedmyrhvkwtlaxbuNTijSOFfzZ")
"""All that a job's hash may have, besides questions and files."""

GROUP = frozenset("saoenx")
EVENT = frozenset("njtbr")

LIVE = ("queued", "running")
TERMINAL = ("done", "failed", "cancelled", "lost")
