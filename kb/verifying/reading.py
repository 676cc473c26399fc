"""A text as the check reads it: sentences, dates, figures, names, matters, words; parsed once and kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.text.entities import Mention, load_entities
from kb.text.language import WORDS
from kb.text.sentences import sentences
from kb.text.words import STOPWORDS, stem
from kb.verifying.dates import Day, days
from kb.verifying.figures import figures
from kb.verifying.lexicon import Occurrence, load_words
from kb.verifying.measures import Figure

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[^\W\d_\u3400-\u9fff\uf900-\ufaff]+")
_TOKEN = re.compile(r"[^\W_\u3400-\u9fff\uf900-\ufaff]+(?:[-.'’][^\W_\u3400-\u9fff\uf900-\ufaff]+)*")
_WIDE = {0xFF10 + n: 0x30 + n for n in range(10)}
_WIDE |= {0xFF21 + n: 0x41 + n for n in range(26)} | {0xFF41 + n: 0x61 + n for n in range(26)}
_WIDE |= {ord("％"): ord("%"), ord("．"): ord("."), ord("＋"): ord("+"), ord("－"): ord("-"), ord("／"): ord("/")}
_WIDE |= dict.fromkeys((0xA0, 0x202F, 0x2009, 0x3000), 0x20) | {ord("＄"): ord("$"), 0x2011: ord("-")}

_MODEL = re.compile(
    r"(?<![A-Za-z0-9_.,])(?:[A-Za-z]+(?:[-.]?[A-Za-z]*)?[-.]?\d[A-Za-z0-9.-]*[A-Za-z0-9]|[A-Za-z]+[-.]?\d"
    r"|\d+[A-Za-z][A-Za-z0-9-]*)(?![A-Za-z0-9_])"
)
_MEASURE = re.compile(
    r"(?:Q[1-4]|H[12]|\d+(?:st|nd|rd|th)-\w+|\d+(?:st|nd|rd|th|s|er|m|bn|b|tn|k|mn|x|nm|gb|tb|gw|mw|kw|km|kg|pp|mio|mrd)|(?:us|eur|usd|cny|rmb|no|nr|s|hk)\.?\d.*"
    r"|\d+-(?:year|month|week|day|hour|fold|point|nano\w*|jährig\w*|monatig\w*|wöchig\w*|tägig\w*|prozent\w*|nm|percent|"
    r"page|member|billion|million|trillion|dollar|euro|yuan|gigawatt|nation|country|jahr\w*|tage\w*|stunden\w*|punkt\w*)(?:-\w+)?)",
    re.IGNORECASE,
)
_GERMAN_MORE = frozenset({"binnen", "mio", "mrd", "milliarden", "millionen", "prozent", "jahr", "jahre"})
_GERMAN = (WORDS["de"] | STOPWORDS["de"] | _GERMAN_MORE) - {
    "in",
    "will",
    "an",
    "so",
    "was",
}
_ENGLISH = (WORDS["en"] | STOPWORDS["en"] | {"billion", "million", "percent", "year"}) - {
    "in",
    "will",
    "an",
    "so",
    "was",
    "die",
    "war",
    "am",
}
_PLAN = re.compile(r"(?:five[\s-]year plans?|fünfjahres\w*|fünfjahrplan\w*|五年规划|五年计划)", re.IGNORECASE)
_AND = re.compile(r"\s(?:and|und|sowie)\s|并(?!非|不|且不)|同时|而且", re.IGNORECASE)

SHORT_CLAUSE = 4
"""Characters beside dates and names that make a clause; of Chinese ones half as many."""

_CLAUSE = re.compile(
    r"[,;:，；：—–()（）]|\b(?:but|while|whereas|although|because|aber|sondern|während|jedoch|obwohl)\b|\bthat\b(?=\s(?:[A-ZÄÖÜ\x00]|the\b|its\b))|(?:但是|而是|但|然而)"
)
_SAYING = re.compile(r"(?<=\w )(?:said|says|argued|argues|claimed|claims|thinks|believes)(?=\s[A-ZÄÖÜ\x00])")
"""A verb of saying that is followed by what somebody named does."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text says in terms that can be compared across languages. Spans are offsets into `text`."""

    text: str
    language: str
    sentences: tuple[tuple[int, int], ...]
    clauses: tuple[tuple[int, int], ...]
    days: tuple[Day, ...]
    figures: tuple[Figure, ...]
    mentions: tuple[Mention, ...]
    models: tuple[tuple[int, int], ...]
    matters: tuple[Occurrence, ...]
    stems: tuple[tuple[str, int, int], ...]

    @property
    def entity_ids(self) -> frozenset[str]:
        return frozenset(id for mention in self.mentions for id in mention.ids)


def fold(text: str) -> str:
    """The text with full-width digits, letters and blanks made plain, character for character."""
    return text.translate(_WIDE)


