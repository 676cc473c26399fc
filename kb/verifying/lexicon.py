"""The words of the beat in three languages: which matters and directions a text names.

Reads `data/entities/words.toml` and `relations.toml` beside it (their heads explain the notation).
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from kb.errors import SettingsError
from kb.settings import DATA

WORDS = DATA / "entities" / "words.toml"
RELATIONS = "relations.toml"

MARKS = frozenset({"to", "of", "with", "against", "in"})
"""What may tie the other one of a relation to its verb, where it is no plain object."""

BACK = "~"
"""Ends the id of an occurrence that tells its relation from the other side."""

_PREFIXES = (
    "auf ab aus zurück ein zu an vor fest frei bei teil weiter durch um nach statt recht falsch unter fern weg nieder "
    "fort los mit dagegen offen geheim bekannt über bei"
)
SEPARABLE = frozenset(_PREFIXES.split())
"""German prefixes, and words that act like them, that stand at the end of the clause: "hob die Sperre auf"."""

_TOKEN = re.compile(r"[^\W_\u3400-\u9fff\uf900-\ufaff]+(?:['’-][^\W\d_\u3400-\u9fff]+)*")
_WITH_ZU = re.compile(r"(auf|ab|aus|zurück|ein|zu|an|vor|fest|frei|bei|teil|weiter|durch|um|nach)zu(\w{4,})$")
_CLAUSE_END = re.compile(r"[.,;:!?()\n]")


@dataclass(frozen=True, slots=True)
class Direction:
    """A word family that says yes or no to a question. `flips`: it turns the sign of what it acts on (lift a ban)."""

    id: str
    axis: str
    sign: int
    flips: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A matter or direction named in a text."""

    id: str
    start: int
    end: int


class Lexicon:
    """Word lists compiled for search; immutable once made."""

    def __init__(self, matters: Mapping[str, Mapping[str, str]], directions: Mapping[str, Mapping[str, str]]) -> None:
        self._exact: dict[str, set[str]] = defaultdict(set)
        self._prefixes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._compounds: list[tuple[str, str]] = []
        self._phrases: dict[str, list[tuple[tuple[str, ...], bool, str]]] = defaultdict(list)
        self._han: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        han: dict[str, set[str]] = defaultdict(set)
        for id, row in (*matters.items(), *directions.items()):
            for language in ("en", "de"):
                for word in row.get(language, "").split():
                    self._add(word.lower(), id, language)
            for word in row.get("zh", "").split():
                if re.match(r"[\u3400-\u9fff]", word):
                    han[word].add(id)
        grouped: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for word, ids in han.items():
            grouped[word[0]].append((word, tuple(sorted(ids))))
        self._han_start = re.compile("[" + "".join(map(re.escape, sorted(grouped))) + "]")
        self._han = {char: sorted(found, key=lambda pair: -len(pair[0])) for char, found in grouped.items()}

    def _add(self, word: str, id: str, language: str) -> None:
        if "_" in word:
            parts = tuple(word.split("_"))
            separable = language == "de" and parts[-1] in SEPARABLE and parts[1:-1] in ((), ("sich",))
            self._phrases[parts[0].rstrip("*")[:3]].append((parts, separable, id))
        elif word.startswith("~"):
            self._compounds.append((word[1:], id))
        elif word.endswith("*"):
            self._prefixes[word[:2]].append((word[:-1], id))
        else:
            self._exact[word].add(id)

    def find(self, text: str) -> tuple[Occurrence, ...]:
        """What `text` names, in order; one word may stand for several matters."""
        found = [*self._in_latin(text), *self._in_han(text)]
        return tuple(sorted(found, key=lambda item: (item.start, item.id)))

    def _in_latin(self, text: str) -> list[Occurrence]:
        tokens = [(match.start(), match.end(), match.group().lower()) for match in _TOKEN.finditer(text)]
        found = []
        for at, (start, end, token) in enumerate(tokens):
            found += [Occurrence(id, start, end) for id in self.ids(token)]
            for parts, separable, id in self._phrases.get(token[:3], ()):
                if _fits(token, parts[0]) and (last := _phrase_end(text, tokens, at, parts, separable)):
                    found.append(Occurrence(id, start, last))
        return found

    def ids(self, token: str) -> tuple[str, ...]:
        """The matters one Latin word stands for; parts of a hyphenated or compound word count."""
        return _token_ids(self, token)

    def _lookup(self, token: str) -> tuple[str, ...]:
        found = set(self._exact.get(token, ()))
        found |= {id for prefix, id in self._prefixes.get(token[:2], ()) if token.startswith(prefix)}
        if len(token) > 7:
            found |= {id for part, id in self._compounds if part in token[2:]}
        if infinitive := _WITH_ZU.match(token):
            found |= set(self._lookup(infinitive[1] + infinitive[2]))
        if "-" in token:
            for part in token.split("-"):
                found |= set(self._lookup(part))
        if token.endswith(("'s", "’s")):
            found |= set(self._lookup(token[:-2]))
        return tuple(sorted(found))

    def _in_han(self, text: str) -> list[Occurrence]:
        found = []
        at = 0
        while (start := self._han_start.search(text, at)) is not None:
            at = start.start()
            hit = next((pair for pair in self._han[text[at]] if text.startswith(pair[0], at)), None)
            if hit is None:
                at += 1
                continue
            word, ids = hit
            found += [Occurrence(id, at, at + len(word)) for id in ids]
            at += len(word)
        return found


