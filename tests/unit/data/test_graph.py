"""Objects keep their identity, are stored once, and only those that changed are written."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionstore import stored, upgrade
from sessionstore.data._graph import refers
from sessionstore.errors import TypeRefused, UndecodableValue
from tests.unit.data.classes import (
    Article,
    ByFields,
    Cart,
    Colour,
    Member,
    Node,
    Pair,
    Price,
    Unknown,
)
from tests.unit.data.graphs import Held, linked, shape

broad = settings(print_blob=True, deadline=None, max_examples=50)


@dataclass(frozen=True)
class To:
    """In a plan of a graph: the node of this number."""

    number: int


def plans() -> st.SearchStrategy[object]:
    node = st.builds(To, st.integers(0, 5))
    return st.recursive(
        node | node | st.integers() | st.text(max_size=3),
        lambda part: st.one_of(
            st.lists(part, max_size=4),
            st.lists(part, max_size=3).map(tuple),
            st.dictionaries(st.text(max_size=2), part, max_size=3),
            st.sets(node, max_size=3),
            st.builds(Pair, part, part),
        ),
        max_leaves=4,
    )


def built(plan: object, nodes: list[Node]) -> object:
    match plan:
        case To(number):
            return nodes[number % len(nodes)]
        case Pair(left, right):
            return Pair(built(left, nodes), built(right, nodes))
        case dict():
            return {key: built(part, nodes) for key, part in plan.items()}
        case list() | tuple() | set():
            return type(plan)(built(part, nodes) for part in plan)
    return plan


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, object]:
    """Attributes that refer to nodes of one graph, which refer to each other in all ways."""
    nodes = [Node(label) for label in range(draw(st.integers(1, 6)))]
    for node in nodes:
        node.links = built(draw(plans()), nodes)
    return {name: built(draw(plans()), nodes) for name in "abc"[: draw(st.integers(1, 3))]}


@broad
@given(graphs())
def test_any_graph_keeps_its_shape_across_attributes(values: dict[str, object]) -> None:
    held = Held()
    held.save(**values)
    again = held.again()
    found = [again.read(name) for name in values]
    assert shape(found) == shape(list(values.values()))
    assert again.save() == ({}, ())
    assert held.save() == ({}, ())


@broad
@given(graphs(), st.data())
def test_what_is_stored_is_what_can_be_reached_whatever_was_looked_at(
    values: dict[str, object], data: st.DataObject
) -> None:
    held = Held()
    held.save(**values)
    again = held.again()
    names = list(values)
    for name in data.draw(st.lists(st.sampled_from(names), unique=True)):
        again.read(name)
    gone = data.draw(st.sampled_from(names))
    again.save(**{gone: None})
    # The same, from nothing:
    left = {name: values[name] for name in names if name != gone}
    fresh = Held()
    fresh.save(**left)
    assert len(again.objects()) == len(fresh.objects())
    last = again.again()
    assert shape([last.read(name) for name in left]) == shape(list(left.values()))


def test_an_object_in_two_attributes_is_one() -> None:
    tea = Article("tea", Price(Decimal(3)), Colour.GREEN)
    held = Held()
    held.save(cart=Cart([tea, tea]), seen={"last": tea})
    again = held.again()
    cart = again.read("cart")
    assert cart.articles[0] is cart.articles[1] is again.read("seen")["last"]
    assert cart.articles[0].price == tea.price
    assert len(again.objects()) == 2


def test_reading_calls_no_code_of_the_class() -> None:
    held = Held()
    cart = Cart([])
    assert cart.checked == ["by __post_init__"]
    held.save(cart=cart)
    assert held.again().read("cart").checked == ["by __post_init__"]


def test_only_the_object_that_changed_is_written() -> None:
    nodes = [Node(f"node {number}", "x" * 100) for number in range(1000)]
    held = Held()
    all_of_it = held.save(nodes=nodes)
    again = held.again()
    again.read("nodes")[500].label = "changed"
    changes = again.save()
    assert len(changes.written) == 1
    assert not changes.removed
    total = sum(map(len, all_of_it.written.values()))
    assert sum(map(len, changes.written.values())) < total / 100


def test_a_change_at_any_depth_is_noticed_and_looking_is_not_one() -> None:
    held = Held()
    held.save(top=Node("top", [{"deep": (Node("inner", [1, {2}]),)}]), other=[1])
    again = held.again()
    inner = again.read("top").links[0]["deep"][0]
    assert again.save() == ({}, ())
    inner.links[1].add(3)
    assert len(again.save().written) == 1
    assert again.save() == ({}, ())
    assert again.again().read("top").links[0]["deep"][0].links == [1, {2, 3}]


def test_what_is_not_reached_any_more_goes_and_what_another_still_uses_stays() -> None:
    shared, own = Node("shared"), Node("own")
    shared.links, own.links = own, shared  # a cycle does not keep itself
    held = Held()
    held.save(a=[shared], b=(1, own), c=Node("alone"))
    assert len(held.objects()) == 3
    again = held.again()
    assert len(again.save(c=None).removed) == 2  # the attribute and its object
    again.save(a=None)
    assert len(again.objects()) == 2  # b was not even looked at
    again.save(b=None)
    assert again.objects() == []
    assert not again.graph.stored


def test_an_object_that_was_changed_and_is_only_used_by_what_was_not_looked_at_is_written() -> None:
    held = Held()
    node = Node("old")
    held.save(a=[node], b=[node])
    again = held.again()
    again.read("a")[0].label = "new"
    again.save(a=None)
    assert again.again().read("b")[0].label == "new"


def test_an_object_that_was_changed_is_written_once_no_attribute_looked_at_leads_to_it() -> None:
    held = Held()
    node = Node("old")
    held.save(a=[node], b=[Node("between", (node,))])
    again = held.again()
    node = again.read("a")[0]
    again.save(a=None)
    node.label = "new"
    assert len(again.save().written) == 1
    assert again.save() == ({}, ())
    assert again.again().read("b")[0].links[0].label == "new"


def test_an_object_that_comes_back_is_stored_again() -> None:
    node = Node("it")
    held = Held()
    held.save(a=node)
    held.save(a=None)
    assert held.objects() == []
    held.save(b=[node])
    assert held.again().read("b")[0].label == "it"


@pytest.mark.parametrize("closed", [False, True])
def test_ten_thousand_nodes_in_a_chain_are_stored_and_read(closed: bool) -> None:
    first = linked(10_000)
    if closed:
        first.links[0].label = [first]
    held = Held()
    begun = time.process_time()
    held.save(chain=first)
    again = held.again()
    found = again.read("chain")
    assert again.save() == ({}, ())
    assert time.process_time() - begun < 20
    assert len(again.objects()) == 10_000
    assert shape(found) == shape(first)


def test_the_path_to_what_is_refused_leads_through_objects() -> None:
    held = Held()
    cart = Cart([Article("tea", Price(Decimal(1)), sold_with=[Article("milk", None)])])
    cart.articles[0].sold_with[0].price = [Unknown()]
    with pytest.raises(TypeRefused) as caught:
        held.graph.check(b".cart", "cart", {"mine": cart})
    assert caught.value.path == "cart['mine'].articles[0].sold_with[0].price[0]"
    end = first = linked(2000)
    while end.links:
        end = end.links[0]
    end.links = Unknown()
    with pytest.raises(TypeRefused, match=r"^chain\.links\[0\]\.links.{,500}…") as caught:
        held.graph.check(b".chain", "chain", first)
    assert len(caught.value.path) < 500


def test_an_object_that_hashes_by_its_fields_is_whole_when_a_set_takes_it() -> None:
    held = Held()
    held.save(a={ByFields(1), ByFields(2)}, b=Node("x", frozenset({ByFields(3)})))
    again = held.again()
    assert again.read("a") == {ByFields(1), ByFields(2)}
    assert again.read("b").links == {ByFields(3)}


@pytest.mark.parametrize("size", [1, 2, 3, 30])
def test_objects_that_hash_by_their_fields_may_be_in_sets_of_each_other(size: int) -> None:
    members = [Member(number) for number in range(1, size + 1)]
    for member in members:
        member.friends.update(members)
    held = Held()
    held.save(a=members[0], all=set(members))
    again = held.again()
    found = again.read("a")
    assert {friend.number for friend in found.friends} == set(range(1, size + 1))
    for friend in found.friends:
        assert all(other in friend.friends for other in found.friends)
        assert friend.friends == found.friends
    assert again.read("all") == found.friends
    assert again.save() == ({}, ())


def test_an_upgrade_that_gives_what_is_not_stored_is_told_when_it_is_read() -> None:
    @stored("test.BadUpgrade", version=2)
    @dataclass
    class Bad:
        a: object

    held = Held()
    held.save(a=[Bad(1)], b=1)
    (field,) = held.objects()
    held.graph.stored[field] = held.graph.stored[field].replace(b"\x02\x81", b"\x01\x81")
    upgrade("test.BadUpgrade", 1)(lambda fields: {"a": object()})
    again = held.again()
    for _ in range(2):
        with pytest.raises(UndecodableValue, match="its upgrade gave what is not stored"):
            again.read("a")


def test_lengths_that_are_claimed_allocate_nothing() -> None:
    held = Held()
    held.save(a=Node())
    (field,) = held.objects()
    held.graph.stored[field] = b"\x93" + b"\xdd\x00\x0f\x00\x00" * 200_000
    tracemalloc.start()
    with pytest.raises(UndecodableValue):
        held.again().read("a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_an_older_object_is_upgraded_and_written_only_if_something_changes() -> None:
    held = Held()
    held.save(cart=Cart([Article("tea", Price(Decimal(1)))]), n=[1])
    (field,) = [field for field in held.objects() if b"shop.Cart" in held.graph.stored[field]]
    raw = held.graph.stored[field]
    for new, old in ((b"shop.Cart\x03", b"shop.Cart\x01"), (b"\xa8articles", b"\xa5items")):
        assert new in raw
        raw = raw.replace(new, old)
    start = raw.index(b"\xa4note")
    raw = raw[:start].replace(b"\x84\xa5", b"\x83\xa5") + raw[start + 6 :]
    held.graph.stored[field] = raw

    again = held.again()
    cart = again.read("cart")
    assert (cart.note, cart.articles[0].name) == ("from 1", "tea")
    assert again.save() == ({}, ())
    again.read("n").append(2)
    assert set(again.save().written) == {b".n", field}
    assert again.again().read("cart").note == "from 1"


def test_damage_in_an_object_is_told_by_its_attribute_and_leaves_nothing_half_read() -> None:
    held = Held()
    held.save(a=Node("first", Node("second")), b=Node("third"))
    (field,) = [field for field in held.objects() if b"second" in held.graph.stored[field]]
    for damaged in (
        b"",
        b"\x93",
        b"\xc1",
        b"\x93\xa9test.Node\x01\x81",
        b"\x90",
        b"\x93\xa1x\x01\x80",
    ):
        again = held.again()
        again.graph.stored[field] = damaged
        for _ in range(2):
            with pytest.raises(UndecodableValue) as caught:
                again.read("a")
            assert caught.value.path == "a"
        assert again.read("b").label == "third"
    again = held.again()
    del again.graph.stored[field]
    with pytest.raises(UndecodableValue, match="an object that is not there"):
        again.read("a")


def test_what_cannot_be_read_keeps_what_it_refers_to() -> None:
    held = Held()
    held.save(a=[Node("kept")], b=1)
    again = held.again()
    again.graph.stored[b".a"] += b"\xc1"
    with pytest.raises(UndecodableValue):
        again.read("a")
    again.save(b=Node("new"))
    assert len(again.objects()) == 2


def test_text_that_looks_like_a_reference_is_none() -> None:
    for text in ("× abcdefgh", "\xd7 abcdefgh", "× "):
        assert not refers(text.encode())
