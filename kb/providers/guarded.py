"""The one factory of clients for addresses that the settings name: embeddings, rerankers, whatever comes next.

A client of it reaches one address or none: the data path is asked before it is made, and again at the socket.
Calls of a registered provider (`open_chat`, `open_embedder`, `open_reranker`) stand on the same gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.errors import ProviderError
from kb.providers.datapath import Area, DataPath
from kb.providers.keys import Secret
from kb.providers.outcomes import Outcome

if TYPE_CHECKING:
    import httpx

TIMEOUT = 60.0
"""Seconds without a byte."""


def guarded_client(
    url: str,
    area: Area,
    path: DataPath,
    *,
    key: Secret | None = None,
    timeout: float = TIMEOUT,
    use: str = "requests",
) -> httpx.Client:
    """A client for the host of `url` alone, which stands in `area` (`Registry.area(url)` says so).

    It follows no redirect, sends no header but those of HTTP itself, and adds `key` as a bearer token at the
    last moment; the environment's proxy is used under `any` alone. `use` says in the message what for.
    Raises ProviderError (path_forbidden) if `path` does not permit the area; a request to another host raises
    PathForbidden before a socket opens.
    """
    check_path(url, area, path, use=use)
    from kb.providers.transport import Route, gated_client

    return gated_client(Route(url, path, key), timeout)


def check_path(url: str, area: Area, path: DataPath, *, use: str = "requests") -> None:
    """Raises ProviderError (path_forbidden) if `path` does not permit `url`, which stands in `area`."""
    if not path.permits(area):
        raise ProviderError(
            str(Outcome.PATH_FORBIDDEN),
            f"the data path {path} does not allow {use} at {url} ({area}); nothing was sent. Choose what runs on "
            "this machine, or change LAGEBILD_DATA_PATH",
        )
