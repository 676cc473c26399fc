"""The process that holds a local model: a script that `kb.local.server` starts, never imported.

llama.cpp runs in a process of its own because loading holds Python's lock for seconds, because a
failed allocation can end a process, and because the waiting policy of its threads is an environment
variable. It reads one line of JSON (what to load), writes one line of JSON (its address, or why
not), serves until its input ends, and so dies with the process that started it, however that dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

BATCH = 128
"""Tokens between two looks at the queue while a prompt is read: a client that left is noticed there."""
REUSE_MIB = 256
"""Memory for prompts that were read before, so that two kinds of prompt can alternate."""


def serve(order: dict[str, Any]) -> str:
    """Load the model of `order` and serve it until standard input ends; returns why it could not."""
    try:
        import xllamacpp
    except ImportError as error:
        return f"the llama.cpp wheel cannot be loaded ({error}); run: pip install xllamacpp"
    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["model"]}
    params.n_ctx = order["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.n_batch = params.n_ubatch = BATCH
    params.n_parallel = 1
    params.no_extra_bufts = not order["repack"]
    params.cache_ram_mib = REUSE_MIB
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.cors_origins = "http://127.0.0.1"
    params.cors_credentials = False
    params.endpoint_slots = params.ui = False
    params.offline = True
    # A model that thinks aloud first would keep a reader on two cores waiting for minutes.
    params.enable_reasoning = 0
    params.verbosity = 3 if order["verbose"] else 1
    for name, value in order["tuning"].items():
        setattr(params, name, value)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        return str(error)
    say({"address": server.listening_address})
    sys.stdin.read()
    return ""


def say(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    # Ctrl-C in a terminal reaches this process too; the one that started it decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if why := serve(json.loads(sys.stdin.readline())):
        say({"error": why})
    # No teardown: llama.cpp would first finish the batch it is in.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
