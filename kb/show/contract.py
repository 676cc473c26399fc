"""The JSON of the command line: the keys that notebooks and scripts rely on (DESIGN, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kb.models import Answer, Changes, Citation, Contradiction, Passage, Quoted, Sentence
from kb.origins.credit import credits
from kb.text.orders import gives_orders


def passage_json(passage: Passage) -> dict[str, Any]:
    version = passage.version
    return {
        "rank": passage.rank,
        "score": round(passage.score, 4),
        "article_id": version.article_id,
        "version_id": version.id,
        "chunk_id": passage.chunk_id,
        "url": version.url,
        "title": version.title,
        "source": version.source,
        "language": version.language,
        "published": version.published.iso() if version.published else None,
        "first_seen": version.first_seen.isoformat(timespec="seconds"),
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "credits": list(credits(version)),
        "origin": passage.origin or version.article_id,
        "also": [asdict(copy) for copy in passage.also],
        "gives_orders": gives_orders(passage.text),
    }


def search_json(query: str, passages: list[Passage]) -> dict[str, Any]:
    return {"query": query, "passages": [passage_json(passage) for passage in passages]}


def citation_json(citation: Citation) -> dict[str, Any]:
    version = citation.passage.version
    return {
        "n": citation.n,
        "article_id": version.article_id,
        "version_id": version.id,
        "url": version.url,
        "title": version.title,
        "source": version.source,
        "language": version.language,
        "published": version.published.iso() if version.published else None,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "verdict": str(sentence.verdict),
        "reason": sentence.reason,
        "citations": list(sentence.citations),
    }


def contradiction_json(found: Contradiction, passages: Sequence[Passage]) -> dict[str, Any]:
    def side(quoted: Quoted) -> dict[str, Any]:
        return asdict(quoted) | {"version_id": passages[quoted.n - 1].version.id}

    return {"kind": found.kind, "first": side(found.first), "second": side(found.second)}


def changes_json(changes: Changes) -> dict[str, Any]:
    """What came after the day of an answer: which articles, and when. None of what they say but their titles."""
    return {
        "day": changes.day.isoformat(),
        "reworded": [
            {
                "n": each.n,
                "version_id": each.version.id,
                "first_seen": each.version.first_seen.isoformat(timespec="seconds"),
                "stands": each.stands,
            }
            for each in changes.reworded
        ],
        "gone": list(changes.gone),
        "newer": [
            {
                "article_id": version.article_id,
                "version_id": version.id,
                "url": version.url,
                "title": version.title,
                "source": version.source,
                "language": version.language,
                "published": version.published.iso() if version.published else None,
            }
            for version in changes.newer
        ],
    }


def asked_json(answer: Answer) -> dict[str, Any]:
    """The record of an answer with what became known after its day, which the record itself never holds."""
    return answer_json(answer) | {"changed_since": None if answer.changes is None else changes_json(answer.changes)}


def answer_json(answer: Answer) -> dict[str, Any]:
    """The record of an answer, as it is stored and printed; `kb.answer.answers.restored` reads it back."""
    return {
        "id": answer.id,
        "question": answer.question,
        "status": str(answer.status),
        "answer": answer.text,
        "sentences": [sentence_json(sentence) for sentence in answer.sentences],
        "citations": [citation_json(citation) for citation in answer.citations],
        "passages": [passage_json(passage) for passage in answer.passages],
        "provider": {
            "asked": answer.asked,
            "answered_by": answer.answered_by,
            "model": answer.model,
            "attempts": [asdict(attempt) for attempt in answer.attempts],
        },
        "usage": asdict(answer.usage),
        "coverage": asdict(answer.coverage),
        "withheld": [
            {"provider": each.provider, "chunk_id": each.passage.chunk_id, "certain": each.certain}
            for each in answer.withheld
        ],
        "as_of": answer.as_of.isoformat() if answer.as_of else None,
        "message": answer.message,
        "language": answer.language,
        "asked_at": answer.asked_at.isoformat() if answer.asked_at else None,
        "prompt_version": answer.prompt_version,
        "understood": answer.understood,
        "of": answer.of,
        "strict": answer.strict,
        "dropped": [sentence_json(sentence) for sentence in answer.dropped],
        "contradictions": [contradiction_json(each, answer.passages) for each in answer.contradictions],
        "judge": asdict(answer.judge) if answer.judge else None,
    }
