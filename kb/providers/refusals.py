"""What no status tells: an answer that is a refusal, or is in another language than was asked for.

A refusal is an apology or a "cannot" near the start of a short text without any citation. A sentence of an
answer that says what someone else refused is not one.
"""

from __future__ import annotations

import re

LONGEST_REFUSAL = 600
"""Characters beyond which a text is an answer, whatever it begins with."""

REFUSALS = re.compile(
    r"""
    ^\W*(?:
      (?:i(?:'|’)?m\ (?:very\ )?sorry|i\ am\ sorry|sorry|i\ apologi[sz]e|my\ apologies|unfortunately)\b.{0,120}?
        \b(?:can(?:no|'|’)t|can\ not|cannot|unable|not\ able|won(?:'|’)t|not\ appropriate|not\ allowed|not\ permitted)\b
    | (?:as\ an\ ai(?:\ language)?(?:\ model|\ assistant)?\b.{0,60}?)?i\s(?:can(?:'|’)t|cannot|can\ not|am\ unable\ to|
        am\ not\ able\ to|won(?:'|’)t|must\ decline)\b.{0,60}?\b(?:help|assist|answer|discuss|respond|comply|provide|
        talk|comment|engage|fulfil|continue)
    | let(?:'|’)?s\ talk\ about\ something\ else
    | (?:es\ tut\ mir\ (?:sehr\ )?leid|tut\ mir\ leid|entschuldigung|leider)\b.{0,160}?
        \b(?:nicht|keine?n?|unmöglich|ablehnen)\b
    | (?:als\ (?:eine?\ )?(?:ki|sprachmodell)\S*\b.{0,60}?)?ich\ (?:kann|darf|möchte)\b.{0,80}?
        \b(?:nicht|keine?n?)\ (?:\w+\ ){0,3}?(?:beantworten|helfen|beantwortung|äußern|sprechen|auskunft|antwort|
        diskutieren|unterstützen|bereitstellen|geben|eingehen)
    | lassen\ sie\ uns\ (?:über\ )?(?:etwas|ein)\ ander\w*
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

REFUSALS_ZH = re.compile(
    r"""
    ^\W*(?:
      (?:非常|很|十分)?(?:抱歉|对不起|不好意思|對不起).{0,60}?(?:无法|不能|不便|不予|没办法|未能|暂时|無法|还没有学会|没有学会)
    | 你好[，,].{0,10}?我(?:暂时)?(?:无法|不能)
    | (?:作为(?:一个|一款)?(?:AI|人工智能|语言模型)\S{0,12}?[，,])?我(?:目前|暂时|现在)?(?:无法|不能|不便|没办法|無法)
        .{0,20}?(?:回答|提供|讨论|回复|评论|帮助|协助|满足|处理|继续)
    | (?:这个|该|此|您的|你的)(?:问题|话题|请求|内容).{0,12}?(?:无法|不能|不便|不适合|不宜|违反|涉及敏感|超出)
    | (?:让)?(?:我们|咱们)(?:还是)?(?:换个|聊点|换一个|聊聊)(?:别的|其他)?(?:的)?(?:话题|吧|内容)?
    | 根据相关法律法规.{0,20}?(?:无法|不能|不予|不便)
    | 我(?:还|暂时|现在)?(?:没有|没)学会(?:怎么|如何)?回答
    )
    """,
    re.VERBOSE | re.DOTALL,
)

CITATION = re.compile(r"\[\d{1,3}\]|【\d{1,3}】")

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
LATIN = re.compile(r"[A-Za-zÀ-ɏ]+")
_GERMAN = (
    "der die das und ist nicht ein eine mit von für auf dem den des im zu wird werden hat haben sich auch als bei "
    "nach wurde aus dass über sind am durch oder nur noch war zum zur einen einem einer"
)
_ENGLISH = (
    "the and is of to in that for with on was are as by has have from this which it not at be or its were their "
    "will been after also than but they an"
)
GERMAN, ENGLISH = frozenset(_GERMAN.split()), frozenset(_ENGLISH.split())


def refused_in_words(text: str) -> bool:
    """True if the whole of `text` declines to answer (English, German, Chinese)."""
    plain = " ".join(text.split())
    if not plain or len(plain) > LONGEST_REFUSAL or CITATION.search(plain):
        return False
    return REFUSALS.search(plain) is not None or REFUSALS_ZH.search(plain) is not None


def written_in(text: str) -> str | None:
    """The language of a text among en, de, zh; None if it is too short to tell, or is none of them."""
    han, words = len(HAN.findall(text)), [word.lower() for word in LATIN.findall(text)]
    if han >= 8 and han > 2 * len(words):
        return "zh"
    german, english = sum(word in GERMAN for word in words), sum(word in ENGLISH for word in words)
    if len(words) < 8 or german + english < 3 or han > len(words):
        return None
    if german >= 2 * english:
        return "de"
    return "en" if english >= 2 * german else None


def in_wrong_language(text: str, wanted: str) -> bool:
    """True if `text` is plainly in another of our languages than `wanted`."""
    found = written_in(text)
    return found is not None and wanted in ("en", "de", "zh") and found != wanted
