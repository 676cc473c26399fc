"""Finding the passages that trip a provider's filter, by asking it about parts of the evidence.

Halving over beginnings of the evidence: each blocked passage costs about log2(n) calls, and one to see whether
the rest passes.
No text is ever altered to slip past a filter; what trips it is left out, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Blocked = Callable[[Sequence[int]], bool]
"""Asks with these passages alone (by index): True if the filter blocks them. Other failures are raised."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What was found. `clean` passed together in one call, so the answer can be written from it.

    `suspects` were not cleared before the calls ran out. `question`: the filter blocks the question itself.
    """

    blocked: tuple[int, ...]
    clean: tuple[int, ...]
    suspects: tuple[int, ...]
    calls: int
    question: bool = False


class _Exhausted(Exception):
    pass


def isolate(count: int, ask: Blocked, most_calls: int | None = None) -> Isolation:
    """Which of `count` passages are blocked, given that all of them together are.

    At most k·(⌈log2 n⌉ + 1) + 1 calls for k blocked of n, which is within 2k·log2(n) + 2; fewer if
    `most_calls` says so. Of passages that are blocked only together, one is left out.
    """
    calls = 0
    passed: tuple[int, ...] = ()

    def is_blocked(part: Sequence[int]) -> bool:
        nonlocal calls, passed
        if most_calls is not None and calls >= most_calls:
            raise _Exhausted
        calls += 1
        found = ask(part)
        if not found and len(part) > len(passed):
            passed = tuple(part)
        return found

    blocked: list[int] = []
    left = list(range(count))
    clean = 0
    try:
        if is_blocked([]):
            return Isolation((), (), (), calls, question=True)
        while left:
            # The first `clean` of `left` pass, the first `tripped` do not: close in on the one between.
            tripped = len(left)
            while tripped - clean > 1:
                middle = (clean + tripped) // 2
                if is_blocked(left[:middle]):
                    tripped = middle
                else:
                    clean = middle
            blocked.append(left.pop(clean))
            if clean == len(left) or not is_blocked(left):
                break
    except _Exhausted:
        rest = [each for each in range(count) if each not in blocked and each not in passed]
        return Isolation(tuple(sorted(blocked)), passed, tuple(rest), calls)
    return Isolation(tuple(sorted(blocked)), tuple(left), (), calls)
