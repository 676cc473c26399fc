"""The built-in LLM: its catalogue, its weights on disk, and the server that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.local.server import LocalServer
    from kb.settings import Settings


def start(settings: Settings) -> LocalServer:
    """The server for the model that `settings` name; it loads the model when it is first asked.

    Raises ModelUnavailable when the weights are not on this machine.
    """
    from kb.local.server import LocalServer
    from kb.local.weights import locate

    path = locate(settings.model, settings.model_folder)
    own = settings.model.lower().endswith(".gguf")
    return LocalServer(path, settings.threads, model=path.stem if own else settings.model)