@lru_cache(maxsize=65536)
def _token_ids(lexicon: Lexicon, token: str) -> tuple[str, ...]:
    return lexicon._lookup(token)


def _fits(token: str, pattern: str) -> bool:
    return token.startswith(pattern[:-1]) if pattern.endswith("*") else token == pattern


def _phrase_end(text: str, tokens: list[tuple[int, int, str]], at: int, parts: tuple[str, ...], separable: bool) -> int:
    """Where a phrase that begins at token `at` ends, or 0; a separable German prefix may stand later in the clause."""
    if separable:
        for start, end, token in tokens[at + 1 : at + 20]:
            if token == parts[-1]:
                rest = text[end : end + 2].strip()
                closes = not rest or not rest[0].isalnum() or tokens[-1][0] == start
                following = text[end:].lstrip()
                return (
                    end if closes and (not following or following[0] in '.,;:!?)“”"' or following[:4] == "und ") else 0
                )
            if _CLAUSE_END.search(text[tokens[at][1] : start]) and "," in text[tokens[at][1] : start]:
                return 0
        return 0
    last = at + len(parts) - 1
    if last >= len(tokens) or not all(_fits(tokens[at + n][2], part) for n, part in enumerate(parts)):
        return 0
    return tokens[last][1]


@dataclass(frozen=True, slots=True)
class Relation:
    """What somebody does to another: how that one is tied to its words, and to those that tell it from the other side
    (empty: a plain object). `mutual` relations read alike from both."""

    id: str
    other: frozenset[str]
    back_other: frozenset[str]
    mutual: bool


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties a thing to the rest of a clause; of one `axis` the signs are opposites. `behind` are Chinese words that
    stand after the thing; `where` the verbs it needs; `days` and `names`: whether only a date or name counts."""

    axis: str
    sign: int
    behind: frozenset[str]
    where: re.Pattern[str] | None
    days: bool
    names: bool


@dataclass(frozen=True, slots=True)
class Words:
    """The lexicon and what its directions and relations mean, and another of ties. A relation named from the other side
    is found twice: by its id, and by its id with BACK."""

    lexicon: Lexicon
    directions: Mapping[str, Direction]
    relations: Mapping[str, Relation]
    tie_lexicon: Lexicon
    ties: Mapping[str, Tie]


def read_words(path: Path) -> Words:
    """The word lists of a file and the relations beside it. Raises SettingsError for one that cannot be used."""
    data = _read(path)
    directions = {}
    rows = {}
    for row in data["direction"]:
        if row.get("sign") not in (1, -1) or not row.get("axis"):
            raise SettingsError(f"{path}: direction {row.get('id')!r} needs an axis and a sign of 1 or -1")
        directions[row["id"]] = Direction(row["id"], row["axis"], row["sign"], bool(row.get("flips")))
        rows[row["id"]] = row
    if doubled := sorted(rows.keys() & data["words"].keys()):
        raise SettingsError(f"{path}: {doubled} are words and directions at once; give each one id")
    related = path.with_name(RELATIONS)
    relations, told = _relations(_read(related)["relation"], related)
    ties = {f"{row['axis']}{row['sign']:+}": _tie(row, path) for row in data["tie"]}
    tying = Lexicon({f"{row['axis']}{row['sign']:+}": row for row in data["tie"]}, {})
    return Words(Lexicon({**data["words"], **told}, rows), directions, relations, tying, ties)


def _tie(row: Mapping[str, Any], path: Path) -> Tie:
    if row.get("sign") not in (1, -1) or not row.get("axis"):
        raise SettingsError(f"{path}: tie {row.get('axis')!r} needs an axis and a sign of 1 or -1")
    verbs = [re.escape(word).replace(r"\*", r"\w*") for word in row.get("where", "").split()]
    return Tie(
        row["axis"],
        row["sign"],
        frozenset(row.get("zh_after", "").split()),
        re.compile(rf"\b(?:{'|'.join(verbs)})\b", re.IGNORECASE) if verbs else None,
        bool(row.get("days")),
        bool(row.get("names")),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); restore it from the repository") from error


def _relations(
    rows: Sequence[Mapping[str, Any]], path: Path
) -> tuple[dict[str, Relation], dict[str, Mapping[str, str]]]:
    """The relations by id, and their words by id of occurrence."""
    relations: dict[str, Relation] = {}
    words: dict[str, Mapping[str, str]] = {}
    for row in rows:
        id = f"do:{row['id']}"
        other, back_other = (frozenset(str(row.get(name, "")).split()) for name in ("other", "back_other"))
        if id in relations or not other | back_other <= MARKS:
            raise SettingsError(f"{path}: relation {row['id']!r} is there twice or has a mark not in {sorted(MARKS)}")
        relations[id] = Relation(id, other, back_other, bool(row.get("mutual")))
        back = row.get("back", {})
        words[id] = {name: f"{row.get(name, '')} {back.get(name, '')}" for name in ("en", "de", "zh")}
        words[id + BACK] = back
    return relations, words


@cache
def load_words() -> Words:
    """The word lists that ship with the program, read and checked once per process."""
    return read_words(WORDS)
