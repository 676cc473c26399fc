"""A small base of ours and a fake server beside it: what the tests of answers stand on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kb.embedding import Embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.settings import Settings
from tests.conftest import make_article
from tests.fakeproviders import FakeProviders, Request

BLOCK = (
    "OpenAI blocks its API for developers in China from 9 July 2024. The company sent letters to the accounts "
    "concerned. Traffic from unsupported regions is refused."
)
GERMAN = "Alibaba Cloud bot den Entwicklern 22 Millionen kostenlose Token an. Das Angebot galt für neue Konten."
CHINESE = "百度智能云在2024年6月宣布为开发者提供5000万免费令牌。该优惠适用于从OpenAI迁移的用户。"
ZEBRA = "The zoo of Example Town counted 12 zebras in March 2023. Two of the zebras were born there."
BILL = "The Senate committee passed the chip bill with 14 votes to 7 on 2 May 2024. The House has not voted on it."

ENGLISH_QUESTION = "When does OpenAI block its API for developers in China?"
TRUE = "OpenAI blocks its API for developers in China from 9 July 2024"
FALSE = "OpenAI blocks its API for developers in China from 3 March 2021"


def fill(kb: KnowledgeBase) -> None:
    kb.add(make_article("block", BLOCK, title="OpenAI blocks China", day="2024-06-25"))
    kb.add(make_article("alibaba", GERMAN, title="Alibaba wirbt um Entwickler", language="de", day="2024-06-26"))
    kb.add(make_article("baidu", CHINESE, title="百度推出迁移计划", language="zh", day="2024-06-27"))
    kb.add(make_article("zebra", ZEBRA, title="Zebras in the zoo", day="2023-03-31"))
    kb.add(make_article("bill", BILL, title="Chip bill passes committee", day="2024-05-03"))


@contextmanager
def asking(
    home: Path, embedder: Embedder, fake: FakeProviders, patch: pytest.MonkeyPatch, **settings: Any
) -> Iterator[KnowledgeBase]:
    """A filled base whose providers all lead to `fake`, with a good key for each of them."""
    for name, key in fake.env().items():
        patch.setenv(name, key)
    with open_kb(settings=replace(Settings(home=home, provider="qwen"), **settings), embedder=embedder) as kb:
        kb.__dict__["registry"] = fake.registry()
        fill(kb)
        yield kb


def lines(request: Request) -> list[dict[str, Any]]:
    """The passages of a request, in their order."""
    said = str(request.body["messages"][-1]["content"])
    block = re.search(r"\A<passages-([0-9a-f]+)>\n(.*?)\n?</passages-\1>\n", said, re.DOTALL)
    assert block is not None
    return [json.loads(line) for line in block[2].split("\n") if line]


def number(request: Request, words: str) -> int:
    """The number under which a passage with these words was shown."""
    return next(int(line["passage"]) for line in lines(request) if words in line["text"])


def cited(request: Request) -> str:
    """A true answer with the right number."""
    return f"{TRUE} [{number(request, '9 July 2024')}]."
