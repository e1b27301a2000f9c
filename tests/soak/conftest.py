"""The table at the end of `make soak`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tests.soak.table import Row, rendered

if TYPE_CHECKING:
    import pytest

TITLE = "soak"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        Row(*cast("tuple[str, str, str, int, int, int, float]", value))
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == TITLE
    ]
    if rows:
        terminalreporter.write_sep("=", "soak")
        terminalreporter.write_line(rendered(rows))
