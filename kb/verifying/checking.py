"""One sentence against the passages it cites: gates in order, the surest witness first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kb.models import Verdict
from kb.text.entities import load_entities
from kb.verifying import dates, names
from kb.verifying.agreement import carries, derived, elliptic, same_unit, same_value
from kb.verifying.alignment import Window, comparable, segments, share, windows
from kb.verifying.attribution import said_by_another
from kb.verifying.cohesion import misplaced
from kb.verifying.measures import IMPLIED, LOOSE, Figure
from kb.verifying.opposition import ASKED, opposition
from kb.verifying.quotes import Found, Quotation, locate, omitted, quotations, stands_in
from kb.verifying.reading import Reading, fold, read
from kb.verifying.reasons import Reason
from kb.verifying.speech import said_by_other

Similarity = Callable[[str, str], float]

ENOUGH, SOME = 0.5, 0.3
"""Share of what a sentence says that its passages must say for it to be supported, and to be supported in part."""

ENOUGH_ACROSS, SOME_ACROSS = 0.35, 0.2
"""The same when sentence and passages are in different languages and only names, figures and known words compare."""

LITTLE = 3.0
"""Weight of names, figures and known words below which a sentence in another language can hardly be compared."""

TITLE_WORDS = 0.8
"""Share of the words of a title that a passage must have."""

DESCRIBED = frozenset({"regulation", "policy-document"})
"""Kinds of names that a passage may tell by what they say ("a rule on subsidiaries owned by half")."""

ALIKE, UNLIKE = 0.87, 0.80
"""Cosines of multilingual-e5 between a sentence and its best span: above, they are about the same; below, not."""

_MARKER = re.compile(r"\s*\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of one sentence: the verdict, why, and a machine word for why.

    `code` is one of supported, no_citation, empty, quote, attribution, number, unit, date, name, negation, asked,
    actor, pairing, content, similarity.
    """

    verdict: Verdict
    reason: Reason
    code: str


def check(sentence: str, evidence: Sequence[str], *, similarity: Similarity | None = None) -> Finding:
    """Whether the passages carry the sentence.

    Contradicted: they say the same matter with another figure, date, actor or sign. Unsupported: something the
    sentence needs is not in them. Partial: nothing is wrong, but only part of what it says was found. One wrong figure,
    date, name or quotation spoils the whole sentence: readers take it as one statement.
    """
    sentence = _MARKER.sub("", sentence).strip()
    if not any(char.isalnum() for char in sentence):
        return Finding(Verdict.UNCHECKED, Reason("empty"), "empty")
    texts = [text for text in evidence if text.strip()]
    if not texts:
        return Finding(Verdict.UNSUPPORTED, Reason("uncited"), "no_citation")
    claim = read(sentence)
    passages = [read(text) for text in texts]
    if any(stands_in(sentence, text) for text in texts):
        return Finding(Verdict.SUPPORTED, Reason("verbatim"), "supported")
    found = windows(sentence, passages)
    doubt: Finding | None = None
    for gate in (_quotes, _dates, _figures, _names, _opposed, _cohesion, _speech):
        for finding in gate(claim, passages, found):
            if finding.verdict is not Verdict.PARTIAL:
                return finding
            doubt = doubt or finding
    return doubt or _content(claim, passages, found, similarity)


def _quotes(claim: Reading, passages: Sequence[Reading], _: Sequence[Window]) -> Iterator[Finding]:
    for quotation in quotations(claim.text):
        places = [locate(quotation.text, passage.text) for passage in passages]
        best = min(places, key=lambda place: list(Found).index(place[0]))
        if best[0] is Found.VERBATIM:
            number = places.index(best)
            left_out = omitted(quotation.text, passages[number].text)
            if re.search(r"\b(?:not|nicht|kein\w*|never|nie)\b|不|没有|未", left_out):
                yield Finding(Verdict.CONTRADICTED, Reason("ellipsis", (_shown(quotation),)), "quote")
            if other := said_by_another(claim, quotation, passages[number], best[1], best[2]):
                reason = Reason("speaker_of_words", (_shown(quotation), other))
                yield Finding(Verdict.CONTRADICTED, reason, "attribution")
            continue
        if best[0] is Found.STITCHED:
            yield Finding(Verdict.UNSUPPORTED, Reason("stitched", (_shown(quotation),)), "quote")
        elif claim.language == "en" and quotation.is_title and _title_known(quotation, passages):
            continue
        elif not (quotation.is_term and not _spoken(claim, quotation) and _term_known(quotation, passages)):
            yield Finding(Verdict.UNSUPPORTED, Reason("no_quote", (_shown(quotation),)), "quote")


