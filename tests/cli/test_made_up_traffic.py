"""Made-up traffic has the shape of a real access log, and is the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from sessionstore.cli.replay.access_log import parse
from sessionstore.cli.replay.made_up_traffic import generated


def clients(seed: int) -> list[str]:
    requests = [parse(line.encode()) for line in generated(10_000, seed)]
    assert all(requests)
    return [request.client for request in requests if request]


def test_every_line_is_in_combined_log_format_and_follows_from_the_seed() -> None:
    assert clients(7) == clients(7)
    assert clients(7) != clients(8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clients_come_in_bursts_and_some_come_very_often(seed: int) -> None:
    found = clients(seed)
    counts = sorted(Counter(found).values(), reverse=True)
    again = sum(first == second for first, second in pairwise(found)) / len(found)
    assert 1400 < len(counts) < 2200  # 1,753 in the real log
    assert 0.5 < again < 0.65  # 0.57
    assert counts[0] > 150  # 482
    assert counts[len(counts) // 2] == 2
    assert 0.3 < sum(count == 1 for count in counts) / len(counts) < 0.5  # 0.39
