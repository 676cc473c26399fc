"""Names a sentence uses: through the registry, and those outside it that must stand literally in the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.text.entities import Mention, load_entities
from kb.text.words import STOPWORDS
from kb.verifying.lexicon import load_words
from kb.verifying.reading import HAN, Reading, fold, read

_CAPITAL = re.compile(r"\b[A-ZÄÖÜŠĆČÉ][^\W\d_\u3400-\u9fff]*(?:['’][^\W\d_s]\w*)?")
_ACRONYM = re.compile(r"[A-Z][A-Z&]+s?$")
_CAMEL = re.compile(r"[A-Za-z]?[a-z]+[A-Z]\w*$")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’.-]*[A-Za-z]")

_GENERIC = (
    "ai ki it ceo cfo cto api apis gpu gpus cpu llm llms vpn usa us uk eu un pdf http tv pc ok ag gmbh inc ltd corp "
    "se co mr mrs ms dr prof minister ministers ministry department president secretary chancellor premier act law "
    "regulation court committee council commission university institute center centre office agency bureau academy "
    "association group bank party house state national federal international economy economic affairs foreign trade "
    "finance security digital network general director chief executive officer chairman chairwoman senate senator "
    "representative congress parliament article section annex announcement order plan initiative rule rules list "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december i english german mandarin internet five year fourteenth fifteenth western "
    "eastern northern southern asia asian africa african world cloud technology technologies tech ministerium "
    "präsident kanzler gesetz verordnung ausschuss rat kommission universität institut amt behörde verband yuan "
    "renminbi dollar dollars euro euros yen won pfund pound pounds million millionen milliarde milliarden mrd mio "
    "billion billionen prozent abteilung premierminister außenminister handelsminister wirtschaftsminister westen "
    "osten asien welt vr ukrainian despite following given unlike amid pending besides among under over once while "
    "because although though when where after before since until unless if as in on at by for from with without "
    "ohne trotz wegen laut gegen statt dank während nachdem obwohl obgleich sobald wenn weil falls seit bevor bis nur "
    "3d 2d 5g 4g auch sogar damit dabei dagegen zuvor derzeit künftig"
)
GENERIC = frozenset(_GENERIC.split())
"""Capitalised words that are parts of titles and offices, or names that are translated: not required literally."""

_HOMES = {"de": "de", "zh": "cn"}
"""Countries that texts of a language leave unnamed when they write of home."""

BODIES = frozenset({"agency", "government-body", "legislature"})

OFFICES = frozenset({"government", "ministry", "minister", "parliament", "court", "president", "customs"})
"""Matters by which a passage speaks of a state body without its name."""

_GERMAN_NOUN = re.compile(
    r"(?:ung|ungen|keit|heit|schaft|schaften|tion|tionen|ismus|tät|nis|nisse|ling|tum|ment|mente|anz|enz|ur|ik|ion|"
    r"ministerium|gesetz|recht|markt|chef|haus|werk|land|stadt|konzern|behörde|regierung|kontrolle|kontrollen|er|en|e|el|"
    r"zug|gang|satz|stand|schlag|gabe|nahme|kraft|zeit|jahr|liste|chips?)s?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name outside the registry. `firm`: of a form that is written alike in all three languages (acronym, model)."""

    text: str
    firm: bool
    start: int
    end: int


def missing_entities(claim: Reading, evidence: Sequence[Reading]) -> Iterator[Mention]:
    """Mentions of the claim that no passage names, by any alias, nor implies (the maker of a chip, the country of an
    agency). An ambiguous name is carried by any of its bearers, or by the same word."""
    registry = load_entities()
    homes = {_HOMES.get(reading.language, "") for reading in evidence}
    present = {id for reading in evidence for found in reading.entity_ids for id in registry.implied(found)}
    texts = [fold(reading.text).casefold() for reading in evidence]
    for mention in claim.mentions:
        if present.intersection(mention.ids):
            continue
        written = fold(claim.text)[mention.start : mention.end]
        if any(_stands(written.casefold().removesuffix("s"), text) for text in texts):
            continue
        if mention.ambiguous and _may_be_common(claim, mention):
            continue
        if not homes.isdisjoint(mention.ids) or _described(mention, evidence):
            continue
        yield mention


