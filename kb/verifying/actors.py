"""Who is named in a text: by a name of the registry, by another name, by an office or trade ("the court")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.text.entities import load_entities
from kb.text.words import STOPWORDS, named_in_chinese
from kb.verifying.lexicon import load_words
from kb.verifying.names import GENERIC, unknown_names
from kb.verifying.numerals import words as numerals
from kb.verifying.quotes import quotations
from kb.verifying.reading import Reading, read

STATE = frozenset({"country", "agency", "government-body", "legislature"})
ACTORS = STATE | {"company", "person", "organization", "media", "project", "model", "chip", "product"}

UNKNOWN = "name"
"""The kind of actors outside the registry: enough to see two of them swapped, not to tell what they are."""

OFFICE = "office"
"""The kind of actors named by what they are; "the court" is one in all languages."""

_OFFICES = (
    "parliament court police employee expert investor intern prosecutor doctor envoy engineer regulator union "
    "lawyer manager hospital insurer management works_council researcher author teacher opposition coalition "
    "shareholder lawmaker committee airline operator auditor landlord tenant seller farmer publisher association "
    "employer supplier_of customer_of buyer hacker interior_ministry foreign_ministry finance_ministry "
    "justice_ministry economy_ministry health_ministry defence_ministry bank_of arbitrator plaintiff defendant "
    "witness minister_of mayor"
)
OFFICES = frozenset(_OFFICES.split())
"""Matters (`data/entities/words.toml`) that are somebody."""

_PARTS = (
    "employer supplier_of customer_of buyer seller tenant landlord plaintiff defendant witness hacker operator bank_of"
)
PARTS = frozenset(f"office:{part}" for part in _PARTS.split())
"""Offices anybody may have: the plaintiff may be the doctor."""

_HOME = {"zh": "CN", "en": "US", "de": "DE"}
_CAPITAL = re.compile(r"\b[A-ZÄÖÜŠĆČÉ][^\W\d_\u3400-\u9fff]{2,}")
_COMMON = GENERIC | STOPWORDS["en"] | STOPWORDS["de"]
_GERMAN_NOUN = re.compile(r"(?:ung|ungen|keit|heit|schaft|tion|tionen|tät|ismus|ment|nis|tum|ler|lich|in|innen)$")
_LEADS = re.compile(
    r"\b(?:\w*(?:der|die|das|dem|den|des)|\w*eine?[nmrs]?|im|am|zum|zur|vom|beim|ins|kein\w*|[a-zäöü]+(?:e|en|er|em|es)|"
    r"mit|ohne|für|gegen|über|unter|aus|bei|nach|von|zu|an|auf|um|als|und|oder|mehr|viel)\s$"
)
"""What stands before a German noun that is no name: an article, an adjective, a preposition."""
_APART = re.compile(r"\s?[,，]?\s?")
_NAMED_FOR = re.compile(r"(?<=[\u3400-\u9fff]{2})(?:科技|集团|公司|省|市|县)$")
_RUN = re.compile(r"[A-ZÄÖÜŠĆČÉ][^\W\d_\u3400-\u9fff]{2,}(?: [A-ZÄÖÜŠĆČÉ][^\W\d_\u3400-\u9fff]{2,})*")
_OPENS = {
    "en": re.compile(
        r"(?P<name>[A-Z][a-z]{2,}) (?:(?:has|had|is|was|will|would|may|can|cannot|did|does|also|says|said|then|now|"
        r"never|later|itself|alone|still|only)\b|[a-z]{3,}(?<!ss)(?:ed|s)\b)"
    ),
    "de": re.compile(
        r"(?P<name>[A-ZÄÖÜ][a-zäöüß]{2,}) (?:(?:hat|hatte|ist|war|wird|wurde|will|wollte|soll|sollte|darf|durfte|muss|"
        r"musste|kann|konnte|gab|lehnt|sprach|nahm|bot)\b|(?!nicht)[a-zäöüß]{3,}(?:te|t)\b)"
    ),
}
_PLURAL = {
    "en": re.compile(r"(?:s|ly|ing|ion|ty|ment|ance|ence)$"),
    "de": re.compile(rf"{_GERMAN_NOUN.pattern}|^\w*[Gg]e\w{(3,)}(?:t|en)$"),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody named at text[start:end], by all ids that may be meant."""

    start: int
    end: int
    ids: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Names:
    """Words that claim and passages use as names: all of them, and those that stand alone somewhere, by which a name of
    several words goes ("Halden" for Halden Systems, "Renner" for Olaf Renner)."""

    words: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()


NOBODY = Names()


def actors(reading: Reading, names: Names = NOBODY) -> tuple[Actor, ...]:
    """The actors of a text, in order, outside its quotations; `names` are words known to be names (`shared_names`)."""
    return _actors(reading.text, names)


