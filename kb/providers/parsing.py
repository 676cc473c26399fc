"""From read TOML to the registry's types; every key is checked, and a bad one is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kb.providers.datapath import Area, is_loopback, is_near
from kb.providers.entries import (
    DEFAULT_BATCH,
    Auth,
    Balance,
    EmbeddingModel,
    Endpoint,
    Equivalent,
    FreeQuota,
    Kind,
    Model,
    Offer,
    Params,
    Peak,
    Price,
    Provider,
    Rerank,
)
from kb.providers.outcomes import ErrorRule, Outcome, Stage
from kb.providers.tables import Problems, Table

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What a registry file holds: providers by id, the rules all share, the sources of the facts."""

    providers: Mapping[str, Provider]
    errors: tuple[ErrorRule, ...]
    sources: Mapping[str, str]
    checked: str


def contents(raw: Mapping[str, object], file: str) -> Contents:
    """The contents of read TOML. Raises SettingsError with one line for each bad key, naming `file`."""
    problems = Problems(file)
    top = Table(raw, "", problems)
    if (schema := top.count("schema", SCHEMA)) != SCHEMA:
        top.fail("schema", f"is {schema}; this version reads {SCHEMA}")
    checked = top.text("checked")
    sources = _sources(top.table("sources") or Table({}, "sources", problems))
    defaults = top.table("defaults") or Table({}, "defaults", problems)
    shared = tuple(_rule(row) for row in defaults.rows("errors"))
    base = defaults.table("params") or Table({}, "defaults.params", problems)
    params = _params(base, Params())
    defaults.close()
    providers: dict[str, Provider] = {}
    table = top.table("providers") or Table({}, "providers", problems)
    for id in table.raw:
        entry = table.table(id)
        if entry is not None:
            providers[id] = _provider(id, entry, params)
    top.close()
    problems.raise_if_any()
    return Contents(providers, shared, sources, checked)


def _sources(table: Table) -> dict[str, str]:
    found = {}
    for key in table.raw:
        row = table.table(key)
        if row is not None:
            found[key] = f"{row.needed('what')} ({row.needed('date')})"
            row.close()
    return found


def _provider(id: str, table: Table, params: Params) -> Provider:
    kind = table.one_of("kind", Kind, Kind.CLOUD)
    auth, bent = table.table("auth"), table.table("params")
    offer, peak = table.table("offer_2024"), table.table("peak")
    rerank, balance = table.table("rerank"), table.table("balance")
    provider = Provider(
        id=id,
        name=table.needed("name"),
        kind=kind,
        name_zh=table.text("name_zh"),
        status=table.text("status"),
        docs=table.text("docs"),
        seed_role=table.text("seed_role"),
        live=table.text("live"),
        never_fallback=table.flag("never_fallback", False),
        default_model=table.text("default_model"),
        default_endpoint=table.text("default_endpoint"),
        free_quota=table.text("free_quota"),
        endpoints=tuple(_endpoint(row, kind) for row in table.rows("endpoints")),
        models=tuple(_model(row) for row in table.rows("models")),
        embeddings=tuple(_embedding(row) for row in table.rows("embeddings")),
        errors=tuple(_rule(row) for row in table.rows("errors")),
        equivalents=tuple(_equivalent(row) for row in table.rows("equivalents")),
        quotas=tuple(_quota(row) for row in table.rows("quotas")),
        auth=_auth(auth) if auth else Auth(required=kind is not Kind.LOCAL),
        params=_params(bent, params) if bent else params,
        rerank=_rerank(rerank) if rerank else None,
        balance=_balance(balance) if balance else None,
        peak=_peak(peak) if peak else None,
        offer_2024=_offer(offer) if offer else None,
    )
    if not provider.endpoints:
        table.fail("endpoints", "is missing: a provider needs at least one { id, url, area }")
    if auth is None and kind is not Kind.LOCAL:
        table.fail("auth", 'is missing: { env = ["THE_VARIABLE_WITH_THE_KEY"] }')
    if provider.default_endpoint and provider.endpoint(provider.default_endpoint) is None:
        table.fail("default_endpoint", f"names no endpoint of this provider: {provider.default_endpoint!r}")
    for model in provider.models:
        if model.endpoint and provider.endpoint(model.endpoint) is None:
            table.fail(f"models[{model.id}].endpoint", f"names no endpoint of this provider: {model.endpoint!r}")
    table.close()
    return provider


