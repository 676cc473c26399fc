"""From a project's OpenAI settings to a provider's of here: what replaces what, what must change, what is over.

Nothing is called and nothing is written. What a vendor published is marked so, and so is what we suggest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from kb.errors import UsageError
from kb.providers.datapath import DataPath
from kb.providers.entries import Endpoint, Equivalent, Kind, Params, Provider
from kb.providers.keys import HIDDEN, redact
from kb.providers.registry import Registry

KEY_NAMES = ("OPENAI_API_KEY", "OPENAI_KEY", "OPENAI_SECRET_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY")
URL_NAMES = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_HOST", "OPENAI_PROXY_URL", "AZURE_OPENAI_ENDPOINT")
LOST_NAMES = {
    "OPENAI_ORG_ID": "names your OpenAI organisation; no other provider reads it, and Lagebild never sends it",
    "OPENAI_ORGANIZATION": "names your OpenAI organisation; no other provider reads it, and Lagebild never sends it",
    "OPENAI_PROJECT_ID": "names your OpenAI project; no other provider reads it, and Lagebild never sends it",
    "OPENAI_API_VERSION": "belongs to Azure; no other provider reads it",
    "OPENAI_API_TYPE": "belongs to Azure; no other provider reads it",
}
CHAT = re.compile(
    r"^(?:ft:)?(?:gpt-|chatgpt-|o[134](?:-|$)|text-davinci|davinci|hunyuan-|moonshot-v1|deepseek-(?:chat|reasoner))"
)
EMBEDDING = re.compile(r"^(?:text-embedding-|embed-v\d|voyage-)")
SMALL = re.compile(r"mini|nano|3\.5|flash|lite")
ASSIGNMENT = re.compile(
    r"""^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#\n]*?))\s*(?:\#.*)?$"""
)

CHEAP, LARGE = ("cheap", "free", "default"), ("default", "flagship")
"""Roles of the registry in the order in which we suggest them for a small and for a large model."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that was found: its name, its value (never a key), and the file or "environment" it is from."""

    name: str
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Found:
    """The OpenAI settings of a project."""

    keys: tuple[Setting, ...] = ()
    urls: tuple[Setting, ...] = ()
    chat_models: tuple[Setting, ...] = ()
    embedding_models: tuple[Setting, ...] = ()
    lost: tuple[Setting, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.urls or self.chat_models or self.embedding_models)


@dataclass(frozen=True, slots=True)
class Replacement:
    """One model for another. `by` is "vendor" where the vendor published it, "ours" where we suggest it."""

    old: str
    new: str
    by: str
    note: str = ""
    src: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """What changes for a project that moves to `provider`."""

    provider: str
    name: str
    endpoint: str
    url: str
    models: tuple[Replacement, ...]
    embeddings: tuple[Replacement, ...]
    changes: tuple[str, ...]
    offer: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """New variables in the order in which to write them; the key's value is left for the user to fill in."""

    @property
    def env(self) -> str:
        """The new settings as lines of a .env file."""
        return "\n".join(f"{name}={value}" for name, value in self.settings.items())


def read_settings(env: Mapping[str, str], files: Iterable[Path] = ()) -> Found:
    """The OpenAI settings in `env` and in .env files; what a file says wins over `env`.

    Raises UsageError for a file that cannot be read.
    """
    settings = {name: Setting(name, value, "environment") for name, value in env.items()}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read ({type(error).__name__}); name a .env file") from error
        for line in text.splitlines():
            if match := ASSIGNMENT.match(line):
                name, *values = match.groups()
                settings[name] = Setting(name, next((each for each in values if each is not None), ""), str(file))
    return _sorted(settings.values())


def given_settings(base_url: str = "", model: str = "") -> Found:
    """The settings of a project of which only an address or a model's name is known."""
    settings = [Setting("OPENAI_BASE_URL", base_url, "given")] if base_url else []
    return _sorted([*settings, *([Setting("OPENAI_MODEL", model, "given")] if model else [])])


def _sorted(settings: Iterable[Setting]) -> Found:
    keys, urls, chat, embedding, lost = [], [], [], [], []
    for each in sorted(settings, key=lambda setting: setting.name):
        if not each.value:
            continue
        if each.name in KEY_NAMES:
            keys.append(Setting(each.name, HIDDEN, each.where))
        elif each.name in URL_NAMES or (urlsplit(each.value).hostname or "").endswith("openai.com"):
            urls.append(Setting(each.name, redact(each.value), each.where))
        elif each.name in LOST_NAMES:
            lost.append(Setting(each.name, HIDDEN, each.where))
        elif EMBEDDING.match(each.value):
            embedding.append(each)
        elif CHAT.match(each.value):
            chat.append(each)
    return Found(tuple(keys), tuple(urls), tuple(chat), tuple(embedding), tuple(lost))


def migration(found: Found, registry: Registry, provider_id: str, path: DataPath = DataPath.ANY) -> Migration:
    """What moving to `provider_id` takes. Raises UsageError if the data path permits none of its addresses."""
    provider = registry.provider(provider_id)
    reachable = provider.reachable(path)
    if not reachable:
        raise UsageError(f"the data path {path} permits no address of {provider.name}; choose another provider")
    endpoint = reachable[0]
    chat = tuple(one for each in found.chat_models for one in _chat(each.value, provider))
    vectors = tuple(one for each in found.embedding_models for one in _embedding(each.value, provider))
    ours = {each.old: each.new for each in chat if each.by == "ours"}
    return Migration(
        provider=provider.id,
        name=provider.name,
        endpoint=endpoint.id,
        url=endpoint.url,
        models=chat,
        embeddings=vectors,
        changes=(*_changes(found, provider, endpoint, bool(vectors)),),
        offer=_offer(provider),
        settings=_settings(found, provider, endpoint, ours, [each.new for each in vectors]),
    )