def shared_names(claim: Reading, passages: Sequence[Reading]) -> Names:
    """Words that must be names, because claim and passages write them alike: one with a capital that stands in texts
    of two languages, or in German bare of article and adjective, or in English inside a sentence. What is a name in one
    place of these texts is one wherever it stands in them."""
    there = [(passage, set(_CAPITAL.findall(passage.text))) for passage in passages]
    texts = (claim, *passages)
    told = [
        word for text in texts if text.language != "zh" for name in unknown_names(text) for word in name.text.split()
    ]
    found = {word for word in told if _CAPITAL.fullmatch(word) and word.lower() not in _COMMON}
    for match in _CAPITAL.finditer(claim.text):
        word = match.group()
        if word.lower() in _COMMON or load_words().lexicon.ids(word.lower()):
            continue
        for passage, capitals in there:
            if word in capitals and (
                claim.language != passage.language or _bare(match, claim) or _bare_in(word, passage)
            ):
                found.add(word)
    for text in texts:
        found |= set(_subjects(text))
    return _told(frozenset(found), texts)


def _told(words: frozenset[str], readings: Sequence[Reading]) -> Names:
    """The names with those among them that stand alone."""
    runs = {run for reading in readings for run in _RUN.findall(reading.text)}
    spans = [[word for word in run.split() if word in words] for run in runs]
    return Names(words, frozenset(span[0] for span in spans if len(span) == 1))


def _subjects(reading: Reading) -> Iterator[str]:
    """Names that open a sentence, by what follows: a singular noun without an article does not stand before a verb."""
    if reading.language == "zh":
        return
    for start, end in reading.sentences:
        if match := _OPENS[reading.language].match(reading.text, start, end):
            word = match["name"]
            if word.lower() in _COMMON or word.lower() in numerals() or load_words().lexicon.ids(word.lower()):
                continue
            if not _PLURAL[reading.language].search(word):
                yield word


def _bare_in(word: str, passage: Reading) -> bool:
    return any(_bare(match, passage) for match in re.finditer(rf"\b{re.escape(word)}\b", passage.text))


def _bare(match: re.Match[str], reading: Reading) -> bool:
    """Whether a word with a capital can only be a name where it stands."""
    before = reading.text[: match.start()]
    first = any(match.start() == start for start, _ in reading.sentences)
    if reading.language != "de":
        return not first
    if _GERMAN_NOUN.search(match.group()):
        return False
    return first or (re.search(r"[,;:]\s$|[^\W\d_]+\s$", before) is not None and _LEADS.search(before) is None)


@lru_cache(maxsize=2048)
def _actors(text: str, names: Names) -> tuple[Actor, ...]:
    return tuple(sorted(_find(read(text), names), key=lambda actor: actor.start))


def _find(reading: Reading, names: Names) -> Iterator[Actor]:
    registry = load_entities()
    taken = [(item.start, item.end) for item in quotations(reading.text) if not item.is_term]
    found: list[Actor] = []

    def free(start: int, end: int) -> bool:
        return not any(start < stop and end > begin for begin, stop in taken)

    for mention in reading.mentions:
        kind = registry[mention.ids[0]].kind
        if kind in ACTORS and free(mention.start, mention.start + 1):
            found.append(Actor(mention.start, mention.end, _likely(mention.ids, reading), kind))
    taken += [(mention.start, mention.end) for mention in reading.mentions]
    for start, end in _unknown(reading, names):
        if free(start, end):
            words = _NAMED_FOR.sub("", reading.text[start:end]).split()
            word = next((word for word in words if word in names.alone), words[-1])
            found.append(Actor(start, end, (f"name:{word.lower()}",), UNKNOWN))
            taken.append((start, end))
    for start, end in reading.models:
        if free(start, end):
            found.append(Actor(start, end, (f"model:{reading.text[start:end].lower()}",), "model"))
            taken.append((start, end))
    named = list(found)
    for item in reading.matters:
        beside = any(
            _APART.fullmatch(reading.text[min(item.end, actor.end) : max(item.start, actor.start)])
            and (item.end <= actor.start or actor.end <= item.start)
            for actor in named
        )
        if item.id in OFFICES and free(item.start, item.end) and not beside:
            found.append(Actor(item.start, item.end, (f"office:{item.id}",), OFFICE))
            taken.append((item.start, item.end))
    yield from found


def _likely(ids: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """The bearers of an ambiguous name that are meant if no more is said: those of the text's home."""
    registry = load_entities()
    home = tuple(id for id in ids if registry[id].country == _HOME.get(reading.language))
    elsewhere = {id for mention in reading.mentions if len(mention.ids) == 1 for id in mention.ids}
    return home if len(ids) > 1 and home and not elsewhere & set(ids) else ids


def _unknown(reading: Reading, names: Names) -> Iterator[tuple[int, int]]:
    """Spans of names outside the registry, neighbouring words as one ("Rahim Tan")."""
    if reading.language == "zh":
        known = [(item.start, item.end) for item in reading.matters]
        for start, end in named_in_chinese(reading.text):
            if not any(left <= start and end <= right for left, right in known):
                yield start, end
    span: tuple[int, int] | None = None
    words = {(name.start, name.end) for name in unknown_names(reading) if not any(map(str.isdigit, name.text))}
    words |= {match.span() for match in _CAPITAL.finditer(reading.text) if match.group() in names.words}
    for start, end in sorted(words):
        if span is not None and start - span[1] == 1:
            span = (span[0], end)
            continue
        if span is not None:
            yield span
        span = (start, end)
    if span is not None:
        yield span
