"""A server on loopback that speaks every provider's dialect, as strictly as its vendor documents it.

    with FakeProviders() as fake:
        registry = fake.registry()                    # the shipped one, its addresses pointed here
        fake.script("qwen", error(402, {...}))        # the next reply; without one the dialect answers
        ...
        fake.requests                                 # everything that came, bodies parsed

A provider's paths stand under its id and endpoint: http://127.0.0.1:PORT/qwen/mainland/compatible-mode/v1.
What it refuses (temperature 0, penalties, a wrong key, words of a list) it refuses with its own error shape.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import tomllib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pytest

from kb.providers import CallFailed, Chat, Completion, Failure, Message, Timing, open_chat
from kb.providers.registry import FILE, Registry, overlaid, parse
from kb.settings import DATA

SAMPLES = Path(__file__).parent / "data" / "provider_samples.toml"
ANSWER = "The block began on 9 July 2024 [1]. Baidu and Alibaba offered free tokens [2]."
THOUGHT = "The first passage has the date."

REASONS_IN = {"sensenova": "reasoning", "stepfun": "reasoning"}
NO_USAGE_IN_STREAM = {"yi", "baichuan", "zhipu"}
OPEN = {"ollama", "vllm", "llamacpp", "xinference", "lmstudio", "local"}
"""Local servers, which ask for no key."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is torn down here, without an end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so many seconds, or until the client is gone."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is sent until `released` is set, or the client is gone: a test that looks meanwhile races nobody."""

    released: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire: pieces are sent one by one, each in a TCP segment of its own."""

    status: int = 200
    pieces: Sequence[bytes | Cut | Pause | Hold] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are lower case."""

    provider: str
    endpoint: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


def error(status: int, body: object, **headers: str) -> Reply:
    """An error reply; `body` is a text as it stands, or an object to write as JSON."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, [text.encode()], {"Content-Type": "application/json"} | named)


