"""One chat with one provider: LlamaIndex's OpenAILike over a transport of ours, built from a registry entry.

A call gives a `Completion` or raises `CallFailed` (a ProviderError). Retries are ours; nothing is tried again
once a word was shown. The key never reaches LlamaIndex or the OpenAI library: the transport adds it.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kb.errors import UsageError
from kb.providers.call import Ask, Call, Completion, Target
from kb.providers.dialect import Exchange
from kb.providers.outcomes import CallFailed
from kb.providers.request import Message, body_fields, sendable
from kb.providers.retry import Budget
from kb.providers.thinking import Delta

if TYPE_CHECKING:
    from llama_index.llms.openai_like import OpenAILike

    from kb.providers.transport import Line

PLACEHOLDER = "added-by-the-transport"
"""What the client library holds for a key: without one it would take OPENAI_API_KEY from the environment."""


class Chat:
    """One provider, endpoint, model and key. Safe to share by threads: a call shares nothing with another."""

    def __init__(self, target: Target, context: int, max_output: int) -> None:
        self.target = target
        self.provider = target.provider.id
        self.model = target.model.id
        self.endpoint = target.endpoint.id
        self.context = context
        self.max_output = max_output

    def __repr__(self) -> str:
        return f"Chat({self.provider}, {self.model}, {self.endpoint})"

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        extra: Mapping[str, object] | None = None,
        language: str | None = None,
        budget: Budget | None = None,
    ) -> ChatStream:
        """The answer word by word. Nothing is sent before the first word is asked for.

        `extra` goes to the top of the request's body. `language` (en, de, zh) lets the outcome say
        wrong_language. `budget` is shared by the calls of one question.
        """
        return ChatStream(self.target, self._ask(messages, max_tokens, extra, language, budget), streaming=True)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        extra: Mapping[str, object] | None = None,
        language: str | None = None,
        budget: Budget | None = None,
    ) -> Completion:
        """The whole answer at once. Raises CallFailed."""
        stream = ChatStream(self.target, self._ask(messages, max_tokens, extra, language, budget), streaming=False)
        for _ in stream:
            continue
        return stream.completion

    def astream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        extra: Mapping[str, object] | None = None,
        language: str | None = None,
        budget: Budget | None = None,
    ) -> AsyncChatStream:
        """The async twin of `stream`."""
        return AsyncChatStream(self.target, self._ask(messages, max_tokens, extra, language, budget), streaming=True)

    async def acomplete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        extra: Mapping[str, object] | None = None,
        language: str | None = None,
        budget: Budget | None = None,
    ) -> Completion:
        """The async twin of `complete`."""
        ask = self._ask(messages, max_tokens, extra, language, budget)
        stream = AsyncChatStream(self.target, ask, streaming=False)
        async for _ in stream:
            continue
        return stream.completion

    def _ask(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        extra: Mapping[str, object] | None,
        language: str | None,
        budget: Budget | None,
    ) -> Ask:
        if max_tokens < 1:
            raise UsageError(f"max_tokens is {max_tokens}; an answer needs at least 1")
        return Ask(tuple(messages), min(max_tokens, self.max_output), dict(extra or {}), language, budget)


class ChatStream(Iterator[Delta]):
    """The words of an answer as they come; `completion` once they have ended.

    `close` ends the call from any thread: a read that waits returns, the provider sees the connection gone.
    A stream that is dropped closes itself.
    """

    def __init__(self, target: Target, ask: Ask, *, streaming: bool) -> None:
        self._call = Call(target, ask, streaming)
        self._switch = Switch()
        self._deltas = _run(self._call, self._switch)

    @property
    def completion(self) -> Completion:
        """How it ended. Raises UsageError before the end."""
        return _ended(self._call)

    def __iter__(self) -> ChatStream:
        return self

    def __next__(self) -> Delta:
        return next(self._deltas)

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._switch.off()

    def close(self) -> None:
        """Cancels what is still under way. Harmless after the end."""
        self._switch.off()
        # A generator that another thread is in cannot be closed from here; that thread ends by itself.
        with suppress(ValueError):
            self._deltas.close()
        self._call.completion = self._call.completion or self._call.cancelled()


class Switch:
    """Turned off once, from any thread: ends the call that waits behind it."""

    def __init__(self) -> None:
        self._off = threading.Event()
        self._line: Line | None = None

    @property
    def is_off(self) -> bool:
        return self._off.is_set()

    def attach(self, line: Line) -> None:
        self._line = line
        if self.is_off:
            line.hang_up()

    def off(self) -> None:
        self._off.set()
        if self._line is not None:
            self._line.hang_up()

    def wait(self, seconds: float) -> None:
        """Waits, but not after the switch is off."""
        self._off.wait(seconds)


def _ended(call: Call) -> Completion:
    if call.completion is None:
        raise UsageError("the answer has not ended yet; read it to its end, or close it")
    return call.completion


# The loops are functions, not methods: a generator that held its stream would keep a dropped one alive.


def _run(call: Call, switch: Switch) -> Generator[Delta, None, None]:
    _load()
    while not switch.is_off:
        exchange = call.begin()
        try:
            yield from _attempt(call, exchange, switch)
            call.end_attempt()
            step = call.after_end()
        except CallFailed:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a client library raises becomes an outcome)
            call.end_attempt()
            if switch.is_off:
                break
            step = final(call, error)
        if isinstance(step, Completion):
            call.completion = step
            return
        switch.wait(step)
    call.completion = call.completion or call.cancelled()


def _attempt(call: Call, exchange: Exchange, switch: Switch) -> Generator[Delta, None, None]:
    from kb.providers.transport import Line, http_client

    line = Line()
    switch.attach(line)
    with http_client(_reading(call, exchange), line) as http:
        llm = _llm(call, http_client=http)
        messages = _chat_messages(call)
        for reply in llm.stream_chat(messages) if call.streaming else [llm.chat(messages)]:
            yield from call.flow.feed(*_said(reply, call.streaming))
        yield from call.flow.end()


class AsyncChatStream(AsyncIterator[Delta]):
    """The async twin of ChatStream; cancelling the task closes the connection."""

    def __init__(self, target: Target, ask: Ask, *, streaming: bool) -> None:
        self._call = Call(target, ask, streaming)
        self._deltas = _arun(self._call)

    @property
    def completion(self) -> Completion:
        """How it ended. Raises UsageError before the end."""
        return _ended(self._call)

    def __aiter__(self) -> AsyncChatStream:
        return self

    async def __anext__(self) -> Delta:
        return await anext(self._deltas)

    async def aclose(self) -> None:
        """Cancels what is still under way. Harmless after the end."""
        await self._deltas.aclose()
        self._call.completion = self._call.completion or self._call.cancelled()


async def _arun(call: Call) -> AsyncGenerator[Delta, None]:
    import asyncio

    _load()
    while True:
        exchange = call.begin()
        try:
            async for delta in _aattempt(call, exchange):
                yield delta
            call.end_attempt()
            step = call.after_end()
        except CallFailed:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a client library raises becomes an outcome)
            call.end_attempt()
            step = final(call, error)
        if isinstance(step, Completion):
            call.completion = step
            return
        await asyncio.sleep(step)


async def _aattempt(call: Call, exchange: Exchange) -> AsyncGenerator[Delta, None]:
    from kb.providers.transport import Line, async_http_client

    async with async_http_client(_reading(call, exchange), Line()) as http:
        llm = _llm(call, async_http_client=http)
        messages = _chat_messages(call)
        if call.streaming:
            async for reply in await llm.astream_chat(messages):
                for delta in call.flow.feed(*_said(reply, True)):
                    yield delta
        else:
            for delta in call.flow.feed(*_said(await llm.achat(messages), False)):
                yield delta
        for delta in call.flow.end():
            yield delta


def _load() -> None:
    """Imports the client library (seconds), so that it does not count as waiting for the first word."""
    importlib.import_module("llama_index.llms.openai_like")
    importlib.import_module("kb.providers.transport")


def final(call: Call, error: Exception) -> float | Completion:
    """`Call.after_error`, with the client library's exception cut off: its request would show in a traceback."""
    try:
        return call.after_error(error)
    except CallFailed as failed:
        failed.__context__ = None
        raise failed from None


