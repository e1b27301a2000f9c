"""The engine of the demo."""

from __future__ import annotations

import asyncio
from typing import Any

from sessionstore.jobs import Engine

__all__ = ["PAGES", "engine"]

PAGES = 10
SECONDS_A_PAGE = 0.15

engine = Engine("Reports")


@engine.job("Render", keep=60)
async def _render(job: Any, pages: int = PAGES) -> dict[str, int]:
    """Make a report; whoever takes it up again begins anew."""
    for page in range(1, pages + 1):
        await asyncio.sleep(SECONDS_A_PAGE)
        job.progress(page / pages, f"page {page} of {pages}")
    return {"pages": pages}