def events(*pieces: bytes | str | dict[str, Any] | Cut | Pause | Hold) -> Reply:
    """An event stream: objects become events, texts and bytes go as they are."""
    lines: list[bytes | Cut | Pause | Hold] = []
    for piece in pieces:
        if isinstance(piece, dict):
            lines.append(b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\n\n")
        else:
            lines.append(piece.encode() if isinstance(piece, str) else piece)
    return Reply(200, lines, {"Content-Type": "text/event-stream"})


def chunk(text: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a stream in the common shape."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta | more.pop("delta", {}), "finish_reason": more.pop("finish_reason", None)}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]} | more


def samples() -> list[dict[str, Any]]:
    """The error replies that vendors sent or document."""
    return list(tomllib.loads(SAMPLES.read_text(encoding="utf-8"))["samples"])


def key_of(provider: str) -> str:
    """The key this server accepts for a provider, in that vendor's own shape."""
    shapes = {
        "qianfan": "bce-v3/ALTAK-planted0qianfan/0123456789abcdef0123456789abcdef01234567",
        "zhipu": "0123456789abcdef0123456789abcdef.plantedZhipuKey1",
        "spark": "plantedSparkPassword:c2VjcmV0LXNwYXJr",
        "modelscope": "ms-planted0-0000-4000-8000-modelscope01",
    }
    return shapes.get(provider, f"sk-planted-{provider}-0123456789abcdef")


class FakeProviders:
    """The server, its scripts and its records."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self.blocked: dict[str, set[str]] = defaultdict(set)
        self.answer: Callable[[Request], str] = lambda request: ANSWER
        self.thought: dict[str, str] = {}
        self.gone = threading.Event()
        self._shipped = tomllib.loads((DATA / FILE).read_text(encoding="utf-8"))
        self._lock = threading.Lock()

    def __enter__(self) -> FakeProviders:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                fake._serve(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients that hang up are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def script(self, provider: str, *replies: Reply) -> None:
        """The next replies of a provider, in order."""
        self.scripts[provider].extend(replies)

    def url(self, provider: str, endpoint: str, real: str) -> str:
        return f"http://127.0.0.1:{self.port}/{provider}/{endpoint}{urlsplit(real).path}"

    def registry(self, over: Mapping[str, object] | None = None) -> Registry:
        """The shipped registry with every usable address pointed at this server; `over` is laid on top."""
        pointed = {}
        for id, entry in self._shipped["providers"].items():
            rows = [
                {"id": row["id"], "url": self.url(id, row["id"], row["url"])}
                for row in entry["endpoints"]
                if "{" not in row["url"]
            ]
            pointed[id] = {"endpoints": rows} if rows else {}
            if "rerank" in entry and entry["rerank"].get("url"):
                pointed[id]["rerank"] = {"url": self.url(id, "rerank", entry["rerank"]["url"])}
        raw = overlaid(overlaid(self._shipped, {"providers": pointed}), over or {})
        return parse(raw, "the fake registry")

    def env(self) -> dict[str, str]:
        """An environment with a good key for everyone."""
        found = {}
        for id, entry in self._shipped["providers"].items():
            names = entry.get("auth", {}).get("env", [])
            if names and id not in OPEN:
                found[names[0]] = key_of(id)
        return found

    def asked(self, provider: str) -> list[Request]:
        return [each for each in self.requests if each.provider == provider]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        parts = urlsplit(handler.path).path.split("/", 3)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = json.loads(raw) if raw else {}
        request = Request(parts[1], parts[2], "/" + parts[3], headers, body)
        with self._lock:
            self.requests.append(request)
            scripted = self.scripts[request.provider]
            reply = scripted.popleft() if scripted else None
        _send(handler, reply or self._speak(request), self.gone)

    def _speak(self, request: Request) -> Reply:
        entry = self._shipped["providers"].get(request.provider)
        real = next((e["url"] for e in entry["endpoints"] if e["id"] == request.endpoint), "") if entry else ""
        if entry is None or (request.endpoint != "rerank" and not request.path.startswith(urlsplit(real).path + "/")):
            return error(404, {"error": {"message": f"no such path {request.path}"}})
        if request.provider not in OPEN and (refused := _wrong_key(request)):
            return refused
        if request.path.endswith("/models"):
            return error(200, {"object": "list", "data": [{"id": row["id"]} for row in entry.get("models", [])]})
        if request.path.endswith("/embeddings"):
            return _embeddings(request)
        if request.endpoint == "rerank":
            return _rerank(request)
        if refused := refusal(request.provider, request.body):
            return refused
        said = " ".join(str(message["content"]) for message in request.body["messages"])
        if any(word in said for word in self.blocked[request.provider]):
            return block(request.provider)
        return success(request, self.answer(request), self.thought.get(request.provider, ""))


def _wrong_key(request: Request) -> Reply | None:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if given == key_of(request.provider):
        return None
    shapes: dict[str, Reply] = {
        "deepseek": error(
            401,
            {
                "error": {
                    "message": f"Authentication Fails, Your api key: ****{given[-4:]} is invalid",
                    "type": "authentication_error",
                    "param": None,
                    "code": "invalid_request_error",
                }
            },
        ),
        "siliconflow": error(401, '"Invalid token"'),
        "spark": error(401, {"message": "Unauthorized"}),
        "minimax": error(
            200, {"id": "x", "choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}
        ),
        "zhipu": error(401, {"error": {"code": "1000", "message": "身份验证失败"}}),
        "qianfan": error(
            401, {"error": {"code": "invalid_iam_token", "message": "IAM token is invalid", "type": "x"}, "id": "as-1"}
        ),
        "tencent": error(401, {"error": {"type": "authentication_error", "code": "401002", "message": "bad key"}}),
        "volcengine": error(
            401, {"error": {"code": "AuthenticationError", "message": "The API key is missing or invalid"}}
        ),
    }
    echo = {"error": {"message": f"Incorrect API key provided: {given}", "type": "incorrect_api_key_error"}}
    return shapes.get(request.provider, error(401, echo))


def refusal(provider: str, body: Mapping[str, Any]) -> Reply | None:
    """What a vendor answers to a request it does not take, or None if it takes it."""
    warmth = body.get("temperature")
    too_cold = warmth is not None and warmth <= 0 and provider in {"qianfan", "minimax", "spark"}
    most = {"zhipu": 1, "baichuan": 1, "qianfan": 1, "spark": 1, "mimo": 1.5, "sensenova": 2}.get(provider, 2)
    too_hot = warmth is not None and (warmth > most or (provider == "qwen" and warmth >= 2))
    if too_cold or too_hot:
        return _invalid(provider, f"invalid temperature, got {warmth}")
    if provider == "moonshot":
        for name in ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty", "max_tokens"):
            if name in body:
                return _invalid(provider, f"invalid {name}: it is fixed for this model")
        if any(each["role"] == "assistant" and not each["content"] for each in body["messages"]):
            return _invalid(provider, "message content must not be empty")
    penalties = {"frequency_penalty", "presence_penalty"} & body.keys()
    if penalties and provider in {"tencent", "zhipu", "minimax", "qwen"}:
        return _invalid(provider, f"unknown parameter {sorted(penalties)[0]}")
    if provider == "sensenova" and isinstance(body.get("thinking"), dict):
        return _invalid(provider, "thinking should be a string")
    if provider == "sensenova" and body.get("max_tokens", 0) > 65536:
        return _invalid(provider, "max_tokens is above 65536")
    if provider == "spark" and body.get("max_tokens", 0) > 8192:
        return _invalid(provider, "max_tokens is above 8192")
    if provider == "zhipu" and body.get("model") == "glm-5.3" and body.get("thinking") == {"type": "disabled"}:
        return _invalid(provider, "this model always thinks")
    if provider == "qwen" and body.get("model") == "qwen3.8-max" and body.get("enable_thinking") is False:
        return _invalid(provider, "this model always thinks")
    if provider == "zhipu" and (body.get("response_format") or {}).get("type") == "json_schema":
        return _invalid(provider, "response_format json_schema is not supported")
    if provider == "modelscope" and any(not isinstance(each["content"], str) for each in body["messages"]):
        return error(400, {"errors": {"message": "content must be a string", "request_id": "x"}})
    return None


def _invalid(provider: str, message: str) -> Reply:
    if provider == "minimax":
        return error(200, {"id": "x", "choices": None, "base_resp": {"status_code": 2013, "status_msg": message}})
    if provider == "zhipu":
        return error(400, {"error": {"code": "1210", "message": message}})
    if provider == "sensenova":
        return error(400, {"error": {"type": "invalid_request_error", "code": "3", "message": message}})
    return error(400, {"error": {"message": message, "type": "invalid_request_error", "code": None, "param": None}})


def block(provider: str) -> Reply:
    """The content filter of a provider, in its own words where a sample of them is known."""
    for sample in samples():
        if sample["provider"] == provider and sample["expect"] == "content_blocked":
            return error(sample["status"], sample["body"])
    if provider == "qianfan":
        return error(403, {"error": {"code": "system_unsafe", "message": "the content is unsafe", "type": "x"}})
    if provider == "volcengine":
        return error(400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "blocked"}})
    return error(400, {"error": {"message": "the content was filtered", "type": "content_filter"}})


def success(request: Request, text: str, thought: str = "") -> Reply:
    """An answer in the provider's own shape, streamed if that was asked for."""
    provider, body = request.provider, request.body
    prompt = sum(len(str(message["content"])) for message in body["messages"]) // 4 + 1
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    if provider == "deepseek":
        usage["prompt_cache_hit_tokens"] = prompt // 2
    head: dict[str, Any] = {
        "id": "as-xyz" if provider == "qianfan" else "chatcmpl-1",
        "created": 1,
        "model": body["model"],
    }
    if provider == "sensenova":
        head["request_id"] = "req-sensenova-1"
    if provider == "minimax":
        head["base_resp"] = {"status_code": 0, "status_msg": ""}
    if provider == "spark":
        head = {"code": 0, "message": "Success", "sid": "cha000b-spark"}
    headers = {"X-Request-Id": "req-1"} if provider not in {"sensenova", "spark", "qianfan"} else {}
    if provider == "modelscope":
        headers |= {
            "modelscope-ratelimit-requests-remaining": "1895",
            "modelscope-ratelimit-model-requests-remaining": "477",
        }
    field_of_thought = REASONS_IN.get(provider, "reasoning_content")
    if not body.get("stream"):
        message = {"role": "assistant", "content": text} | ({field_of_thought: thought} if thought else {})
        choice = {"index": 0, "message": message} | ({} if provider == "spark" else {"finish_reason": "stop"})
        whole = head | {"object": "chat.completion", "choices": [choice], "usage": usage}
        return Reply(
            200, [json.dumps(whole, ensure_ascii=False).encode()], {"Content-Type": "application/json"} | headers
        )
    lines = list(_stream(provider, head, text, thought, field_of_thought, usage, body))
    return Reply(200, lines, {"Content-Type": "text/event-stream; charset=utf-8"} | headers)


def _stream(
    provider: str,
    head: Mapping[str, Any],
    text: str,
    thought: str,
    field_of_thought: str,
    usage: Mapping[str, Any],
    body: Mapping[str, Any],
) -> Iterator[bytes]:
    def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
        data = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        gap = "" if provider == "spark" else " "
        return f"data:{gap}{json.dumps(data, ensure_ascii=False)}\n\n".encode()

    if provider == "deepseek":
        yield b": keep-alive\n\n"
    yield event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    if thought:
        yield event([{"index": 0, "delta": {field_of_thought: thought}, "finish_reason": None}])
    for start in range(0, len(text), 9):
        delta = {"role": "assistant", "content": text[start : start + 9]}
        yield event([{"index": 0, "delta": delta} | ({} if provider == "spark" else {"finish_reason": None})])
    wanted = bool((body.get("stream_options") or {}).get("include_usage")) and provider not in NO_USAGE_IN_STREAM
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}
    if provider == "spark":
        yield event([{"index": 0, "delta": {"content": ""}}], usage=usage)
    elif provider == "moonshot":
        yield event([last | {"usage": usage}])
    else:
        yield event([last])
        if wanted:
            yield event([], usage=usage)
    yield b"data: [DONE]\n\n"


def _embeddings(request: Request) -> Reply:
    texts = request.body["input"] if isinstance(request.body["input"], list) else [request.body["input"]]
    most = {"qwen": 10, "zhipu": 64, "qianfan": 1 if request.body["model"] == "tao-8k" else 16, "baichuan": 16}
    if len(texts) > most.get(request.provider, 64):
        return _invalid(
            request.provider, f"batch size is invalid, it should not be larger than {most[request.provider]}"
        )
    size = request.body.get("dimensions") or 8
    rows = [
        {"object": "embedding", "index": n, "embedding": [float(len(text))] + [1.0] * (size - 1)}
        for n, text in enumerate(texts)
    ]
    reply = {
        "object": "list",
        "model": request.body["model"],
        "data": rows,
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    return Reply(200, [json.dumps(reply).encode()])


def _rerank(request: Request) -> Reply:
    words = set(str(request.body["query"]).lower().split())
    scored = [
        {"index": n, "relevance_score": len(words & set(text.lower().split())) / max(1, len(words))}
        for n, text in enumerate(request.body["documents"])
    ]
    ranked = sorted(scored, key=lambda row: -row["relevance_score"])[: request.body.get("top_n", len(scored))]
    return Reply(200, [json.dumps({"results": ranked, "usage": {"total_tokens": 9}}).encode()])


def _send(handler: BaseHTTPRequestHandler, reply: Reply, gone: threading.Event) -> None:
    """Writes the reply in HTTP chunks; a client that hangs up sets `gone`."""
    try:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in reply.pieces:
            if isinstance(piece, Cut):
                handler.close_connection = True
                handler.connection.shutdown(2)
                return
            if isinstance(piece, Pause):
                _wait(handler, piece.seconds)
                continue
            if isinstance(piece, Hold):
                _wait(handler, HELD, piece.released)
                continue
            if piece:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")
    except OSError:
        handler.close_connection = True
        gone.set()


HELD = 600
"""Seconds after which what a test forgot to release goes on."""


def _wait(handler: BaseHTTPRequestHandler, seconds: float, released: threading.Event | None = None) -> None:
    """Waits, but notices a client that hangs up and raises ConnectionResetError then."""
    until = time.monotonic() + seconds
    handler.connection.settimeout(0.02)
    while time.monotonic() < until and not (released and released.is_set()):
        try:
            if handler.connection.recv(1) == b"":
                raise ConnectionResetError("the client hung up")
        except TimeoutError:
            continue
    handler.connection.settimeout(None)


QUICK = Timing(connect=5, read=5, first_word=10, total=10, backoff=0.001)
ASK = [Message("system", "Answer from the passages."), Message("user", "When did the block begin?")]
WAYS = ("stream", "complete", "astream", "acomplete")
"""The four ways of asking."""


def chat_with(fake: FakeProviders, provider: str, **more: object) -> Chat:
    registry = fake.registry()
    if not registry[provider].default:
        more.setdefault("model", "loaded-model")
    return open_chat(registry, provider, env=fake.env(), timing=QUICK, **more)  # type: ignore[arg-type]


def ask(chat: Chat, way: str, messages: list[Message] = ASK) -> Completion:
    """The completion by one of the four ways of asking."""

    async def streamed() -> Completion:
        stream = chat.astream(messages, max_tokens=50)
        async for _ in stream:
            pass
        return stream.completion

    if way == "stream":
        stream = chat.stream(messages, max_tokens=50)
        for _ in stream:
            pass
        return stream.completion
    if way == "complete":
        return chat.complete(messages, max_tokens=50)
    return asyncio.run(streamed() if way == "astream" else chat.acomplete(messages, max_tokens=50))


def failure(chat: Chat, way: str) -> Failure:
    with pytest.raises(CallFailed) as caught:
        ask(chat, way)
    assert caught.value.outcome == str(caught.value.failure.outcome)
    assert caught.value.provider == chat.provider
    return caught.value.failure