def _reading(call: Call, exchange: Exchange) -> Any:
    from kb.providers.transport import Reading, Route

    target = call.target
    route = Route(target.endpoint.url, target.path, target.key)
    timing = target.timing if call.streaming else replace(target.timing, read=target.timing.total)
    return Reading(route, target.provider.params, timing, exchange, call.due_at)


def _llm(call: Call, **clients: Any) -> OpenAILike:
    from llama_index.llms.openai_like import OpenAILike

    target = call.target
    return OpenAILike(
        model=target.model.id,
        api_base=target.endpoint.url,
        api_key=PLACEHOLDER,
        context_window=target.model.context or 0,
        is_chat_model=True,
        is_function_calling_model=False,
        max_retries=0,
        timeout=target.timing.read if call.streaming else target.timing.total,
        additional_kwargs=body_fields(target.provider, target.model, call.ask.max_tokens, call.ask.extra),
        **clients,
    )


def _chat_messages(call: Call) -> list[Any]:
    from llama_index.core.llms import ChatMessage

    return [
        ChatMessage(role=each.role, content=each.content)
        for each in sendable(call.ask.messages, call.target.provider.params)
    ]


def _said(reply: Any, streaming: bool) -> tuple[str, str]:
    """The text and the thinking of a LlamaIndex reply: what is new in a stream, all of it otherwise."""
    if streaming:
        return reply.delta or "", reply.additional_kwargs.get("thinking_delta") or ""
    blocks = reply.message.blocks
    thinking = "".join(block.content or "" for block in blocks if block.block_type == "thinking")
    return "".join(block.text or "" for block in blocks if block.block_type == "text"), thinking
