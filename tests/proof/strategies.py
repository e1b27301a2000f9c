"""What the rules of test_model.py draw from."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.proof.machine import OWNERS

IDS = ("a", "b")
NAMES = st.sampled_from(IDS)
MAYBE = st.sampled_from((None, *IDS))
OPENED = st.booleans()
STOPS = st.sampled_from(("leaves", "dies", "hangs", "hangs"))
WHOSE = st.sampled_from(OWNERS)
PICK = st.integers(0, 7)
RARE = st.sampled_from(
    (
        "delete",
        "touch",
        "sweep",
        "cap",
        "limit",
        "limit of all",
        "end_all",
        "expires",
        "absent",
        "delete",
        "touch",
    )
)
LONGEST = st.sampled_from((None, None, 50, 100))
LIFE = st.sampled_from((None, None, 150))
TIMEOUTS = st.sampled_from((None, None, 0, 60, 100, 900))
ATTRIBUTES = st.dictionaries(st.sampled_from("pqr"), st.integers(0, 3), max_size=2)
SECONDS = st.sampled_from((10, 50, 100, 130))
