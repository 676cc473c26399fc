"""The JSON of the command line: the keys that notebooks and scripts rely on (DESIGN, section 4)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kb.models import Answer, Citation, Passage
from kb.orders import gives_orders


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


def answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "question": answer.question,
        "status": str(answer.status),
        "answer": answer.text,
        "sentences": [
            {
                "text": sentence.text,
                "verdict": str(sentence.verdict),
                "reason": sentence.reason,
                "citations": list(sentence.citations),
            }
            for sentence in answer.sentences
        ],
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
    }
