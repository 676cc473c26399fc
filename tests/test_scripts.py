"""One value written in the manner of each language is one value, and another one is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.verifying import dates
from kb.verifying.agreement import same_unit, same_value
from kb.verifying.figures import Figure
from kb.verifying.reading import read

EN_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DE_MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]
CURRENCIES = {"usd": ("dollars", "Dollar", "美元"), "eur": ("euros", "Euro", "欧元"), "cny": ("yuan", "Yuan", "元")}


def grouped(value: int, mark: str) -> str:
    return f"{value:,}".replace(",", mark)


def decimal(tenths: int, mark: str) -> str:
    """A number of tenths with its decimal mark, "15" as 1.5 and "20" as 2."""
    whole, rest = divmod(tenths, 10)
    return f"{whole}{mark}{rest}" if rest else str(whole)


def millions(tenths: int) -> tuple[str, ...]:
    """So many tenths of a million, in all manners."""
    wan = tenths * 10
    han = f"{wan}万" if wan < 10_000 else f"{decimal_of(wan)}亿"
    return (
        f"{decimal(tenths, '.')} million",
        f"{decimal(tenths, ',')} Millionen",
        f"{decimal(tenths, ',')} Mio.",
        grouped(tenths * 100_000, ","),
        grouped(tenths * 100_000, "."),
        han,
    )


def decimal_of(wan: int) -> str:
    """Units of ten thousand as a decimal number of hundred millions, without trailing zeros."""
    return f"{wan / 10_000:.4f}".rstrip("0").rstrip(".")


def billions(tenths: int) -> tuple[str, ...]:
    return (
        f"{decimal(tenths, '.')} billion",
        f"{decimal(tenths, '.')}bn",
        f"{decimal(tenths, ',')} Milliarden",
        f"{decimal(tenths, ',')} Mrd.",
        f"{tenths}亿",
    )


def only(text: str) -> Figure:
    (figure,) = read(text).figures
    return figure


@given(st.integers(10, 99_999))
@settings(max_examples=60, deadline=None)
def test_millions_are_read_alike_in_all_manners(tenths: int) -> None:
    english, german, short, comma, stop, han = millions(tenths)
    texts = [
        f"The company paid {english} to the authority for this.",
        f"Das Unternehmen zahlte dafür {german} an die Behörde.",
        f"Das Unternehmen zahlte dafür {short} an die Behörde.",
        f"The company paid {comma} to the authority for this.",
        f"Das Unternehmen zahlte dafür {stop} an die Behörde.",
        f"该公司支付了{han}。",
    ]
    assert {round(only(text).value) for text in texts} == {tenths * 100_000}


@given(st.integers(1, 9_999), st.sampled_from(sorted(CURRENCIES)))
@settings(max_examples=60, deadline=None)
def test_money_in_billions_is_read_alike_and_tenfold_is_not(tenths: int, currency: str) -> None:
    english, short, german, mrd, han = billions(tenths)
    names = CURRENCIES[currency]
    texts = [
        f"The company paid {english} {names[0]} to the authority.",
        f"The company paid {short} {names[0]} to the authority.",
        f"Das Unternehmen zahlte {german} {names[1]} an die Behörde.",
        f"Das Unternehmen zahlte {mrd} {names[1]} an die Behörde.",
        f"该公司支付了{han}{names[2]}。",
    ]
    figures = [only(text) for text in texts]
    assert {round(figure.value) for figure in figures} == {tenths * 100_000_000}
    assert {figure.units for figure in figures} == {frozenset({currency})}
    tenfold = only(f"该公司支付了{tenths * 10}亿{names[2]}。")
    assert not any(same_value(figure, tenfold) for figure in figures)
    other = next(name for name in CURRENCIES if name != currency)
    swapped = only(f"The company paid {english} {CURRENCIES[other][0]} to the authority.")
    assert not any(same_unit(figure, swapped) for figure in figures)


@given(st.integers(1, 99))
@settings(max_examples=40, deadline=None)
def test_percent_and_points_are_read_alike_and_apart(value: int) -> None:
    percent = [f"{value} percent", f"{value}%", f"{value} Prozent", f"百分之{han_number(value)}"]
    points = [f"{value} percentage points", f"{value} Prozentpunkte", f"{value}个百分点"]
    read_percent, read_points = ([only(text) for text in texts] for texts in (percent, points))
    assert {(figure.value, figure.units) for figure in read_percent} == {(value, frozenset({"percent"}))}
    assert {(figure.value, figure.units) for figure in read_points} == {(value, frozenset({"points"}))}
    assert not same_unit(read_percent[0], read_points[0])


def han_number(value: int) -> str:
    digits = "零一二三四五六七八九"
    tens, ones = divmod(value, 10)
    ten = "" if not tens else "十" if tens == 1 else f"{digits[tens]}十"
    return f"{ten}{digits[ones] if ones or not tens else ''}"


@given(st.integers(1, 9))
@settings(max_examples=9, deadline=None)
def test_tenths_are_percent(value: int) -> None:
    figure = only(f"约{han_number(value)}成的企业")
    assert (figure.value, figure.units) == (value * 10, frozenset({"percent"}))


@given(st.dates(date(2000, 1, 1), date(2030, 12, 31)))
@settings(max_examples=80, deadline=None)
def test_a_day_is_read_alike_in_all_manners(day: date) -> None:
    english, german = EN_MONTHS[day.month - 1], DE_MONTHS[day.month - 1]
    texts = [
        f"The rule took effect on {day.day} {english} {day.year}.",
        f"The rule took effect on {english} {day.day}, {day.year}.",
        f"Die Regel gilt seit dem {day.day}. {german} {day.year}.",
        f"Die Regel gilt seit dem {day.day}.{day.month}.{day.year}.",
        f"The rule took effect on {day.isoformat()}.",
        f"该规定自{day.year}年{day.month}月{day.day}日起施行。",
    ]
    readings = [read(text) for text in texts]
    for claim in readings:
        (wanted,) = claim.days
        assert (wanted.year, wanted.month, wanted.day) == (day.year, day.month, day.day)
        assert all(dates.carries(evidence.days, wanted) for evidence in readings)
    later = date.fromordinal(day.toordinal() + 1)
    (other,) = read(f"该规定自{later.year}年{later.month}月{later.day}日起施行。").days
    assert not any(dates.carries(evidence.days, other) for evidence in readings)


@given(st.integers(1, 4), st.integers(2010, 2030))
@settings(max_examples=30, deadline=None)
def test_a_quarter_is_read_alike_in_all_manners(quarter: int, year: int) -> None:
    ordinal = ("first", "second", "third", "fourth")[quarter - 1]
    german = ("ersten", "zweiten", "dritten", "vierten")[quarter - 1]
    texts = [
        f"Sales fell in Q{quarter} {year}.",
        f"Sales fell in the {ordinal} quarter of {year}.",
        f"Der Absatz sank im {german} Quartal {year}.",
        f"{year}年第{'一二三四'[quarter - 1]}季度销量下降。",
    ]
    assert {(day.year, day.quarter) for text in texts for day in read(text).days} == {(year, quarter)}


@pytest.mark.parametrize("texts", [("十四五规划", "14. Fünfjahresplan", "14th Five-Year Plan", "第十四个五年规划")])
def test_a_five_year_plan_keeps_its_number(texts: tuple[str, ...]) -> None:
    assert {only(text).value for text in texts} == {14}
