"""The entity registry: who and what the news names, found by any of its names in any script.

Reads `data/entities/registry.toml` (its head explains the fields). An ambiguous name yields all its bearers and is
marked as such; which of them is meant is the caller's to decide, never merged here.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from kb.errors import SettingsError
from kb.models import LANGUAGES
from kb.settings import DATA

REGISTRY = DATA / "entities" / "registry.toml"

_KINDS = (
    "company agency person regulation chip model law policy-document organization government-body legislature "
    "technology bill product event-series project media country place"
)
KINDS = frozenset(_KINDS.split())

ANY_CASE = 6
"""Names of at least this many characters are found in any case; shorter ones (US, Arm, Intel) as they are written."""

_TOKEN = re.compile(r"[^\W_\u3400-\u9fff\uf900-\ufaff]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_ENDING = re.compile(r"(?<=.{4})(?:ens|en|em|er|es|e|s|n)$")
_SHORT_BEFORE = frozenset("对在赴输驻涉访")
_SHORT_AFTER = frozenset("企商媒")
_COMMON = re.compile("[平后前舞电出]台|台上|法[务律院规案人官定]|美元")
"""Words of two characters, one of which stands for a country elsewhere."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One bearer of names. `names` by language, `ambiguous` those of them that mean something else as well."""

    id: str
    kind: str
    country: str
    names: Mapping[str, tuple[str, ...]]
    ambiguous: frozenset[str]
    short: str
    of: str | None
    note: str
    description: str

    @property
    def name(self) -> str:
        return self.names["en"][0]

    @property
    def aliases(self) -> tuple[str, ...]:
        """All names in all languages, each once."""
        return tuple(dict.fromkeys(name for language in LANGUAGES for name in self.names[language]))


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found in a text: its span and the entities that bear it. `ambiguous` if it may mean something else."""

    start: int
    end: int
    ids: tuple[str, ...]
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    tokens: tuple[str, ...]
    ids: tuple[str, ...]
    ambiguous: bool
    any_case: bool


class Entities:
    """The registry with its search structures; immutable once made."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self._by_id = {entity.id: entity for entity in entities}
        self._latin: dict[str, list[_Name]] = defaultdict(list)
        self._other: dict[str, list[_Name]] = defaultdict(list)
        self._short = {char: entity.id for entity in entities for char in entity.short}
        for name in _names(entities):
            if _HAN.search(name.text):
                self._other[name.text[0].casefold()].append(name)
            else:
                self._latin[name.tokens[0]].append(name)
        starts = "".join(map(re.escape, sorted(self._other.keys() | self._short.keys())))
        self._starts = re.compile(f"[{starts}]" if starts else "(?!)")
        for names in (*self._latin.values(), *self._other.values()):
            names.sort(key=lambda name: (-len(name.tokens), -len(name.text)))

    def __getitem__(self, id: str) -> Entity:
        return self._by_id[id]

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def aliases(self, id: str) -> tuple[str, ...]:
        """All names of an entity in all languages."""
        return self._by_id[id].aliases

    def ids(self, text: str) -> frozenset[str]:
        """The entities named in `text`; of an ambiguous name all bearers."""
        return frozenset(id for mention in self.mentions(text) for id in mention.ids)

    def implied(self, id: str) -> frozenset[str]:
        """The entity, what a mention of it brings with it (its maker, ministry or firm), and their country."""
        found = {id}
        entity: Entity | None = self._by_id[id]
        while entity is not None:
            country = entity.country.lower()
            if country in self._by_id:
                found.add(country)
            entity = self._by_id[entity.of] if entity.of and entity.of not in found else None
            if entity is not None:
                found.add(entity.id)
        return frozenset(found)

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The names found in `text`, in order, without overlap; at each place the longest wins."""
        found = [*self._latin_mentions(text), *self._other_mentions(text)]
        found.sort(key=lambda mention: (mention.start, -mention.end))
        kept: list[Mention] = []
        for mention in found:
            if kept and mention.start < kept[-1].end:
                if mention.end - mention.start > kept[-1].end - kept[-1].start:
                    kept[-1] = mention
                continue
            kept.append(mention)
        return tuple(kept)

    def expand(self, query: str) -> list[str]:
        """Further names of the entities in `query`, in all languages: words to widen a search with.

        Names that are ambiguous themselves are left out, so that a search for BIS is not widened to 商务部.
        """
        folded = query.casefold()
        words: dict[str, None] = {}
        for mention in self.mentions(query):
            for id in mention.ids:
                entity = self._by_id[id]
                chosen = (name for language in LANGUAGES for name in entity.names[language][:2])
                words.update(dict.fromkeys(name for name in chosen if name not in entity.ambiguous))
        return [word for word in words if word.casefold() not in folded]

    def _latin_mentions(self, text: str) -> Iterator[Mention]:
        tokens = [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text)]
        folded = [_crude(token) for _, _, token in tokens]
        for at, (start, _, token) in enumerate(tokens):
            for key in {folded[at], token.casefold(), token.casefold().removesuffix("s")}:
                for name in self._latin.get(key, ()):
                    width = len(name.tokens)
                    last = at + width - 1
                    if last >= len(tokens):
                        continue
                    end = tokens[last][1]
                    written = text[start:end]
                    if (end := _matches(name, text, start, end, folded[at : last + 1], written)) > 0:
                        yield Mention(start, end, name.ids, name.ambiguous)
                        break

    def _other_mentions(self, text: str) -> Iterator[Mention]:
        folded = text.casefold() if len(text.casefold()) == len(text) else text
        if not _HAN.search(text):
            return
        at = 0
        while (start := self._starts.search(folded, at)) is not None:
            at = start.start()
            char = folded[at]
            name = next((name for name in self._other.get(char, ()) if _stands(name, folded, at)), None)
            if name is not None:
                yield Mention(at, at + len(name.text), name.ids, name.ambiguous)
                at += len(name.text)
                continue
            if char in self._short and self._stands_short(text, at):
                yield Mention(at, at + 1, (self._short[char],), False)
            at += 1

    def _stands_short(self, text: str, at: int) -> bool:
        """Whether a single character stands for its country: beside another such (中美), or in 对华, 美企."""
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if _COMMON.search(before + text[at] + after):
            return False
        if (before in _SHORT_BEFORE and before) or (after in _SHORT_AFTER and after):
            return True
        pair = (before in self._short and text[at - 2 : at - 1] != "其") or (after in self._short and before != "其")
        return bool(pair) and text[at : at + 2] not in (
            "日中",
            "华中",
            "华英",
            "英华",
            "中日" if before == "其" else "",
        )


@lru_cache(maxsize=65536)
def _crude(token: str) -> str:
    """A token in lower case without its German or English ending, for comparing names."""
    folded = token.casefold()
    return _ENDING.sub("", folded) if len(folded) >= ANY_CASE else folded


def _matches(name: _Name, text: str, start: int, end: int, folded: Sequence[str], written: str) -> int:
    """The end of `name` at this place of `text`, or 0 if it does not stand there."""
    plain = written == name.text.rstrip(".+")
    if not plain and not name.any_case:
        stripped = written[:-1] if written.endswith("s") else written
        if stripped != name.text.rstrip(".+"):
            return 0
        end -= len(written) - len(stripped)
        written, plain = stripped, True
    if not plain:
        if tuple(folded) != name.tokens:
            tail = written.casefold().removesuffix("s")
            if tail != name.text.casefold():
                return 0
        elif len(name.tokens) > 1 and re.search(r"[.,;:!?()/]", written) and written.casefold() != name.text.casefold():
            return 0
    rest = len(name.text) - len(name.text.rstrip("+."))
    if rest and name.text[-1] == "+":
        if text[end : end + rest] != name.text[-rest:]:
            return 0
        end += rest
    return end


_NOT_A_SIDE = frozenset("案法向式面针才")
"""What makes no side of a 方: 折中方案 is a compromise, not 中方, the Chinese side."""


def _stands(name: _Name, folded: str, at: int) -> bool:
    text = name.text.casefold()
    if not folded.startswith(text, at):
        return False
    end = at + len(text)
    if text.endswith("方") and folded[end : end + 1] in _NOT_A_SIDE:
        return False
    starts = not text[0].isascii() or at == 0 or not (folded[at - 1].isascii() and folded[at - 1].isalnum())
    ends = not text[-1].isascii() or end >= len(folded) or not (folded[end].isascii() and folded[end].isalnum())
    return starts and ends


def _names(entities: Sequence[Entity]) -> Iterator[_Name]:
    bearers: dict[str, list[str]] = defaultdict(list)
    ambiguous: set[str] = set()
    for entity in entities:
        for name in entity.aliases:
            bearers[name].append(entity.id)
        ambiguous |= entity.ambiguous
    for text, ids in bearers.items():
        tokens = tuple(_crude(token) for token in _TOKEN.findall(text))
        any_case = len(text) >= ANY_CASE and text not in ambiguous
        yield _Name(text, tokens, tuple(ids), text in ambiguous, any_case)


def read_registry(path: Path) -> tuple[Entity, ...]:
    """The entities of a registry file. Raises SettingsError, naming the entry, for one that cannot be used."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("entity", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); restore it from the repository") from error
    entities = tuple(_entity(row, path) for row in rows)
    _validate(entities, path)
    return entities