def suggestions(found: Found, registry: Registry, path: DataPath = DataPath.ANY) -> list[Migration]:
    """A migration to every provider that took part in 2024, then to every other cloud; never to OpenAI."""
    able = [each for each in registry.values() if each.kind is not Kind.LOCAL and not each.never_fallback]
    first = sorted(able, key=lambda each: each.seed_role != "domestic")
    return [migration(found, registry, each.id, path) for each in first if each.reachable(path)]


def _chat(old: str, provider: Provider) -> list[Replacement]:
    published = [_published(old, each) for each in provider.equivalents if fnmatchcase(old, each.of)]
    roles = CHEAP if SMALL.search(old) else LARGE
    current = [each for each in provider.models if not each.retired]
    new = next((each.id for role in roles for each in current if each.role == role), provider.default)
    size = "small" if SMALL.search(old) else "large"
    note = f"the registry's {size} model of this provider; compare them on your own questions (lagebild compare)"
    return [*published, Replacement(old, new, "ours", note)]


def _embedding(old: str, provider: Provider) -> list[Replacement]:
    published = [_published(old, each) for each in provider.equivalents if fnmatchcase(old, each.of)]
    if published or not provider.embeddings:
        return published
    return [Replacement(old, provider.embeddings[0].id, "ours", "the first embedding model of this provider")]


def _published(old: str, each: Equivalent) -> Replacement:
    return Replacement(old, each.model, each.by, each.note, each.src, each.as_of)


def _changes(found: Found, provider: Provider, endpoint: Endpoint, has_vectors: bool) -> list[str]:
    auth = provider.auth
    changes = [f"address: {endpoint.url} ({endpoint.operator}, {endpoint.area}), in place of api.openai.com"]
    if auth.env:
        prefix = f"; it begins with {auth.key_prefix}" if auth.key_prefix else ""
        changes.append(
            f"key: a key of {provider.name} in {auth.env[0]}, made at {auth.console or provider.docs}{prefix}"
        )
    if auth.region_bound:
        changes.append(f"key: bound to its site; it must be one for {endpoint.id}")
    changes += _parameters(provider.params)
    if has_vectors:
        changes.append(
            "vectors: another embedding model means another space: embed everything again (lagebild rebuild)"
        )
    if found.embedding_models and not provider.embeddings:
        changes.append(f"vectors: {provider.name} has no embedding model that we know of; use the built-in one")
    changes += [f"{each.name}: {LOST_NAMES[each.name]}" for each in found.lost]
    if provider.status:
        changes.append(f"status: {provider.status}")
    return changes


def _parameters(params: Params) -> list[str]:
    changes = []
    low = ">" if params.temperature_min_exclusive else "≥"
    high = "<" if params.temperature_max_exclusive else "≤"
    if not params.send_temperature:
        changes.append("temperature: leave it out, only the fixed value is accepted")
    elif params.temperature_min_exclusive or params.temperature_max_exclusive or params.temperature_max != 2.0:
        changes.append(f"temperature: {low} {params.temperature_min:g} and {high} {params.temperature_max:g}")
    dropped = [name for name in params.drop if name != "temperature"]
    if dropped:
        changes.append(f"leave out: {', '.join(dropped)}")
    if params.max_tokens_field != "max_tokens":
        changes.append(f"max_tokens is called {params.max_tokens_field}")
    if params.max_tokens_max:
        changes.append(f"max_tokens: at most {params.max_tokens_max}")
    if "json_schema" not in params.response_format:
        changes.append(f"response_format: {', '.join(params.response_format)} only")
    if "required" not in params.tool_choice:
        changes.append(f"tool_choice: {', '.join(params.tool_choice)} only")
    if params.thinking_off is not None:
        changes.append("thinking is on by default; Lagebild switches it off where that is possible")
    if not params.finish_reason:
        changes.append("replies carry no finish_reason")
    return changes


def _offer(provider: Provider) -> str:
    if provider.offer_2024 is None:
        return ""
    return f"2024: {provider.offer_2024.text}. That offer is over ({provider.offer_2024.src})."


def _settings(
    found: Found, provider: Provider, endpoint: Endpoint, models: Mapping[str, str], vectors: list[str]
) -> dict[str, str]:
    settings = {"LAGEBILD_PROVIDER": provider.id, "LAGEBILD_MODEL": next(iter(models.values()), provider.default)}
    if provider.auth.env:
        settings[provider.auth.env[0]] = ""
    if vectors:
        settings |= {
            "LAGEBILD_EMBEDDER": "openai-like",
            "LAGEBILD_EMBEDDING_URL": endpoint.url,
            "LAGEBILD_EMBEDDING_MODEL": vectors[-1],
        }
    settings |= {each.name: endpoint.url for each in found.urls if each.name in URL_NAMES}
    return settings | {each.name: models[each.value] for each in found.chat_models if each.where != "given"}
