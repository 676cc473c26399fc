"""Languages told apart, questions of two words included."""

from __future__ import annotations

import pytest

from kb.text.language import detect

QUESTIONS = {
    "Huawei Sanktionen": "de",
    "US-Sanktionen gegen Huawei": "de",
    "Was sagt Nvidia zu den Exportregeln?": "de",
    "OpenAI sperrt China": "de",
    "Chipkrieg USA China": "de",
    "Seltene Erden": "de",
    "KI-Gesetz": "de",
    "chip export controls": "en",
    "entity list": "en",
    "What did Nvidia say?": "en",
    "China bans Micron chips": "en",
    "rare earths": "en",
    "华为": "zh",
    "华为 Nvidia H20": "zh",
    "英伟达H20芯片": "zh",
    "台積電 2nm 製程": "zh",
    "sanctions contre Huawei": "fr",
    "Le gouvernement américain annonce de nouvelles restrictions": "fr",
    "El gobierno de España anuncia sanciones": "es",
    "中国の半導体規制": "ja",
    "ファーウェイ": "ja",
    "화웨이 제재": "ko",
    "Санкции против Huawei": "ru",
}


@pytest.mark.parametrize(("text", "language"), QUESTIONS.items())
def test_questions(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text", ["", "  ", "2024", "H20", "Huawei", "New York", "https://www.example.com/der/die/das", "1,5 %", "😀"]
)
def test_names_and_numbers_are_no_language(text: str) -> None:
    assert detect(text) == "und"


def test_a_quotation_does_not_turn_an_article() -> None:
    german = (
        "Das Ministerium teilte mit, dass die neuen Regeln ab Mai gelten und für alle Hersteller verbindlich sind. " * 5
    )
    assert (
        detect(f"{german} „We will comply with the rule“, said the company, „and we will publish the numbers.“") == "de"
    )
    assert (
        detect("该公司表示，Nvidia H20 和 AMD MI308 的许可已经获批，Financial Times 对此作了报道，细节尚未公布。")
        == "zh"
    )
    assert detect("東京は中国製の半導体装置について新しい規則を発表し、企業は許可を申請しなければならない。") == "ja"
