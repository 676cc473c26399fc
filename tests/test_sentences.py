"""Sentences of English, German and Chinese text, by value."""

from __future__ import annotations

import pytest

from kb.text.sentences import sentences

CASES = {
    "german ordinals and abbreviations": (
        "Am 9. Juli 2024 sperrte OpenAI z. B. China. Das 12. Paket kam. Nr. 61 gilt seit dem 3. Quartal. "
        "Dr. Weiß ging.",
        [
            "Am 9. Juli 2024 sperrte OpenAI z. B. China.",
            "Das 12. Paket kam.",
            "Nr. 61 gilt seit dem 3. Quartal.",
            "Dr. Weiß ging.",
        ],
    ),
    "english abbreviations and decimals": (
        "Mr. Xi met U.S. officials vs. the plan. Revenue rose 3.5 percent to $2.17bn. No. 61 applies.",
        ["Mr. Xi met U.S. officials vs. the plan.", "Revenue rose 3.5 percent to $2.17bn.", "No. 61 applies."],
    ),
    "an acronym that ends a sentence": (
        "It is made in the U.S. The rule ended.",
        ["It is made in the U.S.", "The rule ended."],
    ),
    "citations belong to the sentence before": (
        "It rose.[1][2] It fell [3]. Then it ended.\n[4]",
        ["It rose.[1][2]", "It fell [3].", "Then it ended.", "[4]"],
    ),
    "chinese": (
        "中国说：“不行。”他走了。第二句！第三句？[3]第四条规定自8月1日起施行；企业须提前申请许可证。",
        [
            "中国说：“不行。”",
            "他走了。",
            "第二句！",
            "第三句？[3]",
            "第四条规定自8月1日起施行；",
            "企业须提前申请许可证。",
        ],
    ),
    "a short clause after a semicolon stays": ("一是安全；二是发展。", ["一是安全；二是发展。"]),
    "a question inside a sentence": (
        "“Why now?” asked the ministry. Nobody answered.",
        ["“Why now?” asked the ministry.", "Nobody answered."],
    ),
    "quotes and brackets close with their sentence": (
        "He said: „Nein.“ Er ging. (See above.) Done.",
        ["He said: „Nein.“", "Er ging.", "(See above.)", "Done."],
    ),
    "lines end sentences": ("A headline\n\nThe text begins here.", ["A headline", "The text begins here."]),
    "a name that begins small": ("Google signed it. xAI did not.", ["Google signed it.", "xAI did not."]),
    "initials": (
        "J. Smith of X. Both left. Christopher S. Bond stayed.",
        ["J. Smith of X.", "Both left.", "Christopher S. Bond stayed."],
    ),
    "chinese with decimals and latin": ("增长3.5%。GPT-4o得分为71.2。", ["增长3.5%。", "GPT-4o得分为71.2。"]),
    "ellipsis": ("He left... Then he came back.", ["He left...", "Then he came back."]),
}


@pytest.mark.parametrize("name", CASES)
def test_sentences(name: str) -> None:
    text, expected = CASES[name]
    assert [text[start:end] for start, end in sentences(text)] == expected


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\n", "…", "。。。", ".", "[1]", "„“", "\x00", "a" * 5000, "1.2.3.4." * 200]
)
def test_odd_texts_have_spans_that_are_their_own(text: str) -> None:
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) and text[start:end] == text[start:end].strip() for start, end in spans)
    assert spans == sorted(spans)
    assert sum(end - start for start, end in spans) <= len(text)


def test_nothing_but_white_space_is_lost() -> None:
    text = "Eins. Zwei! Drei?\nVier “fünf.” 六。七；八九十一二三四五六七。 [1] Neun"
    kept = "".join(text[start:end] for start, end in sentences(text))
    assert "".join(kept.split()) == "".join(text.split())
