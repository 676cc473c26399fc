"""The frozen types of the registry: what is known of each provider, with its source and date.

`as_of` is the day, month or year that the source `src` shows a fact; `conf` how sure it is (doc, code, probe,
seen, second, own: explained at the top of data/providers.toml). Prices are per 1,000,000 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from kb.providers.datapath import Area, DataPath
from kb.providers.outcomes import ErrorRule

ASSUMED_CONTEXT = 8_192
"""Tokens assumed where neither the registry nor the user states a window: the smallest one in the registry."""

ASSUMED_OUTPUT = 4_096
"""Tokens of output assumed where nobody states a limit."""


DEFAULT_BATCH = 16
"""Inputs of one embedding request where the registry states no limit."""


class Kind(StrEnum):
    """Who runs the model."""

    CLOUD = "cloud"
    AGGREGATOR = "aggregator"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a provider. `template` addresses hold a {name} that the user must fill in."""

    id: str
    url: str
    host: str
    port: int
    area: Area
    operator: str
    dead_since: str = ""
    src: str = ""
    as_of: str = ""
    conf: str = ""

    @property
    def template(self) -> bool:
        return "{" in self.url

    @property
    def usable(self) -> bool:
        return not self.template and not self.dead_since


@dataclass(frozen=True, slots=True)
class Price:
    """Money for 1,000,000 tokens; `output` is 0 for embeddings. `up_to`: the largest input it holds for."""

    currency: str
    input: float
    output: float
    as_of: str
    cached: float | None = None
    peak_input: float | None = None
    peak_output: float | None = None
    up_to: int | None = None
    endpoints: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A chat model. `context` and `max_output` are tokens, None where nobody states them."""

    id: str
    role: str = ""
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    thinking: str = ""
    endpoint: str = ""
    retired: str = ""
    successor: str = ""
    prices: tuple[Price, ...] = ()
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """An embedding model: dimensions, the longest input in tokens, the most inputs of one request."""

    id: str
    default_dim: int | None = None
    dims: tuple[int, ...] = ()
    max_tokens: int | None = None
    batch: int = DEFAULT_BATCH
    prices: tuple[Price, ...] = ()
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Rerank:
    """A reranking address of the shape POST {model, query, documents, top_n}."""

    url: str = ""
    models: tuple[str, ...] = ()
    endpoint: str = ""
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the money left is asked for; `field` is a dotted path into the JSON."""

    url: str
    field: str
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Auth:
    """How a key is found. `env` are variable names, the first is ours. `region_bound`: one key per endpoint."""

    env: tuple[str, ...] = ()
    required: bool = True
    key_prefix: str = ""
    region_bound: bool = False
    optional_headers: tuple[str, ...] = ()
    console: str = ""
    note: str = ""
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Params:
    """How a request must be bent. `drop` are fields never sent; `thinking_off` goes to the top of the body.

    `temperature` is what we ask for (0.1: legal nearly everywhere, and 0 is not).
    """

    temperature: float = 0.1
    temperature_min: float = 0.0
    temperature_min_exclusive: bool = False
    temperature_max: float = 2.0
    temperature_max_exclusive: bool = False
    top_p_open_interval: bool = False
    top_p_min_exclusive: float | None = None
    send_temperature: bool = True
    fixed_temperature_models: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    max_tokens_field: str = "max_tokens"
    max_tokens_max: int | None = None
    stream_usage: bool = True
    thinking_off: Mapping[str, object] | None = None
    thinking_off_models: tuple[str, ...] = ()
    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning")
    blocked_finish_reasons: tuple[str, ...] = ("content_filter", "sensitive")
    blocked_choice_field: str = ""
    finish_reason: bool = True
    empty_assistant: bool = True
    response_format: tuple[str, ...] = ("json_object", "json_schema")
    tool_choice: tuple[str, ...] = ("auto", "none", "required")
    list_models: bool = True
    quota_headers: tuple[str, ...] = ()
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class FreeQuota:
    """What a provider gives for nothing: `amount` of `unit` (tokens, requests, credits) within `hours`.

    `hours` None: once, within `days` of signing up. `per` is "model" or "account".
    """

    unit: str
    amount: int
    per: str
    hours: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """When peak prices hold: ISO weekdays, and hours [from, to) at `utc_offset`."""

    utc_offset: int
    days: tuple[int, ...]
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider offered in 2024 to those who lost OpenAI's API; over, every one of them."""

    text: str
    src: str


@dataclass(frozen=True, slots=True)
class Equivalent:
    """What replaces a foreign model: `by` is "vendor" where the vendor published it, "ours" where we suggest it."""

    of: str
    model: str
    by: str
    note: str = ""
    src: str = ""
    as_of: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Everything the registry holds of one provider. `live` is the day it was called by us, "" for never."""

    id: str
    name: str
    kind: Kind
    name_zh: str = ""
    status: str = ""
    docs: str = ""
    seed_role: str = ""
    live: str = ""
    never_fallback: bool = False
    default_model: str = ""
    default_endpoint: str = ""
    free_quota: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    models: tuple[Model, ...] = ()
    embeddings: tuple[EmbeddingModel, ...] = ()
    errors: tuple[ErrorRule, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    quotas: tuple[FreeQuota, ...] = ()
    auth: Auth = Auth()
    params: Params = Params()
    rerank: Rerank | None = None
    balance: Balance | None = None
    peak: Peak | None = None
    offer_2024: Offer | None = None

    @property
    def default(self) -> str:
        """The id of the model used when none is named; "" where the user must name one."""
        if self.default_model:
            return self.default_model
        current = [model for model in self.models if not model.retired]
        for role in ("default", "flagship", ""):
            for model in current:
                if role in ("", model.role):
                    return model.id
        return ""

    def model(self, id: str) -> Model:
        """The model of that id; one that is not listed is allowed, with nothing known of it."""
        return next((model for model in self.models if model.id == id), Model(id))

    def retired(self, id: str) -> Model | None:
        """The retired model that `id` is, or that its pattern covers."""
        return next((each for each in self.models if each.retired and fnmatchcase(id, each.id)), None)

    def knows(self, id: str) -> bool:
        return any(model.id == id for model in self.models)

    def endpoint(self, id: str) -> Endpoint | None:
        return next((endpoint for endpoint in self.endpoints if endpoint.id == id), None)

    def reachable(self, path: DataPath) -> tuple[Endpoint, ...]:
        """The endpoints in use that `path` permits, the default first."""
        allowed = [each for each in self.endpoints if each.usable and path.permits(each.area)]
        return tuple(sorted(allowed, key=lambda each: each.id != self.default_endpoint))
