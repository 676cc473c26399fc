"""Text → the words it is found by, in the manner of its language.

Chinese is cut by jieba in search mode (longer words and their parts), English and German are
stemmed by Snowball. Numbers of documents (`kb.text.numbers`) and full dates become tokens of their own
(d20240709 and d202407), the same in all three languages, so that "9 July 2024", "9. Juli 2024" and
2024年7月9日 meet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from platformdirs import user_cache_path

from kb.text.han import simplified
from kb.text.numbers import document_numbers

MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
}
MONTH_NUMBERS = {name: number for names in MONTHS.values() for number, name in enumerate(names.split(), 1)}
MONTH_NUMBERS |= {name[:3]: number for name, number in MONTH_NUMBERS.items()} | {"sept": 9, "jänner": 1}

_MONTH = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
DATES = (
    re.compile(r"(?P<y>(?:19|20)\d\d)\s*年\s*(?P<m>\d{1,2})\s*月(?:\s*(?P<d>\d{1,2})\s*[日号])?"),
    re.compile(r"\b(?P<y>(?:19|20)\d\d)-(?P<m>\d{2})(?:-(?P<d>\d{2}))?\b"),
    re.compile(r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>(?:19|20)\d\d)\b"),
    re.compile(rf"\b(?:(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th)?\s+)?(?P<name>{_MONTH})\b\.?,?\s+(?P<y>(?:19|20)\d\d)\b"),
    re.compile(rf"\b(?P<name>{_MONTH})\b\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>(?:19|20)\d\d)\b"),
)
WORD = re.compile(r"[a-z0-9äöüßà-öø-ÿ]+(?:[._-][a-z0-9äöüßà-öø-ÿ]+)*|[\u3400-\u9fff\uf900-\ufaff]+|[^\W_]+")
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")

# fmt: off
STOP = {
    "en": "a an and are as at be been but by can could did do does for from had has have he her his how i if in "
    "into is "
    "it its more not of on or our she should so than that the their them then there these they this to was we were "
    "what when where which who whom whose why will with would you your",
    "de": "aber als am an auch auf aus bei bin bis da das dass dem den der des dessen die dies diese dieser "
    "dieses doch "
    "du durch ein eine einem einen einer eines er es für hat hatte haben ich ihr ihre im in ins ist ja kann man mit "
    "nach nicht noch nun nur ob oder seit sein seine sich sie sind so über um und uns unter vom von vor war waren "
    "was welche welchem welchen welcher welches wann warum wem wen wer werden wie wieso wird wo wurde wurden "
    "zu zum zur",
    "zh": "的 了 和 是 在 就 都 而 及 与 或 着 之 于 对 把 被 也 从 到 将 以 为 中 上 下 有 这 那 其 它 他 她 我 "
    "你 们 吗 "
    "呢 吧 啊 什么 哪些 哪 哪个 怎么 如何 为什么 谁 何时 几 多少 一 个 由 向 等",
}
# fmt: on
STOPWORDS = {language: frozenset(words.split()) for language, words in STOP.items()}


_ACCENTS = str.maketrans("äöüß", "aous")

_STEMMING = Lock()


_PERSONAL = ("nr", "nrfg", "nrt")
_BETWEEN = ("x", "uj", "ul", "p", "c", "m")
_NO_SURNAME = frozenset("老小阿")
_FIRM = re.compile(
    r"(?P<name>[\u4e00-\u9fff]{2})(?:科技|智能|电子|半导体|微电子|通信|能源|机器人|资本|航天|生物|重工|集团|汽车|传感|软件|网络|银行|证券|保险|航空|矿业|钢铁|制药|医药|化工|电信|物流|食品|铁路|传媒|影业|出版社)(?!企业|公司的)"
)


def words(text: str, language: str) -> list[str]:
    """The index words of a text in reading order, with repetitions; dates and numbers included."""
    folded = _folded(text)
    return [*dates(folded), *document_numbers(folded), *_cut(folded, language)]


def query_words(text: str, language: str) -> list[str]:
    """The words of a question without those that carry no matter; all of them if nothing else is left."""
    return list(_query_words(text, language))


@lru_cache(maxsize=512)
def _query_words(text: str, language: str) -> tuple[str, ...]:
    # One search asks several times: for each table, for the marks, for the gate.
    found = tuple(dict.fromkeys(words(text, language)))
    stop = STOPWORDS.get(language, frozenset())
    stems = {stem(word, language) for word in stop} | stop
    return tuple(word for word in found if word not in stems) or found


def standing(wanted: Collection[str], text: str, language: str) -> set[str]:
    """Those of the wanted index words that stand in a text, found without cutting all of it.

    A Chinese word stands where its characters do; of the others only those are stemmed that begin like a
    wanted one, because stemming is what cutting a text costs, and a stem begins like its word, but for accents.
    """
    folded = _folded(text)
    sought = set(wanted)
    found = {word for word in sought if HAN.match(word) and word in folded}
    found |= sought.intersection((*dates(folded), *document_numbers(folded)))
    beginnings = {word[:3].translate(_ACCENTS) for word in sought - found}
    for match in WORD.finditer(folded):
        piece = match.group()
        if not HAN.match(piece) and (not piece.isalnum() or piece[:3].translate(_ACCENTS) in beginnings):
            found |= sought.intersection(_cut(piece, language))
    return found


def _folded(text: str) -> str:
    """The text as words are cut from it: one width, one case, one of the two Chinese scripts."""
    return simplified(unicodedata.normalize("NFKC", text).lower())


def dates(folded: str) -> Iterator[str]:
    """Date tokens of a text as it is folded: the day (dYYYYMMDD) if one is given, and the month."""
    for pattern in DATES:
        for match in pattern.finditer(folded):
            found = match.groupdict()
            month = int(found["m"]) if found.get("m") else MONTH_NUMBERS[found["name"]]
            if 1 <= month <= 12:
                yield f"d{found['y']}{month:02d}"
                if found.get("d") and 1 <= int(found["d"]) <= 31:
                    yield f"d{found['y']}{month:02d}{int(found['d']):02d}"


def stem(word: str, language: str) -> str:
    """The Snowball stem of an English or German word; other words as they are."""
    if language not in ("en", "de") or not word.isalpha():
        return word
    return _stem(word, language)


@lru_cache(maxsize=65536)
def _stem(word: str, language: str) -> str:
    # A stemmer keeps its word in itself: two threads in one would mix theirs.
    with _STEMMING:
        return str(_stemmer(language).stemWord(word))


@lru_cache
def _stemmer(language: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer({"en": "english", "de": "german"}[language])


@lru_cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    cutter = jieba.Tokenizer()
    # jieba's own cache lies in a folder that every user of the machine can write.
    folder = user_cache_path("lagebild", ensure_exists=True)
    cutter.tmp_dir = str(folder)
    return cutter


def cut(text: str) -> list[str]:
    """A Chinese text as the words it is made of, in order, nothing left out."""
    return list(_jieba().cut(text))


def named_in_chinese(text: str) -> Iterator[tuple[int, int]]:
    """Spans of names of people, firms and places in Chinese text, as far as a tagger of words tells them."""
    for match in _FIRM.finditer(text):
        yield match.start("name"), match.end()
    at = 0
    surname: int | None = None
    for word, kind in _tagged(text):
        end = at + len(word)
        if surname is not None and len(word) <= 2 and HAN.match(word) and kind not in _BETWEEN:
            # The tagger cuts rare names after the surname: 崔 永年.
            yield surname, end
        surname = at if len(word) == 1 and kind in _PERSONAL and word not in _NO_SURNAME else None
        if kind in (*_PERSONAL, "ns") and len(word) > 1 and HAN.match(word):
            yield at, end
        at = end


def behind_in_chinese(text: str) -> Iterator[tuple[int, int]]:
    """Spans of Chinese words that stand behind what they place in time or space (会后, 上线前), none inside a word."""
    at = 0
    for word, kind in _tagged(text):
        if kind == "f" or word in ("起", "止"):
            yield at, at + len(word)
        at += len(word)


@lru_cache(maxsize=2048)
def _tagged(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((pair.word, pair.flag) for pair in _tagger().cut(text))


@lru_cache
def _tagger() -> Any:
    from jieba.posseg import POSTokenizer

    return POSTokenizer(_jieba())


def _cut(folded: str, language: str) -> Iterator[str]:
    for match in WORD.finditer(folded):
        found = match.group()
        if HAN.match(found):
            yield from (word for word in _jieba().cut_for_search(found) if word.strip())
            continue
        yield stem(found, language)
        if not found.isalnum():
            yield from (stem(part, language) for part in re.split(r"[._-]", found) if len(part) > 1)
            if any(map(str.isdigit, found)) and any(map(str.isalpha, found)):
                # A model's name is written GPT-4o and GPT4o.
                yield re.sub(r"[._-]", "", found)
