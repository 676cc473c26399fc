"""Who is named in a text: by a name of the registry, by another name, by an office or trade ("the court", "insurers")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kb.entities import load_entities
from kb.verifying.names import unknown_names
from kb.verifying.quotes import quotations
from kb.verifying.reading import Reading, read
from kb.words import named_in_chinese

STATE = frozenset({"country", "agency", "government-body", "legislature"})
ACTORS = STATE | {"company", "person", "organization", "media", "project", "model", "chip", "product"}

UNKNOWN = "name"
"""The kind of actors outside the registry: enough to see two of them swapped, not to tell what they are."""

OFFICE = "office"
"""The kind of actors named by what they are; "the court" is one in all languages."""

_OFFICES = (
    "parliament court police employee expert investor intern prosecutor doctor envoy engineer regulator union "
    "lawyer manager hospital insurer management works_council researcher author teacher opposition coalition "
    "shareholder customer_of lawmaker committee airline operator auditor landlord tenant seller farmer publisher"
)
OFFICES = frozenset(_OFFICES.split())
"""Matters (`data/entities/words.toml`) that are somebody."""

_HOME = {"zh": "CN", "en": "US", "de": "DE"}
_APART = re.compile(r"\s?[,，]?\s?")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody named at text[start:end], by all ids that may be meant."""

    start: int
    end: int
    ids: tuple[str, ...]
    kind: str


def actors(reading: Reading) -> tuple[Actor, ...]:
    """The actors of a text, in order, outside its quotations."""
    return _actors(reading.text)


@lru_cache(maxsize=2048)
def _actors(text: str) -> tuple[Actor, ...]:
    return tuple(sorted(_find(read(text)), key=lambda actor: actor.start))


def _find(reading: Reading) -> Iterator[Actor]:
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
    for start, end in _unknown(reading):
        if free(start, end):
            found.append(Actor(start, end, (f"name:{reading.text[start:end].split()[-1].lower()}",), UNKNOWN))
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


def _unknown(reading: Reading) -> Iterator[tuple[int, int]]:
    """Spans of names outside the registry, neighbouring words as one ("Rahim Tan")."""
    if reading.language == "zh":
        yield from named_in_chinese(reading.text)
    span: tuple[int, int] | None = None
    for name in unknown_names(reading):
        if any(char.isdigit() for char in name.text):
            continue
        if span is not None and name.start - span[1] == 1:
            span = (span[0], name.end)
            continue
        if span is not None:
            yield span
        span = (name.start, name.end)
    if span is not None:
        yield span
