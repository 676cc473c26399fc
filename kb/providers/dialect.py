"""Reading what providers send: errors in all their shapes, events of a stream, and what they carry.

Pure functions over parsed JSON, and one reader of event streams that works on bytes as they come. Everything is
turned into the one shape that the client library expects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from kb.providers.entries import Params
from kb.providers.keys import Secret, redact
from kb.providers.outcomes import ErrorReply

LONGEST_LINE = 8_000_000
"""Bytes of one line of a stream after which it is given up: nothing a model writes is that long."""

REQUEST_ID_HEADERS = ("x-request-id", "x-ds-trace-id", "x-tt-logid", "x-acs-request-id", "x-siliconcloud-trace-id")
REQUEST_ID_FIELDS = ("request_id", "requestId", "sid", "id")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as a provider reports them; `cached` is the part of `prompt` that its cache served."""

    prompt: int
    completion: int
    cached: int = 0


@dataclass(slots=True)
class Exchange:
    """What one HTTP request and its reply brought to light, filled in while they happen.

    What a vendor says is cleared of keys here, at the border: some of them echo the key they were sent.
    """

    known: frozenset[Secret] = field(default=frozenset(), repr=False)
    sent: bool = False
    status: int | None = None
    error: ErrorReply | None = None
    malformed: bool = False
    forbidden: str = ""
    retry_after: float | None = None
    request_id: str = ""
    finish_reason: str = ""
    usage: Tokens | None = None
    done: bool = False
    words: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def fail(self, reply: ErrorReply) -> None:
        """Keeps the first error: what follows it is noise."""
        if self.error is None:
            texts = (redact(text, self.known) for text in (reply.code, reply.type, reply.message))
            self.error = ErrorReply(reply.status, *texts)


def read_error(status: int, content: bytes) -> ErrorReply:
    """The error that a reply with an error status carries; its text if it is not JSON."""
    text = content.decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except ValueError:
        plain = "an HTML page" if text[:1] == "<" else text
        return ErrorReply(status, message=plain[:2000])
    return error_in(data, status) or ErrorReply(status, message=text[:2000])


def error_in(data: object, status: int = 200) -> ErrorReply | None:
    """The error inside a parsed reply or event, or None if it is none. `status` is the HTTP status it came with."""
    if isinstance(data, str):
        return ErrorReply(status, message=data[:2000])
    if not isinstance(data, Mapping):
        return None
    base = data.get("base_resp")
    if isinstance(base, Mapping) and _code(base.get("status_code")) not in ("", "0"):
        return _reply(status, base, code="status_code", message="status_msg")
    inner = data.get("error") or data.get("errors")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    if isinstance(inner, Mapping):
        found = _reply(status, inner)
        outer = _code(data.get("error_code"))
        return ErrorReply(status, found.code or outer, found.type, found.message)
    if inner:
        return ErrorReply(status, _code(data.get("code")), "", str(inner)[:2000])
    if _code(data.get("error_code")) not in ("", "0"):
        return _reply(status, data, code="error_code", message="error_msg")
    if data.get("object") == "error":
        return _reply(status, data)
    holds = any(data.get(key) for key in ("choices", "data", "results"))
    if _code(data.get("code")) not in ("", "0", "200") and not holds:
        return _reply(status, data)
    return _reply(status, data) if status >= 400 else None


def _reply(status: int, data: Mapping[str, object], *, code: str = "code", message: str = "message") -> ErrorReply:
    said = next((data[key] for key in (message, "message", "msg", "text", "detail") if data.get(key)), "")
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return ErrorReply(status, _code(data.get(code)), _code(data.get("type")), text[:2000])


def _code(value: object) -> str:
    """Codes are compared as text: some vendors send 400, some "400"."""
    return "" if value is None else str(value)


def read_tokens(usage: object) -> Tokens | None:
    """The tokens of an OpenAI-shaped usage object, None if it holds none."""
    if not isinstance(usage, Mapping) or not isinstance(usage.get("prompt_tokens"), int):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else usage.get("prompt_cache_hit_tokens")
    completion = usage.get("completion_tokens")
    return Tokens(
        usage["prompt_tokens"],
        completion if isinstance(completion, int) else 0,
        cached if isinstance(cached, int) else 0,
    )


