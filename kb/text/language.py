"""Which language a text is written in: scripts first, then words, then a statistical model.

Han, kana and hangul decide by themselves. Latin-script questions of a few words are the hard case: there the
function words and letters of a language count before the model, because the model's features need a sentence.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Protocol, cast

SAMPLE = 4_000
"""Characters looked at: enough to be sure, and bounded for a text of megabytes."""

SHORT = 60
"""Below this many letters a Latin text is judged by words before the model."""

CONFIDENT = 0.45
"""Share of the model's probability a language needs for a short text; below it the answer is "und"."""

NEWS_LANGUAGES = (
    "ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ka kk ko lt lv mn ms nl no pl pt ro ru sk sl sq "
    "sr sv sw ta th tl tr uk ur uz vi zh zu xh af"
)
"""What the model may answer; its rarer languages (Luxembourgish, Scots, creoles) only take from these."""

WESTERN = ("en", "de", "fr", "es", "it", "nl", "pt")
"""What a few Latin words may be; more languages would be guesses."""

_WORDS = {
    "en": "the of and to in is are was were what which who how why when does did do has have will for on with from by "
    "about against between after before latest over under that this it its not can export exports controls rules ban "
    "bans sanctions semiconductors tariffs news law act bill entity list policy technology trade licences licenses "
    "restrictions",
    "de": "der die das und zu im ist sind war was welche wer wie warum wann hat haben wird für auf mit von bei über "
    "gegen zwischen nach vor unter dass dies nicht kann ein eine einen einem sperrt verbietet exportkontrollen "
    "sanktionen verbot gesetz zölle halbleiter regierung handelskrieg exportregeln lizenzen nachrichten",
    "fr": "le la les des et est sont une du au aux pour dans sur avec que qui pas contre entre après",
    "es": "el los las y es son una del para en con que por contra entre según sobre",
    "it": "il lo gli e è sono una del della per con che contro tra sulla nel",
    "nl": "de het een en van is zijn voor op met niet dat tegen over naar wordt",
    "pt": "o os as e é são uma do da dos das para com que não contra entre sobre",
}
WORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
ENDINGS = {"de": re.compile(r".{3}(?:ung|ungen|keit|heit|schaft|krieg|kontrollen|verbot|gesetz|wirtschaft|regeln)$")}
"""How long German words end that no list can hold: Chipkrieg, Handelsbeschränkungen."""
LETTERS = {"de": "äöüß", "fr": "çèêœàûîë", "es": "ñ¿¡", "pt": "ãõ"}

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+")


class Identifier(Protocol):
    """What is used of py3langid: all languages by likelihood, best first."""

    def rank(self, text: str) -> list[tuple[str, float]]: ...


def detect(text: str) -> str:
    """The ISO 639-1 code of the language of `text`, or "und" when too little speaks for any.

    Works on questions of two words as on articles; names, numbers and addresses alone give "und".
    """
    sample = _NOISE.sub(" ", text[:SAMPLE])
    letters = [char for char in sample if char.isalpha()]
    if not letters:
        return "und"
    if (script := _by_script(sample, len(letters))) is not None:
        return script
    if len(letters) < SHORT and len(_LATIN.findall(sample)) > len(letters) / 2:
        return _short(sample)
    if len(letters) < 3:
        return "und"
    return _identifier().rank(sample)[0][0]


def _by_script(sample: str, letters: int) -> str | None:
    """Chinese, Japanese or Korean by their scripts. A Chinese sentence may hold many Latin names, hence the weight:
    a Han character says about as much as four Latin letters."""
    han, kana, hangul = (len(pattern.findall(sample)) for pattern in (_HAN, _KANA, _HANGUL))
    asian = han + kana + hangul
    if asian * 4 < letters - asian:
        return None
    if hangul > (han + kana) / 2:
        return "ko"
    # Japanese prose is a third to a half kana; Chinese news quotes a Japanese name at most.
    if kana > 0.1 * (han + kana):
        return "ja"
    return "zh" if han else None


def _short(sample: str) -> str:
    """The language of a few Latin words, from function words, letters and the model together."""
    words = [word for word in _WORD.findall(sample) if not (word.isupper() and len(word) > 1)]
    if not words:
        return "und"
    lower = [word.lower() for word in words]
    weights = dict.fromkeys(WESTERN, 1.0)
    # Most questions put to an English and German base are English or German.
    weights["en"], weights["de"] = 2.0, 1.6
    for language in WESTERN:
        hits = sum(word in WORDS[language] for word in lower)
        hits += any(char in LETTERS.get(language, "") for word in lower for char in word)
        if language in ENDINGS:
            hits += sum(ENDINGS[language].search(word) is not None for word in set(lower) - WORDS[language])
        weights[language] *= 8.0**hits
    likelihood = dict(_identifier().rank(" ".join(words)))
    scores = {language: weights[language] * (likelihood.get(language, 0.0) + 1e-3) for language in WESTERN}
    best = max(scores, key=scores.__getitem__)
    sure = scores[best] / sum(scores.values()) >= CONFIDENT
    spoken = max(weights.values()) > 2.0 or max(likelihood.get(language, 0.0) for language in WESTERN) > 0.15
    return best if sure and spoken else "und"


@cache
def _identifier() -> Identifier:
    # The model is unpacked in about a second: only when the first text needs it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(set(NEWS_LANGUAGES.split()) & set(identifier.labels))
    return cast(Identifier, identifier)
