"""What the head of a GGUF file says of the model in it, read without loading the model."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kb.errors import ModelUnavailable

MAGIC = b"GGUF"
LIMIT = 1 << 20
"""No key or text in a head is longer than this, in bytes; templates have some 10 kB."""

# type number: struct format; 8 is a text, 9 an array.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, ARRAY = 8, 9

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Head:
    """What a GGUF file is. `size` is in bytes, `context` in tokens; 0 or "" where it is not said.

    `cache` is what the KV cache needs for one token of context, in bytes, at 16 bits.
    """

    size: int
    architecture: str
    name: str
    context: int
    cache: int


def read_head(path: Path) -> Head:
    """The head of the GGUF file at `path`. Raises ModelUnavailable when it is not one."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            values = _values(file)
    except OSError as error:
        raise ModelUnavailable(f"{path.name} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, struct.error) as error:
        raise ModelUnavailable(f"{path.name} is not a whole GGUF file ({error}); download it again") from error
    kind = str(values.get("general.architecture", ""))

    def number(key: str, default: int = 0) -> int:
        value = values.get(f"{kind}.{key}", default)
        return value if isinstance(value, int) else default

    heads = number("attention.head_count")
    width = number("embedding_length") // heads if heads else 0
    length = number("attention.key_length", width) + number("attention.value_length", width)
    return Head(
        size=size,
        architecture=kind,
        name=str(values.get("general.name", "")),
        context=number("context_length"),
        cache=2 * number("block_count") * number("attention.head_count_kv", heads) * length,
    )


def _values(file: BinaryIO) -> dict[str, Value]:
    if (magic := file.read(4)) != MAGIC:
        raise ValueError(f"it begins with {magic!r}")
    version, _tensors, count = _unpack(file, "IQQ")
    if version not in (2, 3):
        raise ValueError(f"its version is {version}")
    if count > 10_000:
        raise ValueError(f"it claims {count} keys")
    values: dict[str, Value] = {}
    for _ in range(count):
        key = _text(file)
        value = _value(file, _unpack(file, "I")[0])
        if value is not None:
            values[key] = value
        # Token lists follow in arrays of 100,000 entries; what is wanted stands before them.
        elif key.startswith("tokenizer."):
            break
    return values


def _value(file: BinaryIO, kind: int) -> Value | None:
    """The next value, or None for an array, which is skipped as far as that needs no reading."""
    if kind == TEXT:
        return _text(file)
    if kind == ARRAY:
        inner, count = _unpack(file, "IQ")
        if inner in SCALARS:
            file.seek(count * struct.calcsize("<" + SCALARS[inner]), 1)
        elif inner == TEXT and count <= 1000:
            for _ in range(count):
                _text(file)
        return None
    if kind not in SCALARS:
        raise ValueError(f"a value of unknown type {kind}")
    value: Value = _unpack(file, SCALARS[kind])[0]
    return value


def _text(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    if length > LIMIT:
        raise ValueError(f"a text of {length} bytes")
    return _exactly(file, length).decode("utf-8", "replace")


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack("<" + form, _exactly(file, struct.calcsize("<" + form)))


def _exactly(file: BinaryIO, length: int) -> bytes:
    block = file.read(length)
    if len(block) < length:
        raise ValueError(f"it ends within its head, after {file.tell()} bytes")
    return block