def note(data: Mapping[str, object], exchange: Exchange, params: Params) -> None:
    """Writes what a successful reply or event says beside its text into `exchange`."""
    if not exchange.request_id:
        exchange.request_id = next((str(data[key]) for key in REQUEST_ID_FIELDS if data.get(key)), "")
    exchange.usage = read_tokens(data.get("usage")) or exchange.usage
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if not isinstance(choice, Mapping):
            continue
        exchange.usage = read_tokens(choice.get("usage")) or exchange.usage
        if reason := choice.get("finish_reason"):
            exchange.finish_reason = str(reason)
        if params.blocked_choice_field and choice.get(params.blocked_choice_field):
            exchange.finish_reason = params.blocked_finish_reasons[0]
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, Mapping) and any(said.get(key) for key in ("content", *params.reasoning_fields)):
            exchange.words = True


def as_chunk(data: Mapping[str, object], params: Params) -> dict[str, object]:
    """An event in the one shape the client library reads: a list of choices, each with a delta."""
    choices = []
    rows = data.get("choices")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, Mapping):
            continue
        said = row.get("delta") or row.get("message") or {}
        choices.append({"index": 0, **row, "delta": _said(said, params)})
    return {"id": "", "object": "chat.completion.chunk", "created": 0, "model": "", **data, "choices": choices}


def as_completion(data: Mapping[str, object], params: Params) -> dict[str, object] | None:
    """A whole reply in that shape, or None if there is no message in it."""
    rows = data.get("choices")
    choices = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping) and isinstance(row.get("message"), Mapping):
            choices.append({"index": 0, "finish_reason": None, **row, "message": _said(row["message"], params)})
    whole = {"id": "", "object": "chat.completion", "created": 0, "model": "", **data, "choices": choices}
    return whole if choices else None


def _said(said: object, params: Params) -> dict[str, object]:
    message: dict[str, object] = dict(said) if isinstance(said, Mapping) else {}
    message["role"] = message.get("role") or "assistant"
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, Mapping)]
        message["content"] = "".join(str(part) for part in parts)
    thinking = next((message[key] for key in params.reasoning_fields if message.get(key)), None)
    if thinking is not None:
        message["reasoning_content"] = thinking
    return message


class EventReader:
    """Reads server-sent events from bytes in any cut, and gives them back in one shape.

    Tolerates comments, blank lines, CRLF, `data:` without a blank, a missing [DONE]. An error in an event is kept
    in the exchange and passed on as {"error": …}; so is an event that is not JSON. `due` is asked at every line and
    may raise, so that a stream of nothing but comments does not live for ever.
    """

    def __init__(self, exchange: Exchange, params: Params, due: Callable[[], None] = lambda: None) -> None:
        self.exchange = exchange
        self.params = params
        self.due = due
        self._rest = bytearray()
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self.due()
        self._rest += chunk
        if b"\n" not in chunk:
            if len(self._rest) > LONGEST_LINE:
                self._rest.clear()
                yield self._broken("a line without an end")
            return
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            yield from self._line(bytes(line).rstrip(b"\r"))

    def finish(self) -> Iterator[bytes]:
        """What is left when the stream ends without a last blank line."""
        yield from self._line(bytes(self._rest))
        yield from self._line(b"")
        self._rest.clear()

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data:
                whole, self._data = b"\n".join(self._data), []
                yield from self._event(whole)
        elif line.startswith(b"data:"):
            data = line[5:].strip()
            # Some servers leave out the blank line between events: a whole object is an event.
            if self._data and data.startswith(b"{") and _is_json(b"\n".join(self._data)):
                whole, self._data = b"\n".join(self._data), []
                yield from self._event(whole)
            self._data.append(data)
        elif line.lstrip().startswith(b"{") and not self._data:
            # An error written into a stream without the frame of an event.
            self._data.append(line.strip())

    def _event(self, data: bytes) -> Iterator[bytes]:
        if self.exchange.error is not None:
            return
        if data == b"[DONE]":
            self.exchange.done = True
            yield b"data: [DONE]\n\n"
            return
        try:
            parsed = json.loads(data)
        except ValueError:
            yield self._broken("an event that is not JSON")
            return
        if error := error_in(parsed):
            yield self._failed(error)
        elif isinstance(parsed, Mapping):
            note(parsed, self.exchange, self.params)
            yield _framed(as_chunk(parsed, self.params))

    def _broken(self, what: str) -> bytes:
        self.exchange.malformed = True
        return self._failed(ErrorReply(200, message=f"the stream held {what}"))

    def _failed(self, error: ErrorReply) -> bytes:
        self.exchange.fail(error)
        return _framed(as_error(self.exchange))


def as_error(exchange: Exchange) -> dict[str, object]:
    """The error of an exchange in the one shape that the client library reads."""
    error = exchange.error or ErrorReply(0)
    return {"error": {"code": error.code, "type": error.type, "message": error.message or "error"}}


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _framed(data: Mapping[str, object]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