_SPEAKS = re.compile(
    r"(?:[:：]|\b(?:said|says|saying|sagte|sagt|erklärte)|说|表示|称|强调|指出)[,，]?\s*$", re.IGNORECASE
)


def _spoken(claim: Reading, quotation: Quotation) -> bool:
    """Whether the words are introduced as speech, so that even a few of them must be verbatim."""
    return _SPEAKS.search(claim.text[: quotation.start]) is not None


def _title_known(quotation: Quotation, passages: Sequence[Reading]) -> bool:
    """Whether most words of a title stand in one passage: titles are quoted in many forms."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]{4,}", quotation.text)]
    texts = [fold(passage.text).lower() for passage in passages]
    return any(sum(word in text for word in words) >= TITLE_WORDS * len(words) for text in texts)


def _term_known(quotation: Quotation, passages: Sequence[Reading]) -> bool:
    """Whether a short expression in quotation marks stands in a passage under another name or in another language."""
    term = read(quotation.text)
    registry = load_entities()
    wanted = set(term.entity_ids)
    matters = {item.id for item in term.matters}
    for passage in passages:
        if wanted and wanted & {id for found in passage.entity_ids for id in registry.implied(found)}:
            return True
        if (
            not comparable(read(quotation.text), passage)
            and matters
            and matters <= {item.id for item in passage.matters}
        ):
            return True
    return False


def _dates(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Iterator[Finding]:
    present = [day for passage in passages for day in passage.days]
    for day in claim.days:
        if any(dates.carries(passage.days, day) for passage in passages):
            continue
        if day.weekday is not None and not any(other.weekday for other in present):
            continue
        written = claim.text[day.start : day.end].strip()
        near = [other for other in _near_days(passages, found) if _as_precise(other, day)]
        if near:
            yield Finding(Verdict.CONTRADICTED, Reason("other_date", (written, near[0][1])), "date")
        yield Finding(Verdict.UNSUPPORTED, Reason("no_date", (written,)), "date")


def _near_days(passages: Sequence[Reading], found: Sequence[Window]) -> list[tuple[dates.Day, str]]:
    if not found:
        return []
    window = found[0]
    passage = passages[window.passage]
    return [
        (day, passage.text[day.start : day.end].strip())
        for day in passage.days
        if window.start <= day.start < window.end
    ]


def _as_precise(other: tuple[dates.Day, str], day: dates.Day) -> bool:
    return all(
        (getattr(other[0], part) is not None) or getattr(day, part) is None
        for part in ("day", "month", "quarter", "weekday")
    )


def _figures(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Iterator[Finding]:
    present = [figure for passage in passages for figure in passage.figures]
    years = {float(day.year) for passage in passages for day in passage.days if day.year}
    for figure in claim.figures:
        if figure.kind == IMPLIED or carries(present, figure) or (not figure.units and figure.value in years):
            continue
        if derived(present, figure, claim.text) or elliptic(present, figure):
            continue
        label = re.search(r"[A-Z][\w-]*\s$", claim.text[: figure.start]) is not None and not figure.measured
        if (label or not figure.units) and not figure.scaled and _written(figure, claim, passages):
            continue
        written = claim.text[figure.start : figure.end].strip()
        firm = [other for other in present if other.kind not in LOOSE]
        swapped = [other for other in firm if same_value(other, figure) and not same_unit(other, figure)]
        if swapped:
            yield Finding(Verdict.CONTRADICTED, Reason("other_unit", (written,)), "unit")
        others = [other for other in present if other.units & figure.units] if figure.units else []
        if figure.kind == "small" and not others:
            continue
        near = _near_figures(passages, found, figure)
        if near:
            yield Finding(Verdict.CONTRADICTED, Reason("other_figure", (written, near)), "number")
        yield Finding(Verdict.UNSUPPORTED, Reason("no_figure", (written,)), "number")


def _written(figure: Figure, claim: Reading, passages: Sequence[Reading]) -> bool:
    """Whether the digits of a bare number stand in a passage inside a name or document number (2024/1689, HBM3)."""
    digits = re.sub(r"\D", "", fold(claim.text)[figure.start : figure.end])
    return bool(digits) and any(
        re.search(rf"(?<![\d.,]){digits}(?![\d]|[.,]\d)", fold(passage.text)) is not None
        and not any(
            re.sub(r"\D", "", passage.text[other.start : other.end]) == digits and other.measured
            for other in passage.figures
        )
        for passage in passages
    )


def _near_figures(passages: Sequence[Reading], found: Sequence[Window], figure: Figure) -> str:
    if not found:
        return ""
    window = found[0]
    passage = passages[window.passage]
    for other in passage.figures:
        if window.start <= other.start < window.end and (
            other.units & figure.units or not (other.units or figure.units)
        ):
            return passage.text[other.start : other.end].strip()
    return ""


def _names(claim: Reading, passages: Sequence[Reading], _: Sequence[Window]) -> Iterator[Finding]:
    for mention in names.missing_entities(claim, passages):
        written = claim.text[mention.start : mention.end]
        described = all(load_entities()[id].kind in DESCRIBED for id in mention.ids)
        verdict = Verdict.PARTIAL if described else Verdict.UNSUPPORTED
        yield Finding(verdict, Reason("no_name", (written,)), "name")
    for name in names.unknown_names(claim):
        if names.carried(name, passages):
            continue
        if names.other_script_only(passages) and not any(char.isdigit() for char in name.text):
            yield Finding(Verdict.PARTIAL, Reason("other_script", (name.text,)), "name")
            continue
        if name.firm or all(comparable(claim, passage) for passage in passages) or claim.language == "zh":
            yield Finding(Verdict.UNSUPPORTED, Reason("no_name", (name.text,)), "name")


def _opposed(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Iterator[Finding]:
    for against in opposition(claim, passages, found):
        verdict = Verdict.UNSUPPORTED if against.code == ASKED else Verdict.CONTRADICTED
        verdict = verdict if against.firm else Verdict.PARTIAL
        yield Finding(verdict, against.reason, against.code)


def _speech(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Iterator[Finding]:
    if speaker := said_by_other(claim, passages):
        yield Finding(Verdict.CONTRADICTED, Reason("speaker", (speaker,)), "attribution")


def _cohesion(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Iterator[Finding]:
    if wrong := misplaced(claim, passages):
        yield Finding(Verdict.CONTRADICTED, Reason("misplaced", (wrong.written, wrong.there)), wrong.code)


def _content(
    claim: Reading, passages: Sequence[Reading], found: Sequence[Window], similarity: Similarity | None
) -> Finding:
    ratio, weight = share(claim.text, passages, [segments(passage.text) for passage in passages])
    same = any(comparable(claim, passage) for passage in passages)
    enough, some = (ENOUGH, SOME) if same else (ENOUGH_ACROSS, SOME_ACROSS)
    alike = _likeness(claim, passages, found, similarity)
    if alike is not None:
        if alike < UNLIKE and ratio < enough:
            verdict = Verdict.UNSUPPORTED if ratio < some else Verdict.PARTIAL
            return Finding(verdict, Reason("elsewhere"), "similarity")
        if alike >= ALIKE:
            enough -= 0.1
    little = not same and weight < LITTLE
    if little and ratio < some:
        return Finding(Verdict.PARTIAL, Reason("little"), "content")
    if ratio >= enough or little:
        return Finding(Verdict.SUPPORTED, Reason("found"), "supported")
    if ratio >= some:
        return Finding(Verdict.PARTIAL, Reason("share", (f"{ratio:.0%}",)), "content")
    return Finding(Verdict.UNSUPPORTED, Reason("hardly", (f"{ratio:.0%}",)), "content")


def _likeness(
    claim: Reading, passages: Sequence[Reading], found: Sequence[Window], similarity: Similarity | None
) -> float | None:
    """The cosine between the sentence and its best span; None without an embedder."""
    if similarity is None or not found:
        return None
    best = found[0]
    return similarity(claim.text, passages[best.passage].text[best.start : best.end])


def _shown(quotation: Quotation) -> str:
    text = quotation.text if len(quotation.text) <= 60 else quotation.text[:57] + "…"
    return f'"{text}"'
