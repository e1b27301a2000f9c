"""$Session_List: the fixed columns byte by byte, the patterns, and who sees what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessionstore import SessionInfo
from sessionstore.dialects.soul import Online, RequestCancelled, Thread
from sessionstore.dialects.soul._listing import item, label_of, user_number
from tests.dialects.soul.conftest import Scene, ids

CALLED = datetime(2026, 11, 22, 20, 5, 9, 999_999, tzinfo=UTC)


def info(**changes: object) -> SessionInfo:
    facts: dict[str, object] = {
        "id": "CART",
        "sid": "ALICE:CART",
        "owner": "ALICE",
        "timeout": timedelta(seconds=900),
        "created": datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        "last_activity": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        "deadline": CALLED,
        "fence": 1,
        "holder": None,
        "held_until": None,
    }
    return SessionInfo(**facts | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, b"ALICE        9002026010203040520260203040506      CART"),
        (
            {"owner": "*", "timeout": timedelta(seconds=0)},
            b"*              02026010203040520260203040506      CART",
        ),
        (
            {"holder": "web:99 thread 7"},
            b"ALICE        9002026010203040520261122200509     7CART",
        ),
        (
            {"holder": "web:99 thread 123456", "timeout": timedelta(days=1)},
            b"ALICE      864002026010203040520261122200509123456CART",
        ),
        (
            {"owner": "ABCDEFGHIJ", "id": "a b", "timeout": timedelta(days=11)},
            b"ABCDEFGHIJ9504002026010203040520260203040506      a b",
        ),
        # What does not fit must not move the other columns.
        (
            {"owner": "ABCDEFGHIJKL", "timeout": timedelta(seconds=99_999_999)},
            b"ABCDEFGHIJ9999992026010203040520260203040506      CART",
        ),
        # A holder that is no thread of SOUL is not closed.
        ({"holder": "web:99"}, b"ALICE        9002026010203040520261122200509     0CART"),
        # Anonymous sessions, and parts of a second: made by other programs.
        (
            {"owner": "", "timeout": timedelta(seconds=1, milliseconds=900)},
            b"               12026010203040520260203040506      CART",
        ),
    ],
)
def test_the_columns_byte_by_byte(changes: dict[str, object], text: bytes) -> None:
    assert item(info(**changes), CALLED).encode() == text


def test_the_columns_are_where_the_document_has_them() -> None:
    text = item(info(holder="web:99 thread 12"), CALLED)
    columns = [(1, 10), (11, 16), (17, 30), (31, 44), (45, 50)]
    assert [text[first - 1 : last] for first, last in columns] == [
        "ALICE     ",
        "   900",
        "20260102030405",
        "20261122200509",
        "    12",
    ]
    assert text[51 - 1 :] == "CART"


def test_the_number_of_a_thread_is_in_its_label() -> None:
    assert user_number(label_of("host:4711", 12)) == 12
    assert user_number("host:4711") == 0
    assert user_number("thread 5 of the pool") == 0


def rows(thread: Thread, *pattern: str) -> list[str]:
    listid = thread.list_new()
    count = thread.session_list(listid, *pattern)
    assert thread.list_cnt(listid) == count
    return [thread.list_inf(listid, number) for number in range(1, count + 1)]


def test_a_closed_and_an_open_session_as_they_are_shown(scene: Scene, online: Online) -> None:
    alice = online.login("ALICE", thread=7)
    alice.session_create("A", None, 60, "NOOPEN")
    alice.session_create("B", None, 3600)
    scene.pass_time("A", "ALICE", 50)
    closed, opened = rows(alice)
    infos = {info.id: info for info in alice._store.list("ALICE")}
    made = f"{infos['A'].created:%Y%m%d%H%M%S}"
    assert closed == f"ALICE         60{made}{made}      A"
    assert opened[:16] == "ALICE       3600"
    assert opened[16:30] == f"{infos['B'].created:%Y%m%d%H%M%S}"
    assert opened[44:] == "     7B"
    assert opened[30:44] >= opened[16:30]


def test_the_last_access_is_the_last_close(scene: Scene, online: Online, alice: Thread) -> None:
    alice.session_create("A", None, 900, "NOOPEN")
    scene.pass_time("A", "ALICE", 500)
    alice.session_open("A")
    alice.session_close()
    (row,) = rows(alice)
    created, accessed = (
        datetime.strptime(f"{text}+0000", "%Y%m%d%H%M%S%z") for text in (row[16:30], row[30:44])
    )
    assert timedelta(seconds=499) <= accessed - created <= timedelta(seconds=520)


def test_all_open_ones_show_the_time_of_the_call(online: Online, root: Thread) -> None:
    threads = [online.login(name) for name in ("A", "B", "C")]
    for thread in threads:
        thread.session_create("X")
    found = rows(root, "*", "*")
    assert len({row[30:44] for row in found}) == 1
    assert [row[44:50] for row in found] == [f"{thread.number:6}" for thread in threads]


def test_another_process_sees_who_has_it_open(scene: Scene, online: Online) -> None:
    online.login("ALICE", thread=31).session_create("A")
    elsewhere = scene.online().login("ALICE", thread=32)
    assert rows(elsewhere)[0][44:] == "    31A"


def test_a_holder_that_is_another_program_is_user_0(scene: Scene, alice: Thread) -> None:
    with scene.store().create("A", owner="ALICE"):
        assert rows(alice)[0][44:] == "     0A"


@pytest.fixture
def crowd(online: Online, root: Thread) -> Thread:
    """Sessions of three owners: A, AB and A* of ALICE, B of BOB, A of the public."""
    for sesid, owner in (
        ("A", "ALICE"),
        ("AB", "ALICE"),
        ("A*", "ALICE"),
        ("B", "BOB"),
        ("A", "*"),
    ):
        assert root.session_create(sesid, owner, opts="NOOPEN") == 0
    return root


def owners_and_ids(thread: Thread, *pattern: str) -> list[str]:
    return [f"{row[:10].rstrip()}:{row[50:]}" for row in rows(thread, *pattern)]


ALL = ["*:A", "ALICE:A", "ALICE:A*", "ALICE:AB", "BOB:B"]


def test_the_default_is_ones_own(crowd: Thread, alice: Thread, bob: Thread) -> None:
    assert owners_and_ids(alice) == ["ALICE:A", "ALICE:A*", "ALICE:AB"]
    assert owners_and_ids(bob) == ["BOB:B"]
    assert owners_and_ids(crowd) == []


@pytest.mark.parametrize(
    ("sesid", "owner", "found"),
    [
        ("*", "*", ALL),
        ("", "*", ALL),
        ("*", '"*', ["*:A"]),
        ("*", "ALICE", ["ALICE:A", "ALICE:A*", "ALICE:AB"]),
        ("A", "ALICE", ["ALICE:A"]),
        ("A?", "ALICE", ["ALICE:A*", "ALICE:AB"]),
        ('A"*', "*", ["ALICE:A*"]),
        ("?", "*", ["*:A", "ALICE:A", "BOB:B"]),
        ("*", "?OB", ["BOB:B"]),
        ("*", "*B*", ["BOB:B"]),
        ("*", "alice", []),
        ("a", "*", []),
    ],
)
def test_the_patterns_of_ids_and_owners(
    crowd: Thread, sesid: str, owner: str, found: list[str]
) -> None:
    assert owners_and_ids(crowd, sesid, owner) == found


def test_without_the_privilege_only_own_and_public_ones_are_seen(
    crowd: Thread, alice: Thread
) -> None:
    mine = ["ALICE:A", "ALICE:A*", "ALICE:AB"]
    assert owners_and_ids(alice, "*", "*") == ["*:A", *mine]
    assert owners_and_ids(alice, "*", '"*') == ["*:A"]
    assert owners_and_ids(alice, "*", "BOB") == []
    assert owners_and_ids(alice, "*", "B*") == []


def test_a_user_with_a_wildcard_in_the_name_is_only_that_user(online: Online) -> None:
    star, other = online.login("A?", privileged=True), online.login("AB")
    star.session_create("X", opts="NOOPEN")
    other.session_create("Y", opts="NOOPEN")
    assert ids(star) == ["X"]


def test_the_items_are_added_to_what_is_there(alice: Thread) -> None:
    alice.session_create("A", opts="NOOPEN")
    listid = alice.list_new()
    alice.list_add(listid, "first")
    assert alice.session_list(listid) == 1
    assert alice.session_list(listid, "NONE") == 0
    assert alice.list_cnt(listid) == 2
    assert alice.list_inf(listid, 2)[50:] == "A"


@pytest.mark.parametrize(("listid", "owner"), [(99, "*"), (0, "*"), (None, "*"), (1, "a{b")])
def test_every_error_cancels_the_request(alice: Thread, listid: int, owner: str) -> None:
    assert alice.list_new() == 1
    with pytest.raises(RequestCancelled) as caught:
        alice.session_list(listid, "*", owner)
    assert caught.value.function == "$Session_List"
