"""What a text is made of, as a set of hashed character n-grams, and a short signature of that set.

Character n-grams survive what newsrooms do to a wire story (another headline, a sentence less, a word
changed) in any language; word cutters and clause hashes do not (a clause-based Simhash lost Chinese copies
with 3 % of the characters changed). The signature is MinHash with 128 permutations, of each minimum only the
lowest 8 bits kept (Li and König 2010): two signatures of 128 bytes tell the Jaccard likeness of the sets with
a standard error of at most 0.045, so that a window of articles is scanned whole and no copy slips through a bucket.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from kb.text.han import simplified

Shingles = npt.NDArray[np.uint64]
"""Sorted hashes of the n-grams of a text, each once."""

PERMUTATIONS = 128
LONGEST = 60_000
"""Characters of a text that are looked at; a book is told by its beginning."""

FEWEST = 40
"""Shingles below which a text is too short to tell a copy from a phrase; of Chinese ones half as many."""

HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_GAPS = re.compile(r"[\W_]+")
_BLOCK = 16
"""Permutations worked on at once: bounds the memory for long texts."""


def plain(text: str) -> str:
    """The letters and digits of a text in one form: compatibility forms, case and punctuation taken off."""
    return _GAPS.sub(" ", unicodedata.normalize("NFKC", text[:LONGEST]).casefold()).strip()


def shingle_size(text: str) -> int:
    """3 characters for Chinese, Japanese and Korean text, else 5; from the text itself, whatever it is labelled."""
    sample = text[:2000]
    return 3 if len(HAN.findall(sample)) * 4 > sum(map(str.isalpha, sample)) else 5


def shingles(text: str, size: int) -> Shingles:
    """The hashed n-grams of a text; Chinese in traditional characters has those of the simplified ones."""
    letters = plain(text)
    if size == 3:
        letters = simplified(letters.replace(" ", ""))
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = len(codes) - size + 1
    if count < 1:
        return np.empty(0, np.uint64)
    joined = np.zeros(count, np.uint64)
    for place in range(size):
        # A code point takes 21 bits; three stand side by side, more are mixed in between.
        joined = _mixed(joined) ^ codes[place : place + count] if place else codes[:count]
    return np.unique(_mixed(joined))


def enough(found: Shingles, size: int) -> bool:
    """Whether a text is long enough to be compared."""
    return len(found) >= (FEWEST if size == 5 else FEWEST // 2)


def signature(found: Shingles) -> npt.NDArray[np.uint8]:
    """The MinHash signature (128,) of a set that is not empty."""
    parts = []
    for start in range(0, PERMUTATIONS, _BLOCK):
        factors = _FACTORS[start : start + _BLOCK, None]
        parts.append(((found * factors) >> np.uint64(32)).min(axis=1))
    return (np.concatenate(parts) & np.uint64(0xFF)).astype(np.uint8)


def estimate(one: npt.NDArray[np.uint8], many: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The Jaccard likeness (n,) of a set to each of many (n, 128), from their signatures."""
    share = (many == one).mean(axis=1)
    # Of different minima, one in 256 agrees in its lowest 8 bits.
    return np.asarray((share - 1 / 256) / (1 - 1 / 256))


def overlap(one: Shingles, other: Shingles) -> tuple[float, float]:
    """How much two sets share: of both together (Jaccard), and of the smaller one."""
    shared = np.intersect1d(one, other, assume_unique=True).size
    return shared / (len(one) + len(other) - shared), shared / min(len(one), len(other))


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser: every bit of the input moves every bit of the result."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


_FACTORS = _mixed(np.arange(1, PERMUTATIONS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)
