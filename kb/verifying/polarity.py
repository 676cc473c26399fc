"""Yes or no: which way the words of direction in a text point, after negations and words that turn them round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.verifying.lexicon import Occurrence, load_words
from kb.verifying.reading import Reading

NEAR = 6
"""Words between a negation and what it negates, at most; Chinese characters: twice as many."""

_NOT_EN = (
    r"(?:not|never|cannot|can't|won't|n't|neither|nor|none|nobody|no longer|no one|fail(?:s|ed)? to|hardly|"
    r"no(?!\.|\s*\d| longer| later| less| more than))\b"
)
_NOT_DE = r"\b(?:nicht|kein\w*|nie|niemals|niemand\w*|weder|keinesfalls|keineswegs|nichts)\b"
_NEGATION = re.compile(
    r"(?P<skip>not only|not least|not just|not merely|no less than|no more than|"
    r"no later than|not more than|not less than|nothing but|"
    r"nicht nur|nicht zuletzt|nicht mehr als|"
    r"nicht weniger als|nicht später als|不仅|不但|不只|不光|不同|不断|不少|不足|"
    r"不到|不久|不超过|不低于|不得不|不论|不过|不变|不确定|不可靠|不利|"
    r"不满|无论|未来|未经|"
    r"除非|非常|是否|非法|非洲|不动产|不良|不安|不断|不等|不明|非凡|无线|无人机|无人驾驶|未成年|无关|无疑|未知|并不意外|不限于|没收)"
    rf"|\b(?P<en>(?:\w+n['’]t|{_NOT_EN}))|(?P<de>{_NOT_DE})|(?P<zh>没有|并未|尚未|从未|并非|并不|不再|不会|不能|无法|不可|不得|"
    r"不予|未能|未获|未曾|绝不|拒不|不|未|没|无|非(?=强制))",
    re.IGNORECASE,
)
_INFINITIVE = re.compile(r"(?:^|\s)(?:to|zu)\s*$|[,\s]\w*zu\w*$", re.IGNORECASE)
_BEGIN = re.compile(r"(?:beg[aiu]n|start)\w*")
_REFUSALS = frozenset({"reject", "rule_out"})
_MODAL = frozenset({"may"})
_VERBS = frozenset({"reject", "vote_down", "allow", "approve", "support", "dispute", "adopt"})
SCOPE = 2
"""Names, matters and words after a negation that it denies."""

_WORD = re.compile(r"[^\W_\u3400-\u9fff]+|[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Stance:
    """A direction as the text takes it: its axis, the sign after everything that turns it, and the clause it is in."""

    id: str
    axis: str
    sign: int
    start: int
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class Negation:
    """A negation; `scope` is how many of the things named after it it strikes: none if it turns a word of direction."""

    start: int
    end: int
    clause: int
    scope: int


@dataclass(frozen=True, slots=True)
class Polarity:
    """All stances and negations of a text."""

    stances: tuple[Stance, ...]
    negations: tuple[Negation, ...]


@dataclass(slots=True)
class _Word:
    """A place where a direction is named, while its sign is worked out."""

    start: int
    end: int
    ids: tuple[str, ...]
    turned: bool = False


def polarity(reading: Reading) -> Polarity:
    """Which way a text points."""
    stances: list[Stance] = []
    negations: list[Negation] = []
    for number, (start, end) in enumerate(reading.clauses):
        found = list(_words(reading, start, end))
        for operator in found:
            if not _flips(operator):
                continue
            if (root := _acted_on(operator, found, reading)) is not None:
                root.turned = not root.turned
            elif (licence := _licence_near(operator, reading, start, end)) is not None:
                stances.append(Stance("licence", "assent", -1, *licence, number))
        for refusal in found:
            if not _REFUSALS.isdisjoint(refusal.ids) and (refused := _refused(refusal, found, reading)) is not None:
                refused.turned = not refused.turned
        for match in _NEGATION.finditer(reading.text, start, end):
            if match["skip"]:
                continue
            target = _negated(match, found, reading)
            # "No" before a noun strikes the noun as well: "imposed no fine".
            scope = SCOPE if target is None else 1 if _determines(match) else 0
            negations.append(Negation(match.start(), match.end(), number, scope))
            if target is not None:
                target.turned = not target.turned
            for word in found:
                # "May not expand": neither allowed nor done.
                modal = word is not target and not _MODAL.isdisjoint(word.ids)
                if modal and _distance(reading.text, word, _mark(match)) <= NEAR:
                    word.turned = not word.turned
        stances += _stances(found, number)
    return Polarity(tuple(stances), tuple(negations))


def _words(reading: Reading, start: int, end: int) -> Iterator[_Word]:
    directions = load_words().directions
    grouped: dict[tuple[int, int], list[str]] = {}
    for item in reading.matters:
        if item.id in directions and start <= item.start < end and not _is_idle(reading.text, item):
            grouped.setdefault((item.start, item.end), []).append(item.id)
    for (left, right), ids in sorted(grouped.items()):
        # A phrase says more than the word it begins with: "schließt … aus" is not "schließt".
        if not any(a == left and b > right for a, b in grouped):
            yield _Word(left, right, tuple(ids))


def _is_idle(text: str, item: Occurrence) -> bool:
    """ "By the end of 2026" is a date and "up to 5 billion" a bound: neither is a direction; "began to block" is that
    of what begins."""
    said = text[item.start : item.end].lower()
    if said == "up" or _BEGIN.fullmatch(said):
        return re.match(r"\s+to\b", text[item.end :]) is not None
    return (
        item.id == "end"
        and re.search(r"\b(?:the|at|by|year|month)[\s-]$", text[max(0, item.start - 6) : item.start]) is not None
    )


def _stances(found: list[_Word], clause: int) -> Iterator[Stance]:
    directions = load_words().directions
    for word in found:
        for id in word.ids:
            direction = directions[id]
            yield Stance(id, direction.axis, direction.sign * (-1 if word.turned else 1), word.start, word.end, clause)


def _flips(word: _Word) -> bool:
    return any(load_words().directions[id].flips for id in word.ids)


def _acted_on(operator: _Word, found: list[_Word], reading: Reading) -> _Word | None:
    """The word of assent or strictness beside an operator: the ban that is lifted, the approval that is suspended."""
    directions = load_words().directions
    near = []
    for word in found:
        axes = {directions[id].axis for id in word.ids if not directions[id].flips and id not in _MODAL}
        if not axes or word.start == operator.start:
            continue
        reach = NEAR if "assent" in axes else NEAR / 2 if "force" in axes else 0
        distance = _distance(reading.text, operator, word)
        if word.end <= operator.start and _VERBS.issuperset(word.ids):
            # "Opposes easier rules": only a thing can stand before what is done to it ("the ban was lifted").
            continue
        if distance <= reach:
            near.append((distance, word.start, word))
    return min(near)[2] if near else None


def _refused(refusal: _Word, found: list[_Word], reading: Reading) -> _Word | None:
    """What is refused, if that is a direction itself: to join, to allow; not a ban, which a refusal leaves as it is."""
    directions = load_words().directions
    for word in found:
        between = reading.text[refusal.end : word.start]
        verb = _INFINITIVE.search(between) if reading.language != "zh" else len(between) <= 2
        if "rule_out" in refusal.ids:
            # What is ruled out may stand inside the separable verb: "schließt Entlassungen aus".
            if word is not refusal and _distance(reading.text, refusal, word) <= NEAR:
                return word
            continue
        near = word.start >= refusal.end and _distance(reading.text, refusal, word) <= NEAR
        if near and verb and all(directions[id].sign > 0 for id in word.ids):
            return word
    return None


def _licence_near(operator: _Word, reading: Reading, start: int, end: int) -> tuple[int, int] | None:
    """A licence beside an operator: one that is revoked or suspended is a no."""
    for item in reading.matters:
        if item.id == "licence" and start <= item.start < end:
            there = _Word(item.start, item.end, ())
            if _distance(reading.text, operator, there) <= NEAR / 2 and item.start != operator.start:
                return item.start, item.end
    return None


def _negated(match: re.Match[str], found: list[_Word], reading: Reading) -> _Word | None:
    """The word of direction that a negation turns: the next one; in German also the one before."""
    mark = _mark(match)
    if around := [word for word in found if word.start < match.start() < word.end]:
        # "Nimmt keine Aufträge an": the negation stands inside the separable verb.
        return around[0]
    after = [word for word in found if word.start >= match.end() and _distance(reading.text, mark, word) <= NEAR]
    if after:
        return _verb(after, reading)[0]
    if match["de"] or (match["en"] and match["en"].lower() in ("not", "no", "none")):
        reach = 1 if match["en"] and match["en"].lower() != "not" else NEAR
        before = [word for word in found if word.end <= match.start() and _distance(reading.text, word, mark) <= reach]
        return _verb(before, reading)[-1] if before else None
    return None


def _verb(found: list[_Word], reading: Reading) -> list[_Word]:
    """The verbs among words of direction, if there are any: German writes them small, its nouns with capitals."""
    if reading.language != "de":
        return found
    return [word for word in found if reading.text[word.start].islower()] or found


def _mark(match: re.Match[str]) -> _Word:
    return _Word(match.start(), match.end(), ())


def _determines(match: re.Match[str]) -> bool:
    return (match["de"] or "").lower().startswith("kein") or (match["en"] or "").lower() == "no"


def _distance(text: str, one: _Word, other: _Word) -> float:
    left, right = sorted((one, other), key=lambda word: word.start)
    words = _WORD.findall(text[left.end : right.start])
    return sum(0.5 if "\u3400" <= word[0] <= "\u9fff" else 1.0 for word in words)
