"""Keys of providers: where they come from, how they are kept, and how they stay out of every text.

Looked for in this order: the environment (the names the registry lists), the system's keyring if the package
`keyring` is installed, `<home>/keys.toml`. The file is refused unless its owner alone can read it. A line is
`qwen = "…"`, or a table with one key per endpoint for providers whose keys are bound to a region:

    [qwen]
    mainland = "…"
    singapore = "…"
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.util
import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from kb.errors import SettingsError, UsageError
from kb.providers.entries import Provider

FILE = "keys.toml"
SERVICE = "lagebild"
HIDDEN = "[key]"


class Secret:
    """A key that does not show itself: not in str, repr, f-strings, pickles or tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        """The key itself: only for the header of a request, and for storing it."""
        return self._value

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell two keys apart without telling either."""
        return hashlib.sha256(b"lagebild key" + self._value.encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere but keys.toml and the keyring")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was found, and where: the name of a variable, "keyring" or "keys.toml"."""

    secret: Secret
    where: str


def find_key(
    provider: Provider, endpoint: str = "", home: Path | None = None, env: Mapping[str, str] | None = None
) -> Key | None:
    """The key of `provider` for `endpoint`, or None. Raises SettingsError if keys.toml cannot be used."""
    env = os.environ if env is None else env
    for name in provider.auth.env:
        if value := env.get(name, "").strip():
            return Key(Secret(value), name)
    for user in (f"{provider.id}.{endpoint}", provider.id):
        if value := _from_keyring(user):
            return Key(Secret(value), "keyring")
    if home is not None:
        stored = read_keys(home / FILE).get(provider.id)
        if isinstance(stored, Secret):
            return Key(stored, FILE)
        if isinstance(stored, Mapping) and endpoint in stored:
            return Key(stored[endpoint], FILE)
    return None


def any_key(provider: Provider, home: Path | None = None, env: Mapping[str, str] | None = None) -> Key | None:
    """The key of `provider` at whichever of its endpoints there is one for. Raises SettingsError as `find_key`."""
    found = (find_key(provider, each.id, home, env) for each in provider.endpoints)
    return next((key for key in found if key), None)


def _from_keyring(user: str) -> str:
    if importlib.util.find_spec("keyring") is None:
        return ""
    keyring = importlib.import_module("keyring")
    try:
        return keyring.get_password(SERVICE, user) or ""
    except keyring.errors.KeyringError:
        return ""


def read_keys(file: Path) -> dict[str, Secret | dict[str, Secret]]:
    """The keys of a file, by provider and, where it says so, by endpoint; none if there is no file.

    Raises SettingsError if others may read it, if it belongs to someone else, or if it is not such a file.
    """
    if not file.exists():
        return {}
    _refuse_if_readable(file)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The parser's message can quote the line, and the line can be a key.
        raise SettingsError(f"{file} is not readable as TOML ({type(error).__name__}); correct it") from None
    keys: dict[str, Secret | dict[str, Secret]] = {}
    for provider, value in raw.items():
        if isinstance(value, str):
            keys[provider] = Secret(value)
        elif isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
            keys[provider] = {endpoint: Secret(each) for endpoint, each in value.items()}
        else:
            raise SettingsError(f'{file}: {provider} should be a text, or a table of endpoint = "key"')
    return keys


def _refuse_if_readable(file: Path) -> None:
    if os.name != "posix":
        return
    found = file.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise SettingsError(f"{file} has mode {mode:04o}: others can read your keys; run: chmod 600 {file}")
    if found.st_uid != os.geteuid():
        raise SettingsError(f"{file} belongs to another user; keys are read only from a file of your own")


def store_key(home: Path, provider: Provider, secret: Secret, endpoint: str = "") -> Path:
    """Writes a key into `home`/keys.toml (mode 0600, all or nothing) and returns the file.

    An empty secret removes the key. Raises UsageError for text that cannot be a key.
    """
    check_key(provider, secret, endpoint)
    value = secret.reveal()
    file = home / FILE
    keys = read_keys(file)
    old = keys.pop(provider.id, None)
    if endpoint:
        table = dict(old) if isinstance(old, dict) else {}
        table.pop(endpoint, None)
        if value:
            table[endpoint] = secret
        if table:
            keys[provider.id] = table
    elif value:
        keys[provider.id] = secret
    _write(file, keys)
    return file


def check_key(provider: Provider, secret: Secret, endpoint: str = "") -> None:
    """Raises UsageError for a text that cannot be a key, and for an endpoint that `provider` does not have."""
    value = secret.reveal()
    if value and (not value.isascii() or not value.isprintable() or " " in value):
        raise UsageError(f"this cannot be a key of {provider.name}: keys are ASCII without blanks; copy it again")
    if endpoint and provider.endpoint(endpoint) is None:
        known = ", ".join(each.id for each in provider.endpoints)
        raise UsageError(f"{provider.name} has no endpoint {endpoint!r}; it has: {known}")


def _write(file: Path, keys: Mapping[str, Secret | dict[str, Secret]]) -> None:
    single = [f"{name} = {json.dumps(key.reveal())}" for name, key in keys.items() if isinstance(key, Secret)]
    tables = [
        "\n".join([f"\n[{name}]", *(f"{endpoint} = {json.dumps(key.reveal())}" for endpoint, key in each.items())])
        for name, each in keys.items()
        if isinstance(each, dict)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".keys-")  # mkstemp creates with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write("\n".join([*single, *tables]) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


SHAPES = re.compile(
    r"""
    bce-v3/[A-Za-z0-9_/.\-]{8,}                         # Baidu
    | \b(?:sk|ak|tp|ms|org|AKLT|gsk|hf)[-_][A-Za-z0-9_\-]{8,}  # most vendors; organisation and access key ids
    | \b[0-9a-f]{32}[.:][A-Za-z0-9+/=_\-]{8,}           # Zhipu id.secret, Spark APIKey:APISecret
    | \beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]+){1,2} # JSON web tokens
    | (?<=Bearer\ )[A-Za-z0-9._~+/=\-]{4,}              # whatever a header held
    | \*{3,}[A-Za-z0-9_\-]{2,}                          # what a vendor left of a key
    """,
    re.VERBOSE,
)


def redact(text: str, known: Iterable[Secret] = ()) -> str:
    """`text` without the known keys (plain, quoted for a URL, or within JSON) and without what looks like one."""
    for secret in known:
        value = secret.reveal()
        if len(value) >= 4:
            for form in {value, quote(value, safe=""), json.dumps(value)[1:-1], value.replace("/", "\\/")}:
                text = text.replace(form, HIDDEN)
    return SHAPES.sub(HIDDEN, text)


def known_keys(
    providers: Iterable[Provider], home: Path | None = None, env: Mapping[str, str] | None = None
) -> frozenset[Secret]:
    """Every key of every provider that the environment and keys.toml hold, for `redact`."""
    env = os.environ if env is None else env
    found = {Secret(env[name]) for each in providers for name in each.auth.env if env.get(name, "").strip()}
    for stored in read_keys(home / FILE).values() if home is not None else ():
        found.update(stored.values() if isinstance(stored, dict) else [stored])
    return frozenset(found)
