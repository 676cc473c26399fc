"""How a call to a provider can end, and how an error reply is read.

The HTTP status alone is wrong in half of the cases (an empty account is 402, 429, 403, 400 or 200), so a reply
is matched against the provider's own rules, then the shared rules, then the status. What no status tells
(refused in words, empty, cut off, wrong language) is found in the text by `kb.providers.refusals`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kb.errors import ProviderError


class Outcome(StrEnum):
    """How a call ended. Everything but `answered` has a text that says what to do (`kb.providers.texts`)."""

    ANSWERED = "answered"
    REFUSED_IN_WORDS = "refused_in_words"
    EMPTY = "empty"
    CUT_OFF = "cut_off"
    WRONG_LANGUAGE = "wrong_language"
    CONTENT_BLOCKED = "content_blocked"
    REGION_BLOCKED = "region_blocked"
    AUTH_MISSING = "auth_missing"
    AUTH_INVALID = "auth_invalid"
    PERMISSION_DENIED = "permission_denied"
    MODEL_NOT_FOUND = "model_not_found"
    BALANCE_EXHAUSTED = "balance_exhausted"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    NETWORK = "network"
    CONTEXT_TOO_LONG = "context_too_long"
    BAD_REQUEST = "bad_request"
    BAD_RESPONSE = "bad_response"
    PATH_FORBIDDEN = "path_forbidden"
    CAP_REACHED = "cap_reached"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """What a content filter looked at."""

    INPUT = "input"
    OUTPUT = "output"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What a provider said went wrong. `status` is HTTP's, 200 where the body alone held the error."""

    status: int
    code: str = ""
    type: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One line of the registry: all conditions that are set must hold. `pattern` is searched in `pattern_on`."""

    outcome: Outcome
    status: int | None = None
    code: str | None = None
    type: str | None = None
    pattern: re.Pattern[str] | None = None
    pattern_on: str = "message"
    stage: Stage = Stage.UNKNOWN
    src: str = ""
    as_of: str = ""
    conf: str = ""

    def matches(self, reply: ErrorReply) -> bool:
        if self.status is not None and self.status != reply.status:
            return False
        if self.code is not None and self.code != reply.code:
            return False
        if self.type is not None and self.type != reply.type:
            return False
        return self.pattern is None or self.pattern.search(getattr(reply, self.pattern_on)) is not None


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not answer, with what a person needs to act on it. All texts are redacted.

    `retry_after` is in seconds; `partial` is the text that had arrived; `requests` counts HTTP requests made.
    """

    outcome: Outcome
    provider: str
    model: str
    endpoint: str = ""
    host: str = ""
    status: int | None = None
    code: str = ""
    vendor_text: str = ""
    request_id: str = ""
    retry_after: float | None = None
    stage: Stage = Stage.UNKNOWN
    requests: int = 0
    partial: str = ""


class CallFailed(ProviderError):
    """A call to a provider that did not answer; `failure` has the particulars."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(
            str(failure.outcome), message, provider=failure.provider, model=failure.model, detail=failure.vendor_text
        )
        self.failure = failure


def classify(reply: ErrorReply, *rules: Iterable[ErrorRule]) -> tuple[Outcome, Stage]:
    """The outcome of `reply` by the first rule that matches, in the order given, and what was filtered."""
    for group in rules:
        for rule in group:
            if rule.matches(reply):
                return rule.outcome, rule.stage
    if reply.status >= 500:
        return Outcome.SERVER_ERROR, Stage.UNKNOWN
    if 400 <= reply.status < 500:
        return Outcome.BAD_REQUEST, Stage.UNKNOWN
    return Outcome.UNKNOWN, Stage.UNKNOWN
