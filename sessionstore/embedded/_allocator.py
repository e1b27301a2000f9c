"""What the server allocates its memory with: jemalloc, where the system has it.

The server of the wheel is built with the allocator of glibc, which has to search ever longer as a
store grows: at a million sessions it costs as much processor time as all else that a call costs.
"""

from __future__ import annotations

import os
import sys
from ctypes.util import find_library

__all__ = ["environment"]


def environment() -> dict[str, str]:
    """Return the environment for a server: that of this process, with jemalloc to be loaded."""
    jemalloc = find_library("jemalloc") if sys.platform == "linux" else None
    if jemalloc is None:
        return dict(os.environ)
    # Last, so that an allocator which the user has chosen comes first.
    loaded = (os.environ.get("LD_PRELOAD"), jemalloc)
    return {**os.environ, "LD_PRELOAD": ":".join(filter(None, loaded))}
