"""Yes or no: which way the words of direction in a text point, after negations and words that turn them round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kb.verifying.lexicon import SEPARABLE, Occurrence, load_words
from kb.verifying.reading import Reading

NEAR = 6
"""Words between a negation and what it negates, at most; Chinese characters: twice as many."""

_NOT_EN = (
    r"(?:not|never|cannot|can't|won't|n't|neither|nor|none|nobody|no longer|no one|fail(?:s|ed)? to|hardly|"
    r"barely|scarcely|seldom|rarely|(?:is|are|was|were|been|be) (?:unable|unwilling) to|refrain(?:s|ed)? from|"
    r"no(?!\.|\s*\d| longer| later| less| more than))\b"
)
_NOT_DE = r"\b(?:nicht|kein\w*|nie|niemals|niemand\w*|weder|keinesfalls|keineswegs|nichts|kaum|nirgends)\b"
_NEGATION = re.compile(
    r"(?P<skip>at no (?:extra |additional )?cost|no doubt|no wonder|"
    r"not only|not least|not just|not merely|no less than|no more than|"
    r"no later than|not more than|not less than|nothing but|"
    r"nicht nur|nicht zuletzt|nicht mehr als|"
    r"nicht weniger als|nicht später als|不仅|不但|不只|不光|不同|不断|不少|不足|"
    r"不到|不久|不超过|不低于|不得不|不论|不过|不变|不确定|不可靠|不利|"
    r"不满|无论|未来|未经|"
    r"除非|非常|是否|非法|非洲|不动产|不良|不安|不断|不等|不明|非凡|无线|无人机|无人驾驶|未成年|"
    r"不平等|不平衡|不完善|不完整|不公[平正]?|不稳定?|不透明|不对称|不正当|不当|不规范|不景气|不愉快|不寻常|无关|无疑|未知|并不意外|不限于|没收)"
    rf"|\b(?P<en>(?:\w+n['’]t|{_NOT_EN}))|(?P<de>{_NOT_DE})|(?P<zh>没有|并未|尚未|从未|并非|并不|不再|不会|不能|无法|不可|不得|"
    r"不予|未能|未获|未曾|绝不|拒不|从不|毫不|并无|尚无|难以|很难|无意|不肯|不愿|不|未|没|无|非(?=强制))",
    re.IGNORECASE,
)
_INFINITIVE = re.compile(r"(?:^|\s)(?:to|zu)\s*$|[,\s]\w*zu\w*$", re.IGNORECASE)
_BEGIN = re.compile(r"(?:beg[aiu]n|start)\w*")
_REFUSALS = frozenset({"reject", "rule_out", "dispute"})
_DENIES = re.compile(r"den(?:y|ies|ied|ying)\b|bestr|dement|leugn|否认|矢口", re.IGNORECASE)
_DECLINES = re.compile(r"\w+\s+to\s|拒")
_MOVED = re.compile(r"\s+(?:by|from|\d|about|almost|nearly|more than|sharply|slightly)")
_IS = re.compile(r"\b(?:is|are|was|were|been|went|goes|go)\s$")
_PREDICATES = frozenset({"false", "wrong", "true", "correct", "accurate"})
"""A judgement only when nothing follows: "called the charge false", but "false statements"."""
_ADVERBS = frozenset({"already", "bereits", "schon", "已经"})
_MODAL = frozenset({"may"})
_VERBS = frozenset({"reject", "vote_down", "allow", "approve", "support", "dispute", "adopt"})
_REQUEST = re.compile(
    r"\b(?:ask|urg|petition|begg|press|call)(?:e?d|s|es|ing)? (?:on |upon )?(?!for\b|about\b)"
    r"(?:[\w'’-]+ ){1,6}?(?:not )?to\b"
    r"|\b(?:demand|insist|propos)(?:ed|es|s|ing)? that\b"
    r"|\b(?:request|plea|call|demand|proposal|bid|motion)s? (?:[\w'’-]+ ){0,6}?to\b"
    r"|(?<!不)(?:请求|敦促|呼吁|恳请)",
    re.IGNORECASE,
)
"""What follows is asked of somebody; whether it was done is not said."""

_BARRING = re.compile(r"\b(?:without|unless|ohne)\b", re.IGNORECASE)
"""After a negation these make a condition of it: what nobody may do without a licence may be done with one. (Likewise
"no firm before Magnotech": it was the first.)"""

SCOPE = 2
"""Names, matters and words after a negation that it denies."""

SOLID = 3
"""Words of a phrase that holds nothing foreign."""

_WORD = re.compile(r"[^\W_\u3400-\u9fff]+|[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Stance:
    """A direction as the text takes it: its axis, the sign after everything that turns it, the clause it is in, and
    whether it is only `asked` for ("asked the judge to reject it")."""

    id: str
    axis: str
    sign: int
    start: int
    end: int
    clause: int
    asked: bool = False


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
            if _REFUSALS.isdisjoint(refusal.ids):
                continue
            if (refused := _refused(refusal, found, reading)) is not None:
                refused.turned = not refused.turned
            elif _DECLINES.match(reading.text, refusal.start, end):
                # What is refused is not done: "refuses to pay", 拒绝整改.
                negations.append(Negation(refusal.start, refusal.end, number, 1))
        for match in _NEGATION.finditer(reading.text, start, end):
            first = (match["en"] or "").lower() == "no" and re.search(r"\bbefore\b", reading.text[match.end() : end])
            if match["skip"] or first or _BARRING.search(reading.text, match.end(), end):
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
        asked = _REQUEST.search(reading.text, start, end)
        since = asked.end() if asked else end
        stances += [replace(stance, asked=stance.start >= since) for stance in _stances(found, number)]
    return Polarity(tuple(stances), tuple(negations))


def _words(reading: Reading, start: int, end: int) -> Iterator[_Word]:
    directions = load_words().directions
    grouped: dict[tuple[int, int], list[str]] = {}
    for item in reading.matters:
        if item.id in directions and start <= item.start < end and not _is_idle(reading.text, item):
            grouped.setdefault((item.start, item.end), []).append(item.id)
    for (left, right), ids in sorted(grouped.items()):
        length = right - left
        longer = [span for span in grouped if span[0] <= left < span[1] and span[1] - span[0] > length]
        # A phrase says more than the word it begins with, "schließt … aus" is not "schließt", and than those in it,
        # "turned down" is not "down"; but German verbs may hold others between their halves.
        if any(span[0] == left or _solid(reading.text, span) for span in longer):
            continue
        inside = [
            each
            for span in grouped
            if span[0] == left and span[1] < right and _solid(reading.text, (left, right))
            for each in grouped[span]
        ]
        axes = {directions[id].axis for id in ids}
        yield _Word(left, right, (*ids, *(id for id in inside if directions[id].axis not in axes)))


def _solid(text: str, span: tuple[int, int]) -> bool:
    """Whether a phrase stands together, not as a German verb around its object."""
    words = text[slice(*span)].lower().split()
    return len(words) < SOLID or (len(words) == SOLID and words[-1] not in SEPARABLE)


def _is_idle(text: str, item: Occurrence) -> bool:
    """Whether a word is no direction where it stands.

    "By the end of 2026" is a date, "up to 5 billion" a bound, "set up" no rise; "began to block" is what begins.
    """
    said = text[item.start : item.end].lower()
    if said in _PREDICATES:
        return re.match(r"\s[a-z]", text[item.end :]) is not None
    if said == "permission":
        return text[: item.start].endswith("for ")
    if said == "不足":
        return re.match(r"\s*[\d一二三四五六七八九十百]", text[item.end :]) is not None
    if said in ("up", "down"):
        return _MOVED.match(text[item.end :]) is None and _IS.search(text[: item.start]) is None
    if _BEGIN.fullmatch(said):
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
        reach = NEAR if "assent" in axes else NEAR / 2 if "force" in axes else -1
        distance = _distance(reading.text, operator, word)
        if word.end <= operator.start and _VERBS.issuperset(word.ids):
            # "Opposes easier rules": only a thing can stand before what is done to it ("the ban was lifted").
            continue
        if reading.language == "de" and _is_noun(operator, reading) and not _is_noun(word, reading):
            # "Begrüßte die Aufhebung": a noun does nothing to a verb.
            continue
        if distance <= reach:
            near.append((distance, word.start, word))
    return min(near)[2] if near else None


def _is_noun(word: _Word, reading: Reading) -> bool:
    return reading.text[word.start].isupper()


def _refused(refusal: _Word, found: list[_Word], reading: Reading) -> _Word | None:
    """What is refused, if that is a direction itself: to join, to allow; not a ban, which a refusal leaves as it is."""
    directions = load_words().directions
    for word in found:
        between = reading.text[refusal.end : word.start]
        verb = _INFINITIVE.search(between) if reading.language != "zh" else len(between) <= 2
        if "rule_out" in refusal.ids or _DENIES.match(reading.text, refusal.start):
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
    # "Not yet" is a direction and a negation at once.
    found = [word for word in found if "pending" not in word.ids or not word.start <= match.start() < word.end]
    around = [word for word in found if word.start <= match.start() and match.end() <= word.end]
    inside = [word for word in around if word.start < match.start() and match.end() < word.end]
    if around and (reading.language != "de" or not inside):
        # "Noch nicht", "does not apply", 不适用 are directions of their own.
        return None
    if around:
        # "Nimmt keine Aufträge an": the negation stands inside the separable verb.
        return around[0]
    found = [word for word in found if reading.text[word.start : word.end].lower() not in _ADVERBS]
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
