"""Markers: out of a stream, into numbers that resolve."""

from __future__ import annotations

import pytest

from kb.answer import citing
from kb.errors import BadCitation


@pytest.mark.parametrize(
    ("pieces", "shown", "bad"),
    [
        (["A fact [1]."], "A fact [1].", []),
        (["A ", "fact [", "1", "]."], "A fact [1].", []),
        (["Two [1, 2] and 【3】."], "Two [1][2] and [3].", []),
        (["Odd [9] one [1]."], "Odd  one [1].", [9]),
        (["An aside [sic] stays."], "An aside [sic] stays.", []),
        (["[a long bracket that is no marker at all] stays"], "[a long bracket that is no marker at all] stays", []),
        (["open [1"], "open [1", []),
    ],
)
def test_markers_are_normalised_as_they_stream(pieces: list[str], shown: str, bad: list[int]) -> None:
    markers = citing.Markers(3)
    text = "".join(markers.feed(piece) for piece in pieces) + markers.end()
    assert (text, markers.bad) == (shown, bad)


def test_a_marker_covers_the_uncited_sentences_before_it() -> None:
    text = "Baidu gave 50 million. Zhipu gave 150 million. [2] Tencent waited. [1]\nNobody knows more."
    assert citing.carried_back(text) == (
        "Baidu gave 50 million. [2] Zhipu gave 150 million. [2] Tencent waited. [1]\nNobody knows more."
    )


def test_a_paragraph_keeps_its_markers() -> None:
    text = "First.\nSecond. [1]"
    assert citing.carried_back(text) == text


def test_split_takes_the_markers_out() -> None:
    assert citing.split("Am 9. Juli 2024 [2][1].") == ("Am 9. Juli 2024.", (2, 1))


def test_a_number_that_was_not_shown_is_an_error() -> None:
    with pytest.raises(BadCitation, match="7"):
        citing.check([1, 7], 3)
