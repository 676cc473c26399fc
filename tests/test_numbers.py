"""Numbers that documents are cited by: one token in every language."""

from __future__ import annotations

import pytest

from kb.knowledge import KnowledgeBase
from kb.text.language import detect
from kb.text.numbers import document_numbers
from kb.text.words import standing, words
from tests.conftest import make_article


@pytest.mark.parametrize(
    ("texts", "token"),
    [
        (("see 89 FR 12345", "in 89 Fed. Reg. 12345"), "fr.89-12345"),
        (("商务部公告2023年第23号", "MOFCOM Announcement No. 23 of 2023", "Bekanntmachung Nr. 23/2023"), "no.2023-23"),
        (("国办发〔2023〕12号", "Notice 2023 No. 12"), "no.2023-12"),
        (("Regulation (EU) 2024/1689", "Verordnung (EU) 2024/1689", "欧盟法规(EU) 2024/1689"), "eu.2024-1689"),
        (("Regulation (EU) No 833/2014", "Verordnung (EU) Nr. 833/2014"), "eu.2014-833"),
        (("the 12th package", "das 12. Sanktionspaket", "第十二轮制裁", "the twelfth sanctions package"), "pkg.12"),
        (("Executive Order 14110", "第14110号行政令"), "eo.14110"),
        (("GPT-4o", "GPT4o"), "gpt4o"),
        (("Ascend 910B", "昇腾910B"), "910b"),
    ],
)
def test_one_token_in_every_language(texts: tuple[str, ...], token: str) -> None:
    for text in texts:
        assert token in words(text, detect(text)), text
        assert standing([token], text, detect(text)) == {token}


@pytest.mark.parametrize("text", ["in 2023 and 2024", "12 packages of chips", "1/2024", "the order of 14110 chips"])
def test_other_numbers_are_no_documents(text: str) -> None:
    assert list(document_numbers(text)) == []


def test_a_number_finds_its_document_across_languages(kb: KnowledgeBase) -> None:
    for number in range(20, 30):
        kb.add(make_article(f"n{number}", f"商务部公告2023年第{number}号公布了出口许可的规定。", language="zh"))
    assert kb.search("What does MOFCOM Announcement No. 23 of 2023 say?", 1)[0].version.url.endswith("n23")
