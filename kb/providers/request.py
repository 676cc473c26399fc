"""Bending a request to what a provider accepts: a pure function from a registry entry to body fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kb.providers.entries import Model, Params, Provider

STEP = 0.01
"""How far inside an open interval a temperature is moved."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: role is system, user or assistant."""

    role: str
    content: str


def temperature(params: Params, model: str) -> float | None:
    """The temperature to send, inside what the provider accepts; None where none may be sent."""
    if not params.send_temperature or "temperature" in params.drop or model in params.fixed_temperature_models:
        return None
    low = params.temperature_min + (STEP if params.temperature_min_exclusive else 0.0)
    high = params.temperature_max - (STEP if params.temperature_max_exclusive else 0.0)
    return min(max(params.temperature, low), high)


def sendable(messages: Sequence[Message], params: Params) -> list[Message]:
    """The messages a provider accepts: without empty turns of the assistant where those are refused."""
    return [each for each in messages if each.content or each.role != "assistant" or params.empty_assistant]


def body_fields(provider: Provider, model: Model, max_tokens: int, extra: Mapping[str, object]) -> dict[str, Any]:
    """Keyword arguments for the client library that make the body this provider wants.

    `openai.omit` takes a field out that the library would always send. `extra` wins over everything else.
    """
    from openai import omit

    params = provider.params
    limit = min(max_tokens, params.max_tokens_max or max_tokens)
    warmth = temperature(params, model.id)
    fields: dict[str, Any] = {"temperature": omit if warmth is None else warmth, "max_tokens": limit}
    body: dict[str, object] = dict(thinking_switch(params, model))
    if params.max_tokens_field != "max_tokens":
        fields["max_tokens"] = omit
        body[params.max_tokens_field] = limit
    if params.stream_usage:
        fields["stream_options"] = {"include_usage": True}
    body |= {key: value for key, value in extra.items() if key not in params.drop}
    if body:
        fields["extra_body"] = body
    return fields


def thinking_switch(params: Params, model: Model) -> Mapping[str, object]:
    """The fields that switch thinking off, where the provider and the model let us; a cited answer needs none."""
    if params.thinking_off is None or model.thinking == "always":
        return {}
    if params.thinking_off_models and model.id not in params.thinking_off_models:
        return {}
    return params.thinking_off
