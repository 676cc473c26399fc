"""Scenes and briefs: claims in three languages and across, true, turned, with other roles, or with something added.

    python -m tests.bench.scenes [scenes | briefs] [--every N] [--seed S]

A scene (`tests/claims/scenes/*.txt`, all of it invented) is one passage E in three languages, its counterpart F where
the outcome is the other one, claims T that E carries and N that F carries, and X that neither does. {A} and {B} are
filled in with names, so that exchanging them turns the roles; scenes without them bring claims S with the roles turned.
Every claim of a scene is checked against E and F in one language each, drawn by the seed. Their words are far apart
on purpose: this is the hardest reading the check is measured on, not the usual one.

A brief (`tests/claims/briefs/*.txt`, invented too) is a passage P as news have them and claims as a model writes them:
T true, C true and close to the passage's words, N with another outcome, S with other roles or another speaker, X with
one thing that is not said.

Called: unsupported or contradicted. Doubted: partial. Exit status 1 if more true claims are called than `FLOOR` allows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.models import Verdict
from kb.text.entities import load_entities
from kb.verifying import check

CLAIMS = Path(__file__).resolve().parent.parent / "claims"
LANGUAGES = ("en", "de", "zh")
FLOOR = 0.25

_HEAD = re.compile(r"# (?P<kind>[opc-]) (?P<name>\S+)")
_LINE = re.compile(r"(?P<part>[EFPTCNXS]) (?P<language>en|de|zh) (?P<text>\S.*)")
_WRONG = {"T": "true", "C": "true", "N": "turned", "S": "swapped", "X": "unsaid"}

KINDS = {"o": ("company",), "p": ("person",), "c": ("country",)}
WITH_ARTICLE = frozenset({"us", "eu", "nl", "ae", "ch", "tr", "sk", "ua", "ph", "ir", "iq"})
"""Countries that German names with an article or in the plural: they would not fit the sentences."""

_MADE = {
    "o": "Corvane Brightwell Veltron Orbis Kestrel Rheinwerk Lumenta Polarix Stellwerk Optera Tessera Fujimoto",
    "p": "Novak Lindqvist Okafor Petersen Haugen Delgado Rossi Kowalski Mehta Osei Quint Bennett",
}
INVENTED = {kind: tuple(names.split()) for kind, names in _MADE.items()}
"""Names outside the registry, written alike in all languages."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`kind` says what both parties are: o organisations, p persons, c countries, - described without slots."""

    kind: str
    name: str
    lines: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Case:
    """A claim, its passage, and what is wrong with it: true, turned, swapped or unsaid."""

    claim: str
    passage: str
    kind: str
    languages: str


def read_scenes(folder: Path = CLAIMS / "scenes") -> Iterator[Scene]:
    """All scenes, in the order of the files. Raises ValueError naming the scene that is not whole."""
    for path, head, lines in _blocks(folder):
        named = _HEAD.fullmatch(head)
        if named is None:
            raise ValueError(f"{path.name}: {head} is not a scene")
        found = {(line["part"], line["language"]): line["text"] for line in lines}
        for part, language in itertools.product("EFTN" if named["kind"] != "-" else "EFTNS", LANGUAGES):
            if (part, language) not in found:
                raise ValueError(f"{path.name}: {named['name']} has no {part} {language}")
        yield Scene(named["kind"], named["name"], found)


def read_briefs(folder: Path = CLAIMS / "briefs") -> Iterator[tuple[Case, ...]]:
    """The cases of each brief, in the order of the files. Raises ValueError naming the brief that is not whole."""
    for path, head, lines in _blocks(folder):
        passages = [line for line in lines if line["part"] == "P"]
        claims = [line for line in lines if line["part"] in _WRONG]
        if len(passages) != 1 or {line["part"] for line in claims} | {"C"} != set(_WRONG):
            raise ValueError(f"{path.name}: {head} needs one P and T, N, S and X")
        passage = passages[0]
        yield tuple(
            Case(line["text"], passage["text"], _WRONG[line["part"]], f"{line['language']}-{passage['language']}")
            for line in claims
        )