def _described(mention: Mention, evidence: Sequence[Reading]) -> bool:
    """Whether a state body is there by description: "Japan's trade ministry", "the Italian authority". Only if the
    passages name no other body of that country by its name."""
    registry = load_entities()
    for id in mention.ids:
        entity = registry[id]
        if entity.kind not in BODIES:
            continue
        country = entity.country.lower()
        for reading in evidence:
            named = {other for found in reading.entity_ids if registry[found].kind in BODIES for other in (found,)}
            if country not in {implied for found in reading.entity_ids for implied in registry.implied(found)}:
                continue
            bodies = [other for other in named if registry[other].country == entity.country]
            if bodies and entity.kind != "government-body":
                continue
            if entity.kind == "government-body" or any(item.id in OFFICES for item in reading.matters):
                return True
    return False


def _may_be_common(claim: Reading, mention: Mention) -> bool:
    """Whether an ambiguous name may be a common word where it stands."""
    if claim.language != "en":
        return True
    return any(mention.start == start for start, _ in claim.sentences)


def unknown_names(claim: Reading) -> tuple[Name, ...]:
    """Names in a text that the registry does not know, in order of kind and place."""
    return _unknown_names(claim.text)


@lru_cache(maxsize=2048)
def _unknown_names(text: str) -> tuple[Name, ...]:
    return tuple(_find_unknown(read(text)))


def _find_unknown(claim: Reading) -> Iterator[Name]:
    text = fold(claim.text)
    covered = [(mention.start, mention.end) for mention in claim.mentions]
    for start, end in claim.models:
        if not _inside(start, end, covered) and text[start:end].lower() not in GENERIC:
            yield Name(text[start:end], True, start, end)
            covered.append((start, end))
    dated = [(day.start, day.end) for day in claim.days] + [(figure.start, figure.end) for figure in claim.figures]
    pattern = _LATIN if claim.language == "zh" else _CAPITAL
    for match in pattern.finditer(text):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if _inside(match.start(), match.end(), covered + dated) or word.lower() in GENERIC:
            continue
        if _is_name(word, match, claim, text):
            yield Name(word, bool(_ACRONYM.fullmatch(word) or _CAMEL.fullmatch(word)), match.start(), match.end())


def _is_name(word: str, match: re.Match[str], claim: Reading, text: str) -> bool:
    if _ACRONYM.fullmatch(word) or _CAMEL.fullmatch(word):
        return True
    lower = word.lower()
    if lower in STOPWORDS["en"] or lower in STOPWORDS["de"] or len(word) < 3:
        return False
    if claim.language == "zh" and word[0].isupper():
        return True
    if load_words().lexicon.ids(lower):
        return False
    if claim.language == "zh":
        return True
    neighbour = _beside_capital(match, text)
    if any(0 <= match.start() - start <= 1 for start, _ in claim.sentences) or re.search(
        r"[:“„\"»]\s*$", text[: match.start()]
    ):
        return claim.language == "en" and neighbour == "after"
    if claim.language == "en":
        return True
    return neighbour != "" and not _GERMAN_NOUN.search(word)


def _beside_capital(match: re.Match[str], text: str) -> str:
    """Whether a capitalised word stands right before or after: most names of people and firms have two words."""
    after = re.match(r"\s([A-ZÄÖÜ][a-zäöüßé-]+)", text[match.end() :])
    if after and after[1].lower() not in GENERIC:
        return "after"
    before = re.search(r"([A-ZÄÖÜ][a-zäöüßé-]+)\s$", text[: match.start()])
    return "before" if before and before[1].lower() not in GENERIC | STOPWORDS["de"] else ""


def carried(name: Name, evidence: Sequence[Reading]) -> bool:
    """Whether a passage has the name literally; hyphens, blanks and case do not count."""
    wanted = _squeeze(name.text)
    return any(
        _stands(wanted, _squeeze(fold(reading.text), keep=True))
        or _stands(name.text.casefold(), fold(reading.text).casefold())
        or (len(wanted) > 4 and not name.firm and wanted[:-1] in fold(reading.text).casefold())
        for reading in evidence
    )


def other_script_only(evidence: Sequence[Reading]) -> bool:
    """Whether all evidence is Chinese: a Latin name that is not in the registry cannot be looked for there."""
    return all(reading.language == "zh" for reading in evidence)


def _squeeze(text: str, keep: bool = False) -> str:
    """Lower case without hyphens and blanks inside model names: GPT-4o, GPT 4o and gpt4o are one."""
    folded = text.casefold()
    folded = re.sub(r"(?<=[a-z])[\s-](?=\d)|(?<=\d)-(?=[a-z])", "", folded)
    return folded if keep else folded.strip()


def _stands(word: str, text: str) -> bool:
    if not word:
        return False
    if HAN.search(word):
        return word in text
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![0-9])(?!(?<=\d)[a-z])", text) is not None


def _inside(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < right and end > left for left, right in spans)
