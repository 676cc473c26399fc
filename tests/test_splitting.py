"""Questions about several events, cut into their parts by rule."""

from __future__ import annotations

import pytest

from kb.search.splitting import MOST, Split, split


@pytest.mark.parametrize(
    ("question", "language", "parts"),
    [
        ("OpenAI封锁中国和荷兰扩大光刻机许可，哪个事件发生得更早？", "zh", ("OpenAI封锁中国", "荷兰扩大光刻机许可")),
        (
            "华为被列入实体清单、中芯国际被列入实体清单以及美光未通过审查，哪个最早发生？",
            "zh",
            ("华为被列入实体清单", "中芯国际被列入实体清单", "美光未通过审查"),
        ),
        (
            "以下哪个事件最早发生？欧盟人工智能法生效、意大利封禁DeepSeek。",
            "zh",
            ("欧盟人工智能法生效", "意大利封禁DeepSeek"),
        ),
        (
            "2023年7月和8月中国发布了哪些出口管制？",
            "zh",
            ("2023年7月中国发布了哪些出口管制", "2023年8月中国发布了哪些出口管制"),
        ),
        (
            "Did Reuters report that Nvidia stopped production of the H20, while Caixin reported that orders went on?",
            "en",
            ("Did Reuters report that Nvidia stopped production of the H20", "Caixin reported that orders went on"),
        ),
        (
            "Hat die Regierung die Lizenzpflicht begrüßt, während der Verband der Hersteller sie ablehnte und klagte?",
            "de",
            (
                "Hat die Regierung die Lizenzpflicht begrüßt",
                "der Verband der Hersteller sie ablehnte und klagte",
            ),
        ),
    ],
)
def test_parts(question: str, language: str, parts: tuple[str, ...]) -> None:
    assert split(question, language).parts == parts


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("When did OpenAI block API traffic from China?", "en"),
        ("Wann sperrte Italien DeepSeek?", "de"),
        ("中国商务部和海关总署何时公布镓锗出口管制？", "zh"),
        ("《完蛋！我被美女包围了！》是什么时候上线的？", "zh"),
        ("", "en"),
    ],
)
def test_one_matter_stays_whole(question: str, language: str) -> None:
    assert split(question, language) == Split()


def test_events_of_one_day_are_tied() -> None:
    assert split("OpenAI停止对中国服务当天，智谱宣布了什么优惠？", "zh") == Split(
        ("OpenAI停止对中国服务", "智谱宣布了什么优惠"), "day"
    )
    assert split("商务部公布镓锗管制当月，美国财政部长访问了哪个国家？", "zh").tied == "month"


def test_a_long_sentence_gives_no_more_than_the_most() -> None:
    clause = "the ministry of commerce published another long announcement about licences"
    assert len(split(", and ".join([clause + f" of type {number}" for number in range(9)]), "en").parts) == MOST