def _endpoint(row: Table, kind: Kind) -> Endpoint:
    url = row.needed("url").rstrip("/")
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        port = 0
    template = "{" in url
    area = row.one_of("area", Area, Area.LOCAL if kind is Kind.LOCAL else Area.UNKNOWN)
    if (
        parts.scheme not in ("http", "https")
        or not host
        or not (port or template)
        or parts.username is not None
        or parts.query
    ):
        row.fail("url", f"should be an address like https://host/v1 without user name or query, is {url!r}")
    elif parts.scheme == "http" and not (is_near if kind is Kind.LOCAL else is_loopback)(host):
        row.fail("url", f"should begin with https: keys and evidence go there in the clear ({url!r})")
    if area is Area.LOCAL and host and not is_near(host):
        row.fail("area", f"is local, but {host!r} is a name or a public address; write a private number, or its area")
    endpoint = Endpoint(
        id=row.needed("id"),
        url=url,
        host=host,
        port=port,
        area=area,
        operator=row.text("operator", "this machine" if area is Area.LOCAL else ""),
        dead_since=row.text("dead_since"),
        src=row.text("src"),
        as_of=row.text("as_of"),
        conf=row.text("conf"),
    )
    row.close()
    return endpoint


def _prices(row: Table) -> tuple[Price, ...]:
    found = []
    as_of = row.text("as_of")
    for each in row.rows("prices"):
        cost = each.number("in", None)
        if cost is None:
            each.fail("in", "is missing: money for 1,000,000 tokens of input")
        price = Price(
            currency=each.needed("cur"),
            input=cost or 0.0,
            output=each.number("out", 0.0),
            as_of=each.text("as_of", as_of),
            cached=each.number("cached", None),
            peak_input=each.number("peak_in", None),
            peak_output=each.number("peak_out", None),
            up_to=each.count("up_to", None),
            endpoints=each.texts("endpoints"),
            note=each.text("note"),
        )
        each.close()
        found.append(price)
    return tuple(found)


def _model(row: Table) -> Model:
    model = Model(
        id=row.needed("id"),
        role=row.text("role"),
        context=row.count("context", None),
        max_input=row.count("max_input", None),
        max_output=row.count("max_output", None),
        thinking=row.text("thinking"),
        endpoint=row.text("endpoint"),
        retired=row.text("retired"),
        successor=row.text("successor"),
        prices=_prices(row),
        src=row.text("src"),
        as_of=row.text("as_of"),
        conf=row.text("conf"),
    )
    row.close()
    return model


def _embedding(row: Table) -> EmbeddingModel:
    model = EmbeddingModel(
        id=row.needed("id"),
        default_dim=row.count("default_dim", None),
        dims=row.counts("dims"),
        max_tokens=row.count("max_tokens", None),
        batch=row.count("batch", DEFAULT_BATCH),
        prices=_prices(row),
        src=row.text("src"),
        as_of=row.text("as_of"),
        conf=row.text("conf"),
    )
    row.close()
    return model


def _rule(row: Table) -> ErrorRule:
    if not {"status", "code", "type", "pattern"} & row.raw.keys():
        row.fail("status", "is missing: a rule needs a status, code, type or pattern")
    pattern_on = row.text("pattern_on", "message")
    if pattern_on not in ("message", "code", "type"):
        row.fail("pattern_on", f"should be message, code or type, is {pattern_on!r}")
    rule = ErrorRule(
        outcome=row.one_of("outcome", Outcome, Outcome.UNKNOWN),
        status=row.count("status", None),
        code=row.text("code") if "code" in row else None,
        type=row.text("type") if "type" in row else None,
        pattern=row.pattern("pattern"),
        pattern_on=pattern_on,
        stage=row.one_of("stage", Stage, Stage.UNKNOWN),
        src=row.text("src"),
        as_of=row.text("as_of"),
        conf=row.text("conf"),
    )
    if "outcome" not in row:
        row.fail("outcome", "is missing")
    row.known |= {"code", "type"}
    row.close()
    return rule


