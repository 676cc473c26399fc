"""What an answer says for itself, beside what `kb.providers.explain` says of a provider, in en, de and zh."""

from __future__ import annotations

from collections.abc import Mapping

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
    "unread": {
        "en": "{count} of {all} passages did not fit into what the model is given to read",
        "de": "{count} von {all} Passagen passten nicht in das, was das Modell zu lesen bekommt",
        "zh": "{all} 段中有 {count} 段超出了提供给模型的阅读量",
    },
    "dropped": {
        "en": "Strict: {count} sentences that no passage carries were left out.",
        "de": "Streng: {count} Sätze, die keine Passage trägt, wurden weggelassen.",
        "zh": "严格模式：已略去 {count} 句没有段落支持的话。",
    },
    "recited": {
        "en": "{carries} carries it; the model had cited {cited}",
        "de": "{carries} trägt es; das Modell hatte {cited} angeführt",
        "zh": "{carries} 支持这句话；模型原先标注的是 {cited}",
    },
    "judge": {
        "en": "the judge ({model}) does not find all of it in the cited passage",
        "de": "der Richter ({model}) findet es nicht ganz in der angeführten Passage",
        "zh": "评判模型（{model}）认为所引段落没有完整说明这一点",
    },
    "unjudged": {
        "en": "The judge gave no verdict, so that of the check stands: {reason}",
        "de": "Der Richter gab kein Urteil ab, also gilt das der Prüfung: {reason}",
        "zh": "评判模型未作出裁定，因此以核查结果为准：{reason}",
    },
    "reranker": {
        "en": "the reranker did not answer, so the passages stand in the order of the search: {reason}",
        "de": "Der Reranker hat nicht geantwortet; die Passagen stehen in der Reihenfolge der Suche: {reason}",
        "zh": "重排模型未作答，段落按检索顺序排列：{reason}",
    },
    "rephrase": {
        "en": "the model that rephrases questions did not answer, so the question was searched as it is: {reason}",
        "de": "Das Modell zum Umformulieren hat nicht geantwortet; gesucht wurde mit der Frage selbst: {reason}",
        "zh": "改写问题的模型未作答，已按原问题检索：{reason}",
    },
    "unreadable": {
        "en": "its reply could not be read for {count} of {all} sentences",
        "de": "seine Antwort war für {count} von {all} Sätzen nicht lesbar",
        "zh": "其回复中有 {count}/{all} 句无法识别",
    },
}

EXPORT: dict[str, dict[str, str]] = {
    "understood": {"en": "Understood as", "de": "Verstanden als", "zh": "理解为"},
    "asked": {"en": "Asked", "de": "Gefragt", "zh": "提问时间"},
    "as_of": {"en": "As known on", "de": "Wissensstand", "zh": "截至"},
    "status": {"en": "Status", "de": "Status", "zh": "状态"},
    "by": {"en": "Answered by", "de": "Beantwortet von", "zh": "回答者"},
    "nobody": {"en": "no model", "de": "kein Modell", "zh": "无模型"},
    "tokens": {"en": "Tokens", "de": "Tokens", "zh": "词元"},
    "prompt": {"en": "Prompt version", "de": "Prompt-Version", "zh": "提示词版本"},
    "judge": {"en": "Judge", "de": "Richter", "zh": "评判模型"},
    "record": {"en": "Record", "de": "Beleg", "zh": "记录编号"},
    "of": {"en": "On the evidence of", "de": "Auf den Belegen von", "zh": "使用以下记录的证据"},
    "coverage": {"en": "Evidence", "de": "Belege", "zh": "证据"},
    "differ": {
        "en": "Sources contradict each other",
        "de": "Quellen widersprechen einander",
        "zh": "来源相互矛盾",
    },
    "nearest": {"en": "Nearest articles", "de": "Nächstliegende Artikel", "zh": "最接近的文章"},
    "dropped": {"en": "Left out", "de": "Weggelassen", "zh": "已略去"},
    "attempts": {"en": "Who was asked", "de": "Wer gefragt wurde", "zh": "询问记录"},
    "changed": {
        "en": "Known only after {day}; no part of the answer",
        "de": "Erst nach dem {day} bekannt; kein Teil der Antwort",
        "zh": "{day} 之后才知道的内容；不属于回答",
    },
    "unchanged": {
        "en": "Nothing newer on this is stored",
        "de": "Neueres dazu ist nicht gespeichert",
        "zh": "没有保存与此相关的更新内容",
    },
    "reworded": {"en": "has a later version", "de": "hat eine spätere Fassung", "zh": "已有更新版本"},
    "stands": {"en": "the quoted words still stand", "de": "die zitierten Worte stehen noch da", "zh": "所引原文仍在"},
    "fallen": {
        "en": "the quoted words are no longer there",
        "de": "die zitierten Worte stehen nicht mehr da",
        "zh": "所引原文已不在",
    },
    "gone": {"en": "its page is gone", "de": "die Seite ist verschwunden", "zh": "网页已消失"},
    "newer": {"en": "Newer", "de": "Neuer", "zh": "较新"},
    "no_date": {"en": "no date", "de": "ohne Datum", "zh": "无日期"},
    "supported": {"en": "supported", "de": "belegt", "zh": "有依据"},
    "partial": {"en": "in part", "de": "teilweise", "zh": "部分有依据"},
    "unsupported": {"en": "unsupported", "de": "nicht belegt", "zh": "无依据"},
    "contradicted": {"en": "contradicted", "de": "widersprochen", "zh": "与来源矛盾"},
    "unchecked": {"en": "unchecked", "de": "ungeprüft", "zh": "未核查"},
    "answered": {"en": "answered", "de": "beantwortet", "zh": "已回答"},
    "no_evidence": {"en": "nothing fits", "de": "nichts passt", "zh": "没有相符的内容"},
    "thin_evidence": {"en": "evidence too thin", "de": "Belege zu dünn", "zh": "证据不足"},
    "provider_refused": {"en": "the provider declined", "de": "der Anbieter lehnte ab", "zh": "提供商拒绝回答"},
    "provider_failed": {"en": "the provider failed", "de": "der Anbieter fiel aus", "zh": "提供商未能回答"},
}
"""Words around an answer outside the page: in the exported file, the notebook and the terminal."""


def words(language: str) -> dict[str, str]:
    """The words of EXPORT in `language`; readers of other languages get English."""
    return {key: in_language(texts, language) for key, texts in EXPORT.items()}


def note(key: str, language: str, /, **values: object) -> str:
    """A note in `language`; readers of other languages get English."""
    return in_language(NOTES[key], language).format_map(values)


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in `language`; readers of other languages get English."""
    return texts[language if language in LANGUAGES else "en"]
