"""Named points at which a test can end the process: LAGEBILD_FAULT=<point>[:<nth>] kills it there.

The crash tests need to stop between any two steps of a write; without the variable a point does
nothing.
"""

from __future__ import annotations

import os
import signal

_wanted, _, _nth = os.environ.get("LAGEBILD_FAULT", "").partition(":")
_left = int(_nth or 1)


def point(name: str) -> None:
    """Pass a named point; kill -9 this process if the environment asks for it."""
    global _left
    if name != _wanted:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