def _equivalent(row: Table) -> Equivalent:
    found = Equivalent(
        of=row.needed("of"),
        model=row.needed("model"),
        by=row.needed("by"),
        note=row.text("note"),
        src=row.text("src"),
        as_of=row.text("as_of"),
        conf=row.text("conf"),
    )
    if found.by not in ("vendor", "ours"):
        row.fail("by", f"should be vendor or ours, is {found.by!r}")
    row.close()
    return found


def _quota(row: Table) -> FreeQuota:
    quota = FreeQuota(
        unit=row.needed("unit"),
        amount=row.count("amount", 0),
        per=row.text("per", "account"),
        hours=row.count("hours", None),
        days=row.count("days", None),
    )
    row.close()
    return quota


def _auth(table: Table) -> Auth:
    auth = Auth(
        env=table.texts("env"),
        required=table.flag("required", True),
        key_prefix=table.text("key_prefix"),
        region_bound=table.flag("region_bound", False),
        optional_headers=table.texts("optional_headers"),
        console=table.text("console"),
        note=table.text("note"),
        src=table.text("src"),
        as_of=table.text("as_of"),
        conf=table.text("conf"),
    )
    if auth.required and not auth.env:
        table.fail("env", "is missing: the variable that holds the key, or set required = false")
    table.close()
    return auth


def _params(table: Table, base: Params) -> Params:
    params = Params(
        temperature=table.number("temperature", base.temperature),
        temperature_min=table.number("temperature_min", base.temperature_min),
        temperature_min_exclusive=table.flag("temperature_min_exclusive", base.temperature_min_exclusive),
        temperature_max=table.number("temperature_max", base.temperature_max),
        temperature_max_exclusive=table.flag("temperature_max_exclusive", base.temperature_max_exclusive),
        top_p_open_interval=table.flag("top_p_open_interval", base.top_p_open_interval),
        top_p_min_exclusive=table.number("top_p_min_exclusive", base.top_p_min_exclusive),
        send_temperature=table.flag("send_temperature", base.send_temperature),
        fixed_temperature_models=table.texts("fixed_temperature_models", base.fixed_temperature_models),
        drop=table.texts("drop", base.drop),
        max_tokens_field=table.text("max_tokens_field", base.max_tokens_field),
        max_tokens_max=table.count("max_tokens_max", base.max_tokens_max),
        stream_usage=table.flag("stream_usage", base.stream_usage),
        thinking_off=table.mapping("thinking_off") or base.thinking_off,
        thinking_off_models=table.texts("thinking_off_models", base.thinking_off_models),
        reasoning_fields=table.texts("reasoning_fields", base.reasoning_fields),
        blocked_finish_reasons=table.texts("blocked_finish_reasons", base.blocked_finish_reasons),
        blocked_choice_field=table.text("blocked_choice_field", base.blocked_choice_field),
        finish_reason=table.flag("finish_reason", base.finish_reason),
        empty_assistant=table.flag("empty_assistant", base.empty_assistant),
        response_format=table.texts("response_format", base.response_format),
        tool_choice=table.texts("tool_choice", base.tool_choice),
        list_models=table.flag("list_models", base.list_models),
        quota_headers=table.texts("quota_headers", base.quota_headers),
        src=table.text("src"),
        as_of=table.text("as_of"),
        conf=table.text("conf"),
    )
    table.close()
    return params


def _rerank(table: Table) -> Rerank:
    rerank = Rerank(
        url=table.text("url"),
        models=table.texts("models"),
        endpoint=table.text("endpoint"),
        src=table.text("src"),
        as_of=table.text("as_of"),
        conf=table.text("conf"),
    )
    table.close()
    return rerank


def _balance(table: Table) -> Balance:
    balance = Balance(
        url=table.needed("url"),
        field=table.needed("field"),
        src=table.text("src"),
        as_of=table.text("as_of"),
        conf=table.text("conf"),
    )
    table.close()
    return balance


def _peak(table: Table) -> Peak:
    hours = tuple((row.count("from", 1), row.count("to", 1)) for row in table.rows("hours"))
    peak = Peak(utc_offset=table.count("utc_offset", 8), days=table.counts("days"), hours=hours)
    table.close()
    return peak


def _offer(table: Table) -> Offer:
    offer = Offer(text=table.needed("text"), src=table.needed("src"))
    table.close()
    return offer
