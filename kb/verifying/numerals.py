"""Numerals → values: digits with separators, number words in English and German, Chinese numerals."""

from __future__ import annotations

import re
from functools import cache

DIGITS = r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{1,2}(?!\d))?(?!\d)|\d+(?:[.,]\d+)?"
"""A number in digits: groups of three with any separator, or digits with one decimal mark."""

HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2, "俩": 2}
HAN_UNITS = {"十": 10, "百": 100, "千": 1_000}
HAN_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
HAN_NUMERAL = "零〇一二两兩三四五六七八九十百千"

_EN_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_EN_RANKS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_DE_SMALL = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_EN_UNITS, _EN_ORDINALS, _DE_UNITS = _EN_SMALL.split(), _EN_RANKS.split(), _DE_SMALL.split()
_EN_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DE_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]


def from_digits(written: str, language: str) -> float:
    """The value of digits with separators, read as `language` writes them: 1.500 is 1500 in German, 1.5 in English."""
    plain = written.replace(" ", "").replace("'", "")
    commas, stops = plain.count(","), plain.count(".")
    if commas and stops:
        decimal = max(",.", key=plain.rfind)
        other = "." if decimal == "," else ","
        plain = plain.replace(other, "").replace(decimal, "." if plain.count(decimal) == 1 else "")
    elif commas or stops:
        mark = "," if commas else "."
        grouped = re.fullmatch(rf"[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+", plain) is not None
        thousands = grouped and (plain.count(mark) > 1 or (mark == ".") == (language == "de"))
        plain = plain.replace(mark, "" if thousands else ".")
    return float(plain)


@cache
def words() -> dict[str, int]:
    """Number words of English and German below a thousand, the German ones written as one word."""
    found: dict[str, int] = {}
    for value, word in enumerate(_EN_UNITS):
        found[word] = value
    for ten, word in enumerate(_EN_TENS, 2):
        found[word] = ten * 10
        found |= {f"{word}-{_EN_UNITS[unit]}": ten * 10 + unit for unit in range(1, 10)}
    small = _german_below_hundred()
    found |= small
    for hundred in range(1, 10):
        stem = ("" if hundred == 1 else _DE_UNITS[hundred]) + "hundert"
        for joint in ("", "und"):
            found |= {stem + joint + word: hundred * 100 + value for word, value in small.items() if value}
        found[stem] = hundred * 100
    return found | {"einhundert": 100, "hundred": 100, "dozen": 12, "dutzend": 12, "both": 2, "beide": 2, "beiden": 2}


def _german_below_hundred() -> dict[str, int]:
    found = {word: value for value, word in enumerate(_DE_UNITS) if value != 1} | {"eins": 1, "dreissig": 30}
    for ten, word in enumerate(_DE_TENS, 2):
        found[word] = ten * 10
        found |= {_DE_UNITS[unit] + "und" + word: ten * 10 + unit for unit in range(1, 10)}
    return found


@cache
def ordinal_words() -> dict[str, int]:
    """Ordinals as words: "twelfth", "zwölfte" with its endings. The first is left out: it is seldom a number."""
    found = {word: value for value, word in enumerate(_EN_ORDINALS, 1)}
    irregular = {3: "dritt", 7: "siebt", 8: "acht"}
    for word, value in words().items():
        if 2 <= value <= 99 and (word in _german_below_hundred()):
            stem = irregular.get(value, word + ("t" if value < 20 else "st"))
            found |= {stem + ending: value for ending in ("e", "en", "er", "es", "em")}
    return {word: value for word, value in found.items() if value > 1}


def from_han(written: str) -> float | None:
    """The value of a Chinese numeral (三十五, 一百四十, 二〇二四, 一点五), or None if it is none."""
    if "点" in written:
        whole, _, rest = written.partition("点")
        value = from_han(whole)
        digits = [HAN_DIGITS.get(char) for char in rest]
        if value is None or not digits or None in digits:
            return None
        return float(f"{int(value)}." + "".join(str(digit) for digit in digits))
    if not written or any(char not in HAN_NUMERAL for char in written):
        return None
    if not any(char in HAN_UNITS for char in written):
        if len(written) == 1:
            return float(HAN_DIGITS[written])
        # Digit by digit, as years are written; 三四 ("three or four") is not a number.
        return float("".join(str(HAN_DIGITS[char]) for char in written)) if len(written) == 4 else None
    total, digit = 0, None
    for char in written:
        if char in HAN_DIGITS:
            digit = HAN_DIGITS[char]
        else:
            total += (1 if digit is None else digit) * HAN_UNITS[char]
            digit = None
    # 一百五 is a hundred and fifty.
    return float(total + (digit or 0))
