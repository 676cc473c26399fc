"""The knowledge base inside other people's LlamaIndex programs: a retriever and a query engine.

LlamaIndex's types begin and end here. The query engine answers as `kb.ask` does: checked, cited, and
without a model where nothing fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from kb.models import Passage
from kb.show.contract import passage_json

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase


def node(passage: Passage) -> NodeWithScore:
    """A passage as a LlamaIndex node: its text, its score, and the keys of `search --json` as metadata."""
    apart = ("text", "score", "rank", "credits", "also")
    about = {name: value for name, value in passage_json(passage).items() if name not in apart}
    return NodeWithScore(node=TextNode(id_=passage.chunk_id, text=passage.text, metadata=about), score=passage.score)


class Retriever(BaseRetriever):
    """`kb.search` as a LlamaIndex retriever."""

    def __init__(self, kb: KnowledgeBase, k: int, filters: dict[str, Any]) -> None:
        super().__init__()
        self._kb, self._k, self._filters = kb, k, filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [node(passage) for passage in self._kb.search(query_bundle.query_str, self._k, **self._filters)]


class QueryEngine(BaseQueryEngine):
    """`kb.ask` as a LlamaIndex query engine; `response.metadata` holds status and verdicts."""

    def __init__(self, kb: KnowledgeBase, choices: dict[str, Any]) -> None:
        super().__init__(callback_manager=CallbackManager())
        self._kb, self._choices = kb, choices

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = self._kb.ask(query_bundle.query_str, **self._choices)
        verdicts = [str(sentence.verdict) for sentence in answer.sentences]
        return Response(
            response=answer.text or answer.message,
            source_nodes=[node(passage) for passage in answer.passages],
            metadata={"status": str(answer.status), "verdicts": verdicts, "answer_id": answer.id},
        )

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return self._query(query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}
