"""A Chinese text in simplified and in traditional characters is one story; what differs in more is not."""

from __future__ import annotations

from kb.knowledge import KnowledgeBase
from kb.origins.groups import origins
from kb.origins.likeness import CANDIDATE, Told, copied, trace
from kb.origins.shingles import estimate
from kb.text.han import simplified
from kb.text.terms import marks
from kb.text.words import query_words, standing, words
from tests.conftest import make_article

MAINLAND = (
    "海关总署周三公布新的出口许可清单，涉及用于制造先进芯片的设备和软件。企业须在三十日内向当地主管部门提交申请，逾期不受理。"
    "业内人士认为，新规对中小供应商影响有限，但大型代工厂需要重新审查合同。分析师预计，首批许可最早将于下月发放，"
    "届时市场观望情绪有望缓解。一位不愿具名的官员表示，清单每季度更新一次。"
)
TAIWAN = (
    "海關總署週三公佈新的出口許可清單，涉及用於製造先進晶片的裝置和軟體。企業須在三十日內向當地主管部門提交申請，逾期不受理。"
    "業內人士認為，新規對中小供應商影響有限，但大型代工廠需要重新審查合同。分析師預計，首批許可最早將於下月發放，"
    "屆時市場觀望情緒有望緩解。一位不願具名的官員表示，清單每季度更新一次。"
)
"""The same in the characters and with some of the words of Taiwan (by OpenCC, s2twp)."""


def told(title: str, text: str, source: str = "甲报") -> Told:
    return Told(title, text, source, ())


def alike(one: Told, other: Told) -> bool:
    left, right = trace(one.text).signature, trace(other.text).signature
    assert left is not None and right is not None
    candidates = estimate(left, right[None]) >= CANDIDATE
    assert (copied(one, other) is None) is (copied(other, one) is None)
    return bool(candidates[0]) and copied(one, other) is not None


def test_characters_are_told_apart_by_nothing_but_their_form() -> None:
    assert simplified("屆時市場觀望情緒有望緩解") == "届时市场观望情绪有望缓解"
    assert simplified(MAINLAND) == MAINLAND
    assert len(simplified(TAIWAN)) == len(TAIWAN)
    assert simplified("Zölle, 1.5 Mrd. 裏 裡 里") == "Zölle, 1.5 Mrd. 里 里 里"


def test_both_scripts_are_one_story() -> None:
    assert alike(told("海关公布清单", MAINLAND), told("海關公佈清單", TAIWAN, "乙報"))
    # In one outlet a short text under another headline is no copy; the other script is no other headline.
    assert alike(told("海关公布新的出口许可清单", MAINLAND), told("海關公佈新的出口許可清單", TAIWAN))
    assert not alike(told("海关公布新的出口许可清单", MAINLAND), told("市场等待首批许可", TAIWAN))


def test_the_next_number_of_a_series_is_another_story_in_either_script() -> None:
    lead = "这是第{}批清单。"
    twelfth = told("第12批清单公布", lead.format("十二") + MAINLAND)
    assert alike(twelfth, told("第12批清單公佈", simplified("這是第十二批清單。") + TAIWAN, "乙報"))
    assert not alike(twelfth, told("第13批清單公佈", "這是第十三批清單。" + TAIWAN, "乙報"))


def test_a_store_joins_them(kb: KnowledgeBase) -> None:
    one = make_article("mainland", MAINLAND, language="zh", source="甲报", title="海关公布清单")
    other = make_article("taiwan", TAIWAN, language="zh", source="乙報", title="海關公佈清單")
    for article in (one, other):
        kb.add(article)
    (story,) = set(origins(kb.catalog, [one.version_id, other.version_id]).values())
    assert {copy.source for copy in story.members} == {"甲报", "乙報"}


def test_a_question_finds_the_words_of_the_other_script() -> None:
    question, text = "华为何时被列入实体清单？", "華為於2019年5月16日被列入實體清單。"
    assert {"华为", "实体", "清单", "d20190516"} <= set(words(text, "zh"))
    assert {"实体", "清单"} <= standing(query_words(question, "zh"), text, "zh")
    assert marks("華為何時被列入？", "zh") == marks("华为何时被列入？", "zh") != []
