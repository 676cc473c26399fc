"""Opening a chat, an embedder or a reranker: endpoint, model and key are decided before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from kb.errors import UsageError
from kb.providers.call import Target
from kb.providers.client import Chat
from kb.providers.datapath import Area, DataPath, is_near
from kb.providers.entries import ASSUMED_CONTEXT, ASSUMED_OUTPUT, EmbeddingModel, Endpoint, Kind, Model, Provider
from kb.providers.keys import Key, Secret, find_key, known_keys
from kb.providers.outcomes import CallFailed, Failure, Outcome
from kb.providers.registry import Registry
from kb.providers.retry import LOCAL_TIMING, Breaker, Timing
from kb.providers.services import Embedder, Reranker
from kb.providers.texts import explain


def open_chat(
    registry: Registry,
    provider_id: str,
    *,
    model: str | None = None,
    endpoint: str | None = None,
    key: Secret | None = None,
    base_url: str | None = None,
    context: int | None = None,
    max_output: int | None = None,
    data_path: DataPath = DataPath.ANY,
    timing: Timing | None = None,
    breaker: Breaker | None = None,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Chat:
    """A chat with `provider_id`; nothing is sent yet.

    `base_url` is for local providers alone (the built-in server is at a port of its own every time). `context`
    and `max_output` are tokens, for models the registry does not list. The key is `key`, or found by
    `kb.providers.keys.find_key`. Raises ProviderError (auth_missing, path_forbidden, model_not_found, …).
    """
    provider = registry.provider(provider_id)
    chosen = _model(provider, model)
    if context is not None:
        chosen = replace(chosen, context=context)
    if max_output is not None:
        chosen = replace(chosen, max_output=max_output)
    access = _Access(registry, data_path, key, timing, breaker, home, env)
    address = _endpoint(provider, chosen, endpoint, base_url, data_path, access.keyed)
    target = access.to(provider, chosen, address)
    limit = provider.params.max_tokens_max
    output = chosen.max_output or limit or ASSUMED_OUTPUT
    return Chat(target, chosen.context or ASSUMED_CONTEXT, min(output, limit or output))


def open_embedder(
    registry: Registry,
    provider_id: str,
    *,
    model: str | None = None,
    dimension: int | None = None,
    endpoint: str | None = None,
    key: Secret | None = None,
    data_path: DataPath = DataPath.ANY,
    timing: Timing | None = None,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Embedder:
    """An embedding model of a provider; the first that is listed, if none is named.

    Raises ProviderError as `open_chat` does, and model_not_found if the provider has none.
    """
    provider = registry.provider(provider_id)
    listed = next((each for each in provider.embeddings if model in (None, each.id)), None)
    if listed is None and model is None:
        raise _offers_none(provider, "embeddings")
    chosen = listed or EmbeddingModel(model or "")
    access = _Access(registry, data_path, key, timing, None, home, env)
    address = _endpoint(provider, Model(chosen.id), endpoint, None, data_path, access.keyed)
    target = access.to(provider, Model(chosen.id), address)
    return Embedder(target, chosen.id, chosen.batch, dimension)


def open_reranker(
    registry: Registry,
    provider_id: str,
    *,
    model: str | None = None,
    key: Secret | None = None,
    data_path: DataPath = DataPath.ANY,
    timing: Timing | None = None,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Reranker:
    """A reranking model of a provider. Raises ProviderError as `open_embedder` does."""
    provider = registry.provider(provider_id)
    offer = provider.rerank
    if offer is None or not offer.url:
        raise _offers_none(provider, "reranking")
    name = model or next(iter(offer.models), "")
    parts = urlsplit(offer.url)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    same = (each for each in provider.endpoints if each.usable and (each.host, each.port) == (host, port))
    elsewhere = Endpoint("rerank", offer.url, host, port, registry.area(offer.url), provider.name)
    address = next(same, elsewhere)
    if not data_path.permits(address.area):
        raise _fails(Outcome.PATH_FORBIDDEN, provider, Model(name), address)
    target = _Access(registry, data_path, key, timing, None, home, env).to(provider, Model(name), address)
    return Reranker(target, offer.url, name)


def _offers_none(provider: Provider, what: str) -> CallFailed:
    failure = Failure(Outcome.MODEL_NOT_FOUND, provider.id, "")
    return CallFailed(failure, f"{provider.name} offers no {what} that the registry knows; choose another provider")


@dataclass(frozen=True, slots=True)
class _Access:
    """How a provider is reached, whatever is asked of it."""

    registry: Registry
    path: DataPath
    key: Secret | None
    timing: Timing | None
    breaker: Breaker | None
    home: Path | None
    env: Mapping[str, str] | None

    def keyed(self, provider: Provider, endpoint: Endpoint) -> bool:
        """Whether there is a key for that endpoint, or none is needed."""
        if self.key or not provider.auth.required:
            return True
        return find_key(provider, endpoint.id, self.home, self.env) is not None

    def to(self, provider: Provider, model: Model, endpoint: Endpoint) -> Target:
        """The target of a call. Raises CallFailed (auth_missing)."""
        found = Key(self.key, "given") if self.key else find_key(provider, endpoint.id, self.home, self.env)
        if found is None and provider.auth.required:
            raise _fails(Outcome.AUTH_MISSING, provider, model, endpoint)
        secret = found.secret if found else None
        return Target(
            provider=provider,
            endpoint=endpoint,
            model=model,
            rules=self.registry.errors,
            path=self.path,
            timing=self.timing or (LOCAL_TIMING if provider.kind is Kind.LOCAL else Timing()),
            key=secret,
            known=known_keys(self.registry.values(), self.home, self.env) | ({secret} if secret else frozenset()),
            breaker=self.breaker or Breaker(),
        )


def _model(provider: Provider, id: str | None) -> Model:
    name = id or provider.default
    if not name:
        failure = Failure(Outcome.MODEL_NOT_FOUND, provider.id, "")
        message = f"{provider.name} serves whatever was loaded into it: name the model you loaded (--model NAME)"
        raise CallFailed(failure, message)
    return provider.model(name)


def _endpoint(
    provider: Provider,
    model: Model,
    id: str | None,
    base_url: str | None,
    path: DataPath,
    keyed: Callable[[Provider, Endpoint], bool],
) -> Endpoint:
    """The address to ask: the one that is named, else the first the path permits and there is a key for."""
    if base_url is not None:
        return _given(provider, base_url)
    if id is not None:
        found = provider.endpoint(id)
        known = ", ".join(each.id for each in provider.endpoints)
        if found is None:
            raise UsageError(f"{provider.name} has no endpoint {id!r}; it has: {known}")
        if found.template:
            raise UsageError(f"{found.url} has a part to fill in: give this endpoint its url in providers.toml")
        if not path.permits(found.area):
            raise _fails(Outcome.PATH_FORBIDDEN, provider, model, found)
        return found
    if not any(each.usable for each in provider.endpoints):
        failure = Failure(Outcome.NETWORK, provider.id, model.id, host=provider.endpoints[0].host)
        raise CallFailed(
            failure, f"{provider.name} has no address yet: start its server, or give one in providers.toml"
        )
    reachable = provider.reachable(path)
    own = provider.endpoint(model.endpoint) if model.endpoint else None
    if own is not None and path.permits(own.area):
        return own
    if own is not None or not reachable:
        raise _fails(Outcome.PATH_FORBIDDEN, provider, model, own or provider.endpoints[0])
    return next((each for each in reachable if keyed(provider, each)), reachable[0])


def _given(provider: Provider, base_url: str) -> Endpoint:
    if provider.kind is not Kind.LOCAL:
        raise UsageError(f"{provider.name} is asked at the addresses of the registry alone; providers.toml can add one")
    parts = urlsplit(base_url.rstrip("/"))
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not is_near(host):
        raise UsageError(f"{base_url!r} should be on this machine or its network, like http://127.0.0.1:8080/v1")
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return Endpoint("given", base_url.rstrip("/"), host, port, Area.LOCAL, "this machine")


def _fails(outcome: Outcome, provider: Provider, model: Model, endpoint: Endpoint) -> CallFailed:
    failure = Failure(outcome, provider.id, model.id, endpoint=endpoint.id, host=endpoint.host)
    return CallFailed(failure, explain(failure, provider))