def language_of(text: str) -> str:
    """en, de or zh; for texts of one of the three, fast and without a model."""
    letters = len(_LATIN_WORD.findall(text))
    han = len(HAN.findall(text))
    if han > letters:
        return "zh"
    written = _LATIN_WORD.findall(text[:2000])
    words = [word.lower() for word in written]
    german = sum(word in _GERMAN for word in words) + sum(any(char in "äöüß" for char in word) for word in words)
    english = sum(word in _ENGLISH for word in words)
    if german == english:
        # German writes its nouns with capitals, and ends its verbs and adjectives in its own way.
        german += sum(word.endswith(("ung", "en", "te", "et", "ei", "ern", "isch", "lich")) for word in words)
        english += sum(word.endswith(("ed", "ing", "tion", "ly", "es", "al", "ies")) for word in words)
    return "de" if german > english else "en"


@lru_cache(maxsize=2048)
def read(text: str) -> Reading:
    """The text parsed."""
    folded = fold(text)
    language = language_of(folded)
    found_days = days(folded)
    mentions = load_entities().mentions(folded)
    models = tuple(
        match.span()
        for match in _MODEL.finditer(folded)
        if not _MEASURE.fullmatch(match.group())
        and not any(match.start() < day.end and match.end() > day.start for day in found_days)
    )
    hidden = [(day.start, day.end) for day in found_days]
    hidden += [
        (mention.start, mention.end) for mention in mentions if not _is_numeric(folded[mention.start : mention.end])
    ]
    hidden += [*models, *(match.span() for match in _PLAN.finditer(folded))]
    matters = load_words().lexicon.find(_blank(folded, _spans(mentions) + _spans(found_days)))
    return Reading(
        text,
        language,
        tuple(sentences(folded)),
        _coordinated(folded, _clauses(folded, hidden), matters),
        found_days,
        figures(_blank(folded, hidden), language),
        mentions,
        models,
        matters,
        _stems(folded, language),
    )


def _spans(found: Sequence[Mention] | Sequence[Day]) -> list[tuple[int, int]]:
    return [(item.start, item.end) for item in found]


def _is_numeric(written: str) -> bool:
    """Names that are mostly a number ("Announcement 61", "50 percent rule") keep their figure."""
    return bool(re.search(r"(?:^|\s)\d+\b|第\s?\d+|\d+号", written)) and not re.search(r"[A-Z]\d", written)


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    chars = list(text)
    for start, end in spans:
        chars[start:end] = "\x00" * (end - start)
    return "".join(chars)


def _clauses(text: str, hidden: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans of clauses: sentences cut at commas and the like, not inside a date or a number."""
    masked = re.sub(r"(?<=\d),(?=\d)", "0", _blank(text, hidden))
    found = []
    for start, end in sentences(text):
        at = start
        cuts = [*_CLAUSE.finditer(masked, start, end), *_SAYING.finditer(masked, start, end)]
        for match in sorted(cuts, key=lambda cut: cut.start()):
            # A date or name before a comma is no clause of its own: 2023年7月3日，商务部宣布…
            rest = masked[at : match.start()].replace("\x00", "").strip()
            if len(rest) > SHORT_CLAUSE or len(HAN.findall(rest)) >= SHORT_CLAUSE / 2:
                saying = match.re is _SAYING
                found.append((at, match.end() if saying else match.start()))
                at = match.end() if saying or not match.group().isalnum() else match.start()
        if at < end:
            found.append((at, end))
    return tuple(found)


def _coordinated(
    text: str, found: Sequence[tuple[int, int]], matters: Sequence[Occurrence]
) -> tuple[tuple[int, int], ...]:
    """Clauses cut where "and" joins two predicates: words of direction stand on both sides of it."""
    directions = load_words().directions
    places = [item.start for item in matters if item.id in directions]
    cut = []
    for start, end in found:
        at = start
        for match in _AND.finditer(text, start, end):
            left = any(at <= place < match.start() for place in places)
            if left and any(match.end() <= place < end for place in places):
                cut.append((at, match.start()))
                at = match.end()
        cut.append((at, end))
    return tuple(cut)


def _stems(text: str, language: str) -> tuple[tuple[str, int, int], ...]:
    """The content words of a text, stemmed; of Chinese text its pairs of characters."""
    found = []
    stop = STOPWORDS["en"] | STOPWORDS["de"]
    for match in _TOKEN.finditer(text):
        word = match.group().lower().removesuffix("'s").removesuffix("’s")
        if word in stop or (len(word) < 2 and not word.isdigit()):
            continue
        found.append((stem(word, language if language != "zh" else "en"), match.start(), match.end()))
    for match in re.finditer(r"[\u3400-\u9fff\uf900-\ufaff]+", text):
        run = match.group()
        found += [(run[at : at + 2], match.start() + at, match.start() + at + 2) for at in range(len(run) - 1)]
    return tuple(found)
