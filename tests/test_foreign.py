"""The retriever and the query engine, inside LlamaIndex."""

from __future__ import annotations

from kb.knowledge import KnowledgeBase
from tests.conftest import make_article


def test_the_retriever_gives_nodes_with_their_source(kb: KnowledgeBase) -> None:
    kb.add(make_article("gallium", "China put export licences on gallium and germanium. " * 5, day="2023-07-03"))
    (found,) = kb.as_retriever(k=3).retrieve("Exportlizenzen für Gallium")
    assert found.node.metadata["url"] == "https://news.example/gallium"
    assert found.node.metadata["published"] == "2023-07-03"
    assert found.text.startswith("China put export licences")


def test_the_query_engine_gives_the_checked_answer(kb: KnowledgeBase) -> None:
    kb.add(make_article("gallium", "China put export licences on gallium and germanium. " * 5))
    response = kb.as_query_engine(provider="none").query("What did China put licences on?")
    assert response.metadata["status"] == "answered"
    assert [item.node.metadata["url"] for item in response.source_nodes] == ["https://news.example/gallium"]
    nothing = kb.as_query_engine(provider="none").query("How do I bake an apple pie?")
    assert nothing.metadata["status"] == "no_evidence"