def _entity(row: Mapping[str, object], path: Path) -> Entity:
    known = {"id", "kind", "country", "names", "ambiguous", "short", "of", "note", "description"}
    if unknown := sorted(row.keys() - known):
        raise SettingsError(f"{path}: entity {row.get('id')!r} has unknown fields {unknown}; known are {sorted(known)}")
    names, ambiguous, of = row.get("names", {}), row.get("ambiguous", []), row.get("of")
    if not isinstance(names, Mapping) or not names.get("en") or not isinstance(ambiguous, list):
        raise SettingsError(f"{path}: entity {row.get('id')!r} needs names with at least one English one")
    return Entity(
        id=str(row["id"]),
        kind=str(row.get("kind", "")),
        country=str(row.get("country", "")),
        names={language: tuple(names.get(language, ())) for language in LANGUAGES},
        ambiguous=frozenset(str(name) for name in ambiguous),
        short=str(row.get("short", "")),
        of=str(of) if of else None,
        note=str(row.get("note", "")),
        description=str(row.get("description", "")),
    )


def _validate(entities: Sequence[Entity], path: Path) -> None:
    ids = [entity.id for entity in entities]
    if doubled := sorted({id for id in ids if ids.count(id) > 1}):
        raise SettingsError(f"{path}: ids used twice: {doubled}; give each entity its own")
    bearers: dict[str, list[Entity]] = defaultdict(list)
    for entity in entities:
        if entity.kind not in KINDS:
            raise SettingsError(f"{path}: entity {entity.id!r} has kind {entity.kind!r}; known are {sorted(KINDS)}")
        if entity.of is not None and entity.of not in ids:
            raise SettingsError(f"{path}: entity {entity.id!r} is of {entity.of!r}, which is not an id here")
        if strange := sorted(entity.ambiguous - set(entity.aliases)):
            raise SettingsError(f"{path}: entity {entity.id!r} marks {strange} as ambiguous, which are not names of it")
        for name in entity.aliases:
            bearers[name].append(entity)
    for name, owners in bearers.items():
        if not name.strip() or (not _TOKEN.search(name) and not _HAN.search(name)):
            raise SettingsError(f"{path}: entity {owners[0].id!r} has a name without letters: {name!r}")
        if len(owners) > 1 and not all(name in owner.ambiguous for owner in owners):
            raise SettingsError(
                f"{path}: the name {name!r} belongs to {[owner.id for owner in owners]}; mark it as ambiguous in each"
            )


@cache
def load_entities() -> Entities:
    """The registry that ships with the program, read and checked once per process."""
    return Entities(read_registry(REGISTRY))
