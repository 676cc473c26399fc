"""Text → the spans of its sentences, in English, German and Chinese; no dependency beyond `re`."""

from __future__ import annotations

import re

_ABBREVIATIONS = (
    "mr mrs ms dr prof st no nos nr vs etc inc ltd corp co cf al fig sec gen col sen rep gov jr sr dept est approx ca "
    "bzw usw vgl ggf evtl inkl exkl abs art bd hrsg jh mio mrd bio tsd str tel zzgl sog ehem geb gest rd max min jan "
    "feb mar apr jun jul aug sep sept oct okt nov dec dez mär bn mn tn vol pp ed eds e.g i.e u.a z.b d.h o.ä u.s u.k "
    "u.n e.u a.m p.m ph.d v.a i.d.r u.u s.o n.v b.v s.a"
)
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
"""What a full stop belongs to, in lower case and without that stop."""
_MONTHS = (
    "januar februar märz april mai juni juli august september oktober november dezember jänner january february march "
    "may june july october december"
)

MONTHS = _MONTHS.split()

_HARD = "。！？"
_CLOSERS = "\"'”’»«›‹“‘」』）)】]〉》"
_CITATION = re.compile(r"(?:[ \t]*\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\])+")
_STOP = re.compile(r"[。！？]+|[.!?…]+|\n+|[；](?=[^\n]{8,})")
_ORDINAL_NOUN = re.compile(
    r"\s+(?:" + "|".join(MONTHS) + r"|quartal|jahrhundert|sanktionspaket|paket|runde|artikel|absatz|fünfjahres\w*|"
    r"halbjahr|auflage|mal|platz|amtszeit|wahlperiode|legislatur\w*|volkskongress\w*|parteitag\w*|und|bis|oder)\b",
    re.IGNORECASE,
)

_NEW_SENTENCE = re.compile(r"\s*$|\s+(?:The|This|That|These|It|In|On|But|A|An|He|She|They|We|Die|Der|Das)\b")


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, in order, without white space around them.

    Closing quotation marks, brackets and citation markers ("[1][2]") stay with the sentence they follow; a line
    break always ends one; a Chinese semicolon ends one when a clause of some length follows.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _STOP.finditer(text):
        if match.start() < start or not _ends(text, match):
            continue
        end = _with_closers(text, match)
        _append(spans, text, start, end)
        start = end
    _append(spans, text, start, len(text))
    return spans


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    if left >= right:
        return
    if spans and not any(char.isalnum() for char in text[left:right]) and "\n" not in text[spans[-1][1] : left]:
        spans[-1] = (spans[-1][0], right)
        return
    spans.append((left, right))


def _with_closers(text: str, match: re.Match[str]) -> int:
    """The end of the sentence that stops at `match`, with what closes after the stop."""
    end = match.end()
    if "\n" in match.group():
        return end
    while end < len(text) and text[end] in _CLOSERS and not (text[end] == "[" or _opens(text, end)):
        end += 1
    if marker := _CITATION.match(text, end):
        end = marker.end()
    return end


def _opens(text: str, at: int) -> bool:
    """Whether the mark at `at` opens a new quotation rather than closing one: a space before it, none after."""
    before = text[at - 1 : at]
    after = text[at + 1 : at + 2]
    return before.isspace() and bool(after) and not after.isspace()


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether the stop at `match` ends a sentence."""
    stop = match.group()
    if "\n" in stop or stop[0] in _HARD or stop[0] == "；":
        return not _continues(text, match)
    before = text[: match.start()]
    after = text[match.end() :]
    if stop[0] in "!?":
        return not _continues(text, match)
    if _CITATION.match(after):
        return True
    if stop[0] == "…" or len(stop) > 1:
        return _starts_sentence(after)
    if after[:1].isdigit() and before[-1:].isdigit():
        return False
    if after[:1] and not after[0].isspace() and after[0] not in _CLOSERS:
        return _is_han(after[0]) or (_is_han(before[-1:]) and not after[0].isalnum())
    word = re.search(r"([^\s(\[“„\"'’,;:]+)$", before[-40:])
    token = word.group(1).lower() if word else ""
    if token == "x" and re.search(r"\b[a-zäöü]+\s+X$", before[-30:]):
        # The company, not an initial.
        return _starts_sentence(after)
    if token in ABBREVIATIONS or re.fullmatch(r"(?:[a-zäöü]\.)*[a-zäöü]", token):
        return _ends_acronym(token, after)
    if token.endswith(("z", "d", "u", "i", "o")) and re.search(
        r"(?:^|\s)(?:z|d|u|i|o|s|v)\.\s?[a-zä]$", before.lower()
    ):
        return False
    if re.fullmatch(r"\d{1,2}", token) and _ORDINAL_NOUN.match(after):
        return False
    if re.fullmatch(r"[ivx]{1,5}", token) and word and word.group(1).isupper() and not _starts_sentence(after):
        return False
    return _starts_sentence(after)


def _ends_acronym(token: str, after: str) -> bool:
    """ "… in the U.S. The rule …": an acronym with stops ends a sentence before a capitalised function word."""
    return "." in token and _NEW_SENTENCE.match(after) is not None


def _starts_sentence(after: str) -> bool:
    rest = _CITATION.sub("", after, count=1) if _CITATION.match(after) else after
    rest = rest.lstrip(_CLOSERS + " \t\u3000\u00a0")
    if not rest:
        return True
    first = rest[0]
    return (
        first.isupper()
        or re.match(r"[a-z]{1,2}[A-Z]", rest) is not None
        or first.isdigit()
        or _is_han(first)
        or first in '\n“„"«»‚‘「『(（[【—–-#*•《'
    )


def _continues(text: str, match: re.Match[str]) -> bool:
    """A question or exclamation inside a sentence: “Why now?” asked the ministry; 「……？」他问。"""
    if "\n" in match.group():
        return False
    end = _with_closers(text, match)
    rest = text[end:].lstrip(" ")
    if end > match.end() and rest[:1] in "，,、；;的":
        return True
    return match.group()[0] in "!?" and rest[:1].islower()


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
