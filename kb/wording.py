"""What an answer says for itself, beside what `kb.providers.explain` says of a provider, in en, de and zh."""

from __future__ import annotations

from kb.models import LANGUAGES

NOTES: dict[str, dict[str, str]] = {
    "nothing": {
        "en": "Nothing in the knowledge base fits this question; no model was asked.",
        "de": "In der Wissensbasis passt nichts zu dieser Frage; es wurde kein Modell gefragt.",
        "zh": "知识库中没有与此问题相符的内容；未询问任何模型。",
    },
    "evidence": {
        "en": "No model was asked; these are the passages that fit best.",
        "de": "Es wurde kein Modell gefragt; dies sind die Passagen, die am besten passen.",
        "zh": "未询问任何模型；以下是最相符的段落。",
    },
    "thin": {
        "en": "The passages found do not answer this question.",
        "de": "Die gefundenen Passagen beantworten diese Frage nicht.",
        "zh": "找到的段落没有回答这个问题。",
    },
    "unsupported": {
        "en": "No sentence of the model's answer is carried by the passages it cites.",
        "de": "Kein Satz der Antwort des Modells wird von den Passagen getragen, die er anführt.",
        "zh": "模型的回答中没有一句得到所引段落的支持。",
    },
    "strayed": {
        "en": "{count} of the model's sentences withheld: the passages do not carry them, and the question did not "
        "ask for them.",
        "de": "{count} Sätze des Modells zurückgehalten: Die Passagen tragen sie nicht, und die Frage fragte nicht "
        "danach.",
        "zh": "已隐去模型所写的 {count} 句：既无段落支持，也非问题所问。",
    },
    "leaked": {
        "en": "The answer was withheld: the model repeated its instructions instead of answering.",
        "de": "Die Antwort wurde zurückgehalten: Das Modell gab seine Anweisungen wieder, statt zu antworten.",
        "zh": "已隐去回答：模型复述了给它的指令，而没有作答。",
    },
    "partial": {
        "en": "It had written, unchecked: “{text}”",
        "de": "Es hatte ungeprüft geschrieben: „{text}“",
        "zh": "它已写出（未核查）：“{text}”",
    },
    "moved": {
        "en": "{name} was asked instead, as your order of fallback says.",
        "de": "Stattdessen wurde nach Ihrer Reihenfolge {name} gefragt.",
        "zh": "按照您设定的顺序，改问了 {name}。",
    },
    "consent": {
        "en": "{name} is next in your order; it is asked only if you agree to send on what was refused (--consent).",
        "de": "Als Nächstes käme {name}; gefragt wird erst, wenn Sie zustimmen, das Abgelehnte weiterzugeben "
        "(--consent).",
        "zh": "下一个是 {name}；只有您同意把被拒的内容转发给它时才会询问（--consent）。",
    },
    "withheld": {
        "en": "{name} withheld {count} of {all} passages: {titles}",
        "de": "{name} hielt {count} von {all} Passagen zurück: {titles}",
        "zh": "{name} 拦截了 {all} 段中的 {count} 段：{titles}",
    },
    "untested": {
        "en": "{count} of {all} passages were left out for {name} untested: {titles}",
        "de": "{count} von {all} Passagen wurden für {name} ungeprüft weggelassen: {titles}",
        "zh": "{all} 段中有 {count} 段未经测试即未提交给 {name}：{titles}",
    },
    "shortened": {
        "en": "{count} of {all} passages were too long for {name}",
        "de": "{count} von {all} Passagen waren zu lang für {name}",
        "zh": "{all} 段中有 {count} 段超出 {name} 的长度",
    },
}


def note(key: str, language: str, /, **values: object) -> str:
    """A note in `language`; readers of other languages get English."""
    texts = NOTES[key]
    return texts[language if language in LANGUAGES else "en"].format_map(values)
