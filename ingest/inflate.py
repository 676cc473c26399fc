"""Content codings, undone within bounds: a small download never becomes a large memory."""

from __future__ import annotations

import zlib

from ingest.policy import FetchPolicy, Reason
from kb.errors import CollectError

OFFERED = "gzip, deflate"
"""br and zstd are not offered: their Python bindings give no bound on the output of one call."""

STEP = 65_536
MEMBERS = 1_000
"""More gzip members than this in one body are an attack: each costs a fresh window and a copy."""


class Inflater:
    """Undoes one content coding chunk by chunk, and counts.

    Raises CollectError: bad_encoding for a coding that was not offered or data that is not in it,
    too_large and bomb when a limit of the policy is passed.
    """

    def __init__(self, encoding: str, policy: FetchPolicy) -> None:
        self._coding = _coding(encoding)
        self._policy = policy
        self._out = bytearray()
        self._wire = 0
        self._members = 0
        self._head = b""
        self._engine: zlib._Decompress | None = None

    @property
    def size(self) -> int:
        return len(self._out)

    def feed(self, data: bytes) -> None:
        """Take one chunk as it came from the wire."""
        self._wire += len(data)
        if self._wire > self._policy.wire_bytes:
            raise CollectError(Reason.TOO_LARGE, f"more than {self._policy.wire_bytes:,} bytes were sent")
        if self._coding == "identity":
            self._keep(data)
            return
        try:
            self._inflate(data)
        except zlib.error as error:
            raise CollectError(Reason.BAD_ENCODING, f"the body is not {self._coding} as announced: {error}") from error

    def finish(self) -> bytes:
        """The whole decoded body; bad_encoding if the compressed data stopped in the middle."""
        if self._coding != "identity" and self._wire and not (self._engine and self._engine.eof):
            raise CollectError(Reason.BAD_ENCODING, f"the {self._coding} body stops in the middle", retry=True)
        return self.taken()

    def taken(self) -> bytes:
        """What was decoded so far."""
        return bytes(self._out)

    def _inflate(self, data: bytes) -> None:
        data, self._head = self._head + data, b""
        while data:
            if self._engine is None or self._engine.eof:
                if len(data) < 2:
                    self._head = data
                    return
                # After the first member only another gzip member counts; some servers pad with zeros.
                if self._engine is not None and not (self._coding == "gzip" and data.startswith(b"\x1f\x8b")):
                    return
                self._engine = self._fresh(data)
            engine = self._engine
            self._keep(engine.decompress(data, STEP))
            # At the end of a member `unconsumed_tail` is stale; what follows is in `unused_data`.
            while not engine.eof and (tail := engine.unconsumed_tail):
                self._keep(engine.decompress(tail, STEP))
            while not engine.eof and (more := engine.decompress(b"", STEP)):
                self._keep(more)
            data = engine.unused_data

    def _fresh(self, data: bytes) -> zlib._Decompress:
        self._members += 1
        if self._members > MEMBERS:
            raise CollectError(Reason.BOMB, f"the body has more than {MEMBERS:,} gzip members")
        if self._coding == "gzip":
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        # "deflate" means zlib data (RFC 9110), but some servers send it without the zlib header.
        wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(wbits=zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)

    def _keep(self, data: bytes) -> None:
        self._out += data
        size = len(self._out)
        if size > self._policy.ratio_from and size > self._policy.ratio * self._wire:
            raise CollectError(
                Reason.BOMB, f"{self._wire:,} bytes unpack to more than {size:,}: a decompression bomb, not read on"
            )
        if size > self._policy.decoded_bytes:
            raise CollectError(Reason.TOO_LARGE, f"the body unpacks to more than {self._policy.decoded_bytes:,} bytes")


def gunzip(data: bytes, policy: FetchPolicy) -> bytes:
    """A gzip file (a sitemap.xml.gz) unpacked within the limits of the policy. Raises as `Inflater`."""
    inflater = Inflater("gzip", policy)
    inflater.feed(data)
    return inflater.finish()


def _coding(encoding: str) -> str:
    codings = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if not codings:
        return "identity"
    if codings in (["gzip"], ["x-gzip"]):
        return "gzip"
    if codings == ["deflate"]:
        return "deflate"
    raise CollectError(Reason.BAD_ENCODING, f"the server answered in {encoding[:40]!r}; only {OFFERED} was offered")
