"""A measure of answers: right, wrong, invented, wrongly refused, and how well citations carry their sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.answer import citing
from kb.answer.answering import evidence
from kb.errors import UsageError
from kb.knowledge import KnowledgeBase
from kb.measure.evaluation import article_of, folded, reply, rows, store_of
from kb.measure.refusing import store_for
from kb.models import Answer, Passage, Sentence, Status, Verdict
from kb.text.language import detect
from kb.verifying import check

Note = Callable[[str], None]

COUNTED = ("asked", "answerable", "answered", "correct", "wrong", "invented", "refused")


@dataclass(frozen=True, slots=True)
class Carried:
    """Citations of answers after ALCE: sentences and those carried by what they cite, citations and those needed."""

    sentences: int = 0
    supported: int = 0
    citations: int = 0
    needed: int = 0

    def __add__(self, other: Carried) -> Carried:
        return Carried(*(getattr(self, name) + getattr(other, name) for name in Carried.__slots__))


def evaluate_answers(
    kb: KnowledgeBase, file: Path, provider: str | None = None, model: str | None = None, note: Note = lambda _: None
) -> dict[str, Any]:
    """Ask every question of a JSON Lines file (question, answers, answerable) and count what came back.

    A row's `passages` (texts, or rows with text, title, language, published) are all there is to answer it from;
    `corpus` is a JSON Lines file of documents beside FILE, or a folder with a corpus.jsonl; with neither, this
    knowledge base is asked. `correct`: one of `answers` stands in the answer (case and blanks aside); `wrong`: none
    does. `invented`: an answer to a question that has none there. `refused`: no answer to one that has. With the
    provider "none", the gate alone decides: evidence that is enough counts as an answer.

    `citation_recall` and `citation_precision` are defined as in ALCE (Gao and others, EMNLP 2023), with this
    project's claim check in the place of its entailment model: the share of sentences that all their citations
    together carry, and of citations that carry their sentence alone or without which it is not carried.
    """
    asked = list(rows(file, ("question", "answerable")))
    if not asked:
        raise UsageError(f"{file}: no questions in it")
    counts: dict[str, dict[str, int]] = {}
    citations: dict[str, Carried] = defaultdict(Carried)
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in asked:
        groups[str(row.get("corpus") or "")].append(row)
    done = 0
    for corpus, group in groups.items():
        with _base(kb, file, corpus, note) as base:
            for row in group:
                language = row.get("language") or detect(row["question"])
                tally = counts.setdefault(language, dict.fromkeys(COUNTED, 0))
                with _alone(base, row) as store:
                    answered, text, answer = _asked(store, row, provider, model)
                _count(tally, row, answered, text)
                citations[language] += carried(answer) if answer else Carried()
                done += 1
                note(f"{done} of {len(asked)}")
    return {
        "questions": len(asked),
        "provider": provider or kb.settings.provider,
        "citations_checked_by": "the claim check of Lagebild",
        "by_language": counts,
        "rates": {language: _rates(tally, citations[language]) for language, tally in counts.items()},
    }


def carried(answer: Answer) -> Carried:
    """How the citations of an answer fare; an answer that is none has nothing to count."""
    if answer.status is not Status.ANSWERED:
        return Carried()
    return sum((_carried(sentence, answer.passages) for sentence in answer.sentences), Carried())


def _carried(sentence: Sentence, passages: Sequence[Passage]) -> Carried:
    said = citing.split(sentence.text)[0]
    cited = [evidence(passages[number - 1]) for number in sentence.citations]
    whole = _supports(said, cited)
    needed = 0
    for place, one in enumerate(cited):
        others = cited[:place] + cited[place + 1 :]
        needed += whole and (_supports(said, [one]) or not _supports(said, others))
    return Carried(1, whole, len(cited), needed)


def _supports(sentence: str, cited: Sequence[str]) -> bool:
    return check(sentence, cited).verdict is Verdict.SUPPORTED


def _asked(
    kb: KnowledgeBase, row: Mapping[str, Any], provider: str | None, model: str | None
) -> tuple[bool, str, Answer | None]:
    if provider == "none":
        return (*reply(kb, row["question"], provider, model), None)
    answer = kb.ask(row["question"], provider=provider, model=model)
    return answer.status is Status.ANSWERED, answer.text, answer


def _count(tally: dict[str, int], row: Mapping[str, Any], answered: bool, text: str) -> None:
    answerable, wanted = bool(row["answerable"]), row.get("answers", ())
    right = any(folded(each) in folded(text) for each in wanted)
    tally["asked"] += 1
    tally["answerable"] += answerable
    tally["answered"] += answered
    tally["correct"] += answered and right
    tally["wrong"] += answered and answerable and bool(wanted) and not right
    tally["invented"] += answered and not answerable
    tally["refused"] += not answered and answerable


def _rates(tally: Mapping[str, int], found: Carried) -> dict[str, float | None]:
    unanswerable = tally["asked"] - tally["answerable"]
    return {
        "correct": _share(tally["correct"], tally["answerable"]),
        "wrong": _share(tally["wrong"], tally["answerable"]),
        "invented": _share(tally["invented"], unanswerable),
        "refused": _share(tally["refused"], tally["answerable"]),
        "citation_recall": _share(found.supported, found.sentences),
        "citation_precision": _share(found.needed, found.citations),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


@contextmanager
def _base(kb: KnowledgeBase, file: Path, corpus: str, note: Note) -> Iterator[KnowledgeBase]:
    """The store of a corpus; the one that was given if none is named."""
    if not corpus:
        yield kb
        return
    with store_for(file, corpus, kb.settings, None, note) as store:
        _as(kb, store)
        yield store


@contextmanager
def _alone(kb: KnowledgeBase, row: Mapping[str, Any]) -> Iterator[KnowledgeBase]:
    """A store that holds the passages of a row and nothing else; the one that was given for a row without."""
    if "passages" not in row:
        yield kb
        return
    with store_of(kb.settings, None) as store:
        _as(kb, store)
        for number, passage in enumerate(row["passages"]):
            given = passage if isinstance(passage, Mapping) else {"text": passage}
            store.add(article_of({"_id": number, **given}))
        yield store


def _as(kb: KnowledgeBase, store: KnowledgeBase) -> None:
    """Let a store of its own be asked as `kb` is: with its embedder, its keys and the local model it has running."""
    for part in ("embedder", "registry", "opener", "purse"):
        store.__dict__[part] = getattr(kb, part)