def _blocks(folder: Path) -> Iterator[tuple[Path, str, list[re.Match[str]]]]:
    """The head and the lines of every block, with its file."""
    for path in sorted(folder.glob("*.txt")):
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            head, *rest = block.splitlines()
            lines = [match for line in rest if (match := _LINE.fullmatch(line))]
            if len(lines) != len(rest):
                raise ValueError(f"{path.name}: {head} has a line that is none")
            yield path, head, lines


def cases(scene: Scene, chance: random.Random) -> Iterator[Case]:
    """Every claim of a scene against E and F."""
    names = _names(scene.kind, chance)
    for there, true, false in (("E", "T", "N"), ("F", "N", "T")):
        spoken = chance.choice(LANGUAGES)
        passage = _filled(scene.lines[there, spoken], spoken, names)
        for language in LANGUAGES:
            pair = f"{language}-{spoken}"
            told = scene.lines[true, language]
            yield Case(_filled(told, language, names), passage, "true", pair)
            yield Case(_filled(scene.lines[false, language], language, names), passage, "turned", pair)
            if names:
                yield Case(_filled(told, language, names[::-1]), passage, "swapped", pair)
            elif there == "E":
                yield Case(scene.lines["S", language], passage, "swapped", pair)
            if unsaid := scene.lines.get(("X", language)):
                yield Case(_filled(unsaid, language, names), passage, "unsaid", pair)


def filled(scenes: Iterable[Scene], seed: int) -> Iterator[tuple[Case, ...]]:
    """The cases of each scene, languages and names drawn by the seed."""
    chance = random.Random(seed)
    for scene in scenes:
        yield tuple(cases(scene, chance))


def _names(kind: str, chance: random.Random) -> Sequence[Mapping[str, str]]:
    """Two names, each by language; none for scenes without slots."""
    if kind == "-":
        return ()
    known = [
        {language: entity.names[language][0] for language in LANGUAGES}
        for entity in load_entities()
        if entity.kind in KINDS[kind] and entity.id not in WITH_ARTICLE and set(LANGUAGES) <= set(entity.names)
    ]
    made = [dict.fromkeys(LANGUAGES, name) for name in INVENTED.get(kind, ())]
    return chance.sample(known if not made or chance.random() < 0.5 else made, 2)


def _filled(text: str, language: str, names: Sequence[Mapping[str, str]]) -> str:
    slots = {f"{{{slot}}}": name[language] for slot, name in zip("AB", names, strict=False)}
    return re.sub(r"\{[AB]\}", lambda match: slots[match.group()], text)


def measure(groups: Sequence[Sequence[Case]]) -> dict[str, object]:
    """By kind of claim: how many, and the shares called and doubted; the codes behind true claims that are called."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    codes: Counter[str] = Counter()
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for case in itertools.chain.from_iterable(groups):
        finding = check(case.claim, [case.passage])
        called = finding.verdict in (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)
        sort = "called" if called else "doubted" if finding.verdict is Verdict.PARTIAL else "carried"
        found[case.kind][sort] += 1
        if case.kind == "true":
            pairs[case.languages][sort] += 1
            codes[finding.code] += called
    return {
        "passages": len(groups),
        **{kind: _shares(counts) for kind, counts in found.items()},
        "true_by_languages": {pair: _shares(counts) for pair, counts in sorted(pairs.items())},
        "called_though_true": dict((+codes).most_common()),
    }


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = counts.total()
    return {"claims": total, **{sort: round(counts[sort] / total, 3) for sort in ("called", "doubted")}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("scenes", "briefs"), default="scenes")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    groups = list(read_briefs()) if given.what == "briefs" else list(filled(read_scenes(), given.seed))
    result = measure(groups[:: given.every])
    print(json.dumps(result, indent=2, ensure_ascii=False))
    true = result["true"]
    assert isinstance(true, dict)
    return 0 if true["called"] <= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
