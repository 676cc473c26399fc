"""How soon a reader sees something: from Enter to the passages, and to the local model's first word.

    python -m tests.bench.page [--articles 1000] [--answers 3] [--seed 1] [--home DIR]

The starter corpus and articles of random words (ours) lie in one home, which `--home` keeps for the next time. The
page is served as `lagebild up` serves it and asked in headless Chromium. The first question warms it and is not
counted. `--answers` also needs weights in LAGEBILD_MODELS; 0 leaves the model out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, expect

from ingest.run import ingest
from ingest.targets import FileTarget
from ingest.up import load_starter
from kb.knowledge import open_kb
from kb.settings import Settings
from tests.bench.ingestion import write
from tests.browser import PATIENCE, choose, chromium, evidence, opened, put, served

QUESTIONS = (
    "When did BIS publish the chip rules for China?",
    "Ab wann blockiert OpenAI den Zugang in China?",
    "What does the AI Action Plan say?",
    "哪些中国公司在2024年4月被列入实体清单？",
    "What became of the AI diffusion rule?",
    "Welche Lizenz braucht Nvidia für den H20?",
    "百度向迁移用户提供了什么？",
    "Which firms did Anthropic bar in 2025?",
)


def fill(home: Path, articles: int, seed: int) -> None:
    with open_kb(settings=Settings(home=home)) as kb:
        load_starter(kb, print)
        if kb.catalog.counts()["articles"] < articles:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "articles.jsonl"
                write(file, articles - kb.catalog.counts()["articles"], 500, seed)
                for _ in ingest(kb, [FileTarget(file)]):
                    pass


def best_titles(home: Path) -> dict[str, str]:
    """The title that must be seen first for each question."""
    with open_kb(settings=Settings(home=home)) as kb:
        return {question: kb.search(question, 1)[0].version.title for question in QUESTIONS}


def passages_after(page: Page, question: str, title: str) -> float:
    pressed = put(page, question)
    evidence(page).locator(".title", has_text=title).first.wait_for()
    return time.perf_counter() - pressed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--answers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "home"
        fill(home, given.articles, given.seed)
        titles = best_titles(home)
        models = os.environ.get("LAGEBILD_MODELS", "")
        env = {"LAGEBILD_MODEL": Settings(home=home).model, "LAGEBILD_MODELS": models} if given.answers else {}
        with served(home, env) as url, chromium() as browser:
            page = opened(browser, url)
            choose(page, "Evidence only")
            passages_after(page, "What is an export licence?", "")
            found = [passages_after(page, question, title) for question, title in titles.items()]
            words = []
            if given.answers:
                choose(page, "Local model")
                for question in QUESTIONS[: given.answers + 1]:
                    pressed = put(page, question)
                    page.locator(".lb-written, .sentence").first.wait_for()
                    words.append(time.perf_counter() - pressed)
                    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    line = f"page: {given.articles} articles, passages after {median(found):.2f} s (worst {max(found):.2f} s)"
    if words[1:]:
        line += f", first word of the local model after {median(words[1:]):.1f} s (worst {max(words[1:]):.1f} s)"
    print(line)


if __name__ == "__main__":
    main()
