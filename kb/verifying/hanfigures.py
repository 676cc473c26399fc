"""The figures that Chinese writes in its own numerals: 一亿五千万, 两成半, 百分之十五, 十四五."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kb.verifying.measures import Figure, hedge_at, make
from kb.verifying.numerals import HAN_NUMERAL, HAN_SCALES, from_han

_HAN = re.compile(
    rf"百分之(?P<percent>[{HAN_NUMERAL}点]+)|(?P<tenths>[{HAN_NUMERAL}])成(?P<half>[{HAN_NUMERAL}半]?)(?!为|功|立|本|员|果|就|长|都|交|型|分|绩)"
    rf"|(?P<of>[{HAN_NUMERAL}]+)分之(?P<part>[{HAN_NUMERAL}]+)|(?P<digits>第?[{HAN_NUMERAL}]+(?:点[{HAN_NUMERAL}]+)?(?:[万亿]+[{HAN_NUMERAL}]*)*)"
)
_PLAN = re.compile(
    r"(?<![一二三四五六七八九])(?P<n>十[一二三四五六七八]?)五(?![十百千万亿年月日个家名项种天])(?=规划|时期|计划|期间|末|[”」』\"']|$|，)"
)
"""十四五: the fourteenth five-year plan."""

_NO_COUNT = re.compile(
    r"一[些样起直般旦定致律再度向]|[前上后头]一[年月周天日]|十分(?!之)|百般|千万不|万一|第一|一[方系]|两[国岸者会]|三[星方]|四[川]|[统唯单同专之]一|五角|百度|千问|一带一路|进一步|十足"
)
_HAN_COUNTED = re.compile(
    r"[家个名项种款座份条倍亿万元年天周月日轮次颗枚块片台人位件批起国部所只笔章号届期级层例小大多余成分城省]"
)


def han_figures(text: str) -> Iterator[Figure]:
    """The figures in Chinese numerals, in order of kind."""
    for match in _PLAN.finditer(text):
        yield Figure(match.start(), match.end(), float(from_han(match["n"]) or 0), frozenset(), "ordinal")
    for match in _HAN.finditer(text):
        if match["percent"]:
            value = from_han(match["percent"])
            if value is not None:
                yield Figure(
                    match.start(),
                    match.end(),
                    value,
                    frozenset({"percent"}),
                    hedge=hedge_at(text, match.start(), match.end()),
                )
        elif match["tenths"]:
            value = from_han(match["tenths"])
            rest = match["half"]
            more = 5.0 if rest == "半" else (from_han(rest) or 0.0 if rest else 0.0)
            if value:
                yield Figure(
                    match.start(),
                    match.end(),
                    value * 10 + more,
                    frozenset({"percent"}),
                    hedge=hedge_at(text, match.start(), match.end()),
                )
        elif match["of"]:
            whole, part = from_han(match["of"]), from_han(match["part"])
            if whole and part:
                yield Figure(match.start(), match.end(), 100 * part / whole, frozenset({"percent"}))
        elif figure := _han_count(text, match):
            yield figure
    for match in re.finditer(r"一半|半数|过半", text):
        yield Figure(
            match.start(), match.end(), 50.0, frozenset({"percent"}), hedge="over" if match.group() == "过半" else ""
        )
    for match in re.finditer(r"翻了?一?[番倍]|翻倍|(?:增加|增长|提高|扩大|上升|多)了?一倍", text):
        yield Figure(match.start(), match.end(), 2.0, frozenset({"times"}))


def _han_count(text: str, match: re.Match[str]) -> Figure | None:
    written = match["digits"]
    start, end = match.span("digits")
    if written.startswith("第") or _NO_COUNT.match(text, start) or _NO_COUNT.match(text, max(0, start - 1)):
        return None
    parts = re.findall(rf"([{HAN_NUMERAL}点]*)([万亿]*)", written)
    value = 0.0
    for number, scales in parts:
        if not number and not scales:
            continue
        piece = from_han(number) if number else 1.0
        if piece is None:
            return None
        for scale in scales:
            piece *= HAN_SCALES[scale]
        value += piece
    scaled = any(scale in written for scale in "万亿")
    following = text[end : end + 1]
    if not scaled and (len(written) < 2 or value < 10) and not _HAN_COUNTED.match(following):
        return None
    figure = make(text, start, end, value, scaled=scaled, language="zh")
    small = value < 4 and not scaled and not figure.measured
    return replace(figure, kind="small") if small else figure
