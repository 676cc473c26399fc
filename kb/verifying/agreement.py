"""Whether one figure carries another: the same value in the same unit, as far as hedges and rounding allow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, permutations

from kb.verifying.measures import Figure
from kb.verifying.units import CURRENCIES, NOUNS, TIMES

TOLERANCE = 0.1
"""How far "about" reaches, as a share of the value: 5.46 billion is about 5.5 billion, and about 5 billion."""

_OTHERS = re.compile(r"\b(?:others?|further|more|weitere\w*|andere\w*)\b|另外|其他|其余", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:less|fewer|more|lower|higher|gap|difference|fell|rose|grew|dropped|shrank|shrunk|narrowed|widened|gained|lost|"
    r"weniger|mehr|niedriger|höher|differenz|unterschied|sank|stieg|fiel|schrumpfte|wuchs|verlor|gesunken|gestiegen)\b"
    r"|[少多低高]|相差|差距|缩小|扩大|下降|上升|增加|提高|降低|下滑",
    re.IGNORECASE,
)

ELLIPSIS = 80
"""Characters between a figure and one of the same measure that names it for both."""

BOUND_REACH = 2.0
"""How far above its bound a value may lie for "more than" it to be a fair way of saying so (and below, for "under")."""


def same_value(evidence: Figure, claim: Figure) -> bool:
    """Whether the values agree; hedges of the claim give way as far as they say."""
    if abs(evidence.value - claim.value) <= 1e-6 * max(1.0, abs(claim.value)):
        return {evidence.hedge, claim.hedge} != {"over", "under"}
    if claim.hedge == "about":
        return abs(evidence.value - claim.value) <= TOLERANCE * abs(claim.value)
    if claim.hedge == "over":
        return claim.value < evidence.value <= claim.value * BOUND_REACH and evidence.hedge != "under"
    if claim.hedge == "under":
        return claim.value / BOUND_REACH <= evidence.value < claim.value and evidence.hedge != "over"
    # A third is 33 percent, and two thirds 67.
    return (
        claim.units == evidence.units == {"percent"}
        and abs(evidence.value - claim.value) < 0.5
        and (abs(evidence.value * 3 % 100) < 1e-6 or abs(claim.value * 3 % 100) < 1e-6)
    )


def same_unit(evidence: Figure, claim: Figure) -> bool:
    """Whether the units agree. One left out agrees with a counted thing, and money with a large bare number."""
    if evidence.units & claim.units:
        return True
    if claim.units and evidence.units:
        counted = set(NOUNS.values())
        # Both count things, and one names several ("140 Chinese chip companies"): only a clear pair is a difference.
        return evidence.units <= counted and claim.units <= counted and bool({"item"} & (evidence.units | claim.units))
    known = claim.units or evidence.units
    if (
        claim.units
        and claim.measured
        and not claim.units & TIMES
        and not (evidence.scaled and claim.units & CURRENCIES)
    ):
        return False
    return not known & {"percent", "points", "nm"}


def derived(evidence: Sequence[Figure], claim: Figure, text: str) -> bool:
    """Whether a figure can be worked out of two of the evidence, and the words beside it say so.

    "22 others" are there with 23 in all, "1.8 billion less" with 4.6 and 2.8, "half of it" with 3 and 1.5.
    """
    around = text[max(0, claim.start - 30) : claim.end + 40]
    if _OTHERS.search(around) and any(figure.value == claim.value + 1 for figure in evidence):
        return True
    wanted = claim.units | ({"percent"} if "points" in claim.units else set())
    alike = [figure for figure in evidence if figure.units & wanted or figure.units == claim.units]
    if _COMPARED.search(around) and any(
        abs(abs(one.value - other.value) - claim.value) <= 1e-6 * claim.value
        for one, other in combinations(alike, 2)
        if one.units == other.units
    ):
        return True
    return claim.units == {"percent"} and any(
        one.units == other.units and other.value and abs(100 * one.value / other.value - claim.value) < 0.5
        for one, other in permutations([figure for figure in evidence if figure.measured], 2)
        if not one.units & {"percent"}
    )


def elliptic(evidence: Sequence[Figure], claim: Figure) -> bool:
    """Whether a percentage stands in the evidence without its sign, near another: "wanted 20 percent, got 10"."""
    shares = {"percent", "points"}
    return bool(claim.units & shares) and any(
        not one.units and not one.scaled and one.kind == "number" and one.value == claim.value
        for one, other in permutations(evidence, 2)
        if other.units & shares and abs(one.start - other.end) <= ELLIPSIS
    )


def carries(evidence: Sequence[Figure], claim: Figure) -> bool:
    """Whether one of the figures of the evidence says what `claim` says."""
    return any(same_value(figure, claim) and same_unit(figure, claim) for figure in evidence)
