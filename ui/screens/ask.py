"""Ask: a question, the passages at once, the checked answer as it is written."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from kb.answer.calling import BUILT_IN
from kb.answer.events import Event
from kb.models import LANGUAGES, Filters, Status
from ui import asking, choosing, owning, parts, reading, shelf
from ui.asking import Asked, Choices, Desk, Seen
from ui.choosing import NOBODY
from ui.jobs import Job
from ui.render import fill, join, notice, plain, show
from ui.screens import answered
from ui.session import kb, settings, words

EVERY = 0.3
"""Seconds after which a press on the page is noticed while nothing new comes."""

PAUSE = 0.04
"""Seconds between two pieces of an answer that is written faster than it can be read."""

AT_ONCE = 0.9
"""Seconds the first look waits for the passages, so that they come with it."""


def page() -> None:
    desk = st.session_state.setdefault("desk", Desk())
    choices = choose()
    with st.container():  # in a container the input stays where it is written, not at the foot of the page
        question = st.chat_input(words()("ask.placeholder"), key="question")
    if question:
        ask(desk, question, choices)
    if desk.current is None:
        front(desk, choices)
    elif desk.current.job.running:
        follow(desk, desk.current)
    else:
        ended(desk, desk.current, choices)


def ask(desk: Desk, question: str, choices: Choices) -> None:
    desk.ask(kb(), question, choices)


def choose() -> Choices:
    """The row above the question: who answers, in which language, from what."""
    text, config = words(), settings()
    listed = choosing.options(kb().registry, config, owning.path(), owning.keys())
    offered = {option.id: option for option in listed}

    def named(id: str) -> str:
        option = offered[id]
        name = name_of(id)
        return plain(f"{name} ({text(f'ask.lacks_{option.lacks}')})" if option.lacks else name)

    st.session_state.setdefault("provider", choosing.first(listed, config))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        provider = st.selectbox(
            text("ask.provider"), list(offered), format_func=named, width=270, key="provider", persist_state="session"
        )
        model = None
        if provider not in (BUILT_IN, NOBODY):
            model = st.selectbox(
                text("ask.model"),
                offered[provider].models,
                width=230,
                key=f"model of {provider}",
                persist_state="session",
                accept_new_options=True,
                placeholder=text("ask.model_needed"),
            )
        answer_language = st.selectbox(
            text("ask.answer_language"),
            ["", *LANGUAGES],
            format_func=lambda each: text.of("language", each) if each else text("ask.as_asked"),
            width=220,
            key="answer_language",
            persist_state="session",
        )
        with st.popover(text("ask.filters"), icon=":material/tune:"):
            filters = choose_filters()
            owning.choose_path()
            others = [id for id, option in offered.items() if not option.lacks and id not in (provider, NOBODY)]
            fallback = st.multiselect(text("ask.fallback"), others, format_func=name_of, help=text("ask.fallback_help"))
            consent = bool(fallback) and st.checkbox(text("ask.consent"))
            strict = st.checkbox(text("ask.strict"), help=text("ask.strict_help"))
            judge = st.checkbox(text("ask.judge"), help=text("ask.judge_help"))
    # Always there, so that what follows keeps its place: an input that moves loses what is being typed.
    with st.container():
        if offered[provider].lacks == "weights":
            show(notice("warn", text("ask.no_weights"), text("ask.no_weights_do", model=config.model)))
        elif offered[provider].lacks == "path":
            path = text.of("path", owning.path())
            show(notice("warn", text("ask.path_forbids", path=path), text("ask.path_forbids_do")))
        elif provider == NOBODY and offered[BUILT_IN].lacks:
            show(fill('<p class="lb-line">{line}</p>', line=text("ask.evidence_only_start")))
    return Choices(
        provider,
        model,
        answer_language or None,
        filters,
        tuple(fallback),
        consent,
        text.language,
        strict,
        judge,
        owning.path(),
        owning.keys(),
    )


def choose_filters() -> Filters:
    text = words()
    languages = st.multiselect(text("ask.languages"), LANGUAGES, format_func=lambda each: text.of("language", each))
    sources = st.multiselect(text("ask.sources"), outlets())
    since, until = st.columns(2)
    chosen_since = since.date_input(text("ask.since"), value=None, min_value="1990-01-01", max_value="today")
    chosen_until = until.date_input(text("ask.until"), value=None, min_value="1990-01-01", max_value="today")
    as_of = st.date_input(
        text("ask.as_of"), value=None, min_value="1990-01-01", max_value="today", help=text("ask.as_of_help")
    )
    return Filters(tuple(languages), tuple(sources), chosen_since, chosen_until, as_of)


def outlets() -> list[str]:
    return list(counted(str(kb().settings.home), shelf.newest_change(kb().catalog)))


@st.cache_data(show_spinner=False, max_entries=4)
def counted(home: str, change: tuple[int, int]) -> dict[str, int]:
    """Articles by outlet, as of the last change of a home."""
    return shelf.counted(kb().catalog, "source")


def front(desk: Desk, choices: Choices) -> None:
    """Before the first question: some to begin with, and what came last."""
    text = words()
    questions, newest = st.columns([3, 2], gap="large")
    with questions:
        st.subheader(text("ask.begin"), anchor=False)
        examples = [text(f"ask.example_{number}") for number in (1, 2, 3, 4)]
        parts.cards(
            "examples",
            name=text("ask.begin"),
            items=[{"id": each, "title": each, "language": text.language} for each in examples],
            on_open=lambda question: ask(desk, question, choices),
        )
    with newest:
        st.subheader(text("ask.newest_articles"), anchor=False)
        latest = shelf.lines(kb().catalog, shelf.Wanted(), 0)[:6]
        if not latest:
            show(notice("info", text("library.empty"), text("library.empty_do")))
        parts.cards(
            "latest",
            name=text("ask.newest_articles"),
            items=[
                {
                    "id": line.article_id,
                    "title": plain(line.title),
                    "language": line.language,
                    "meta": plain(f"{line.source} · {line.day or text('read.undated')}"),
                }
                for line in latest
            ],
            on_open=lambda article: desk.open(kb().catalog.current_version(article) or ""),
        )
    answered.stored(desk, choices)
    sheet(desk)


def follow(desk: Desk, asked: Asked) -> None:
    """The question while it is answered: the passages as soon as they are there, then each piece of the answer."""
    text, job = words(), asked.job
    left, right = st.columns([3, 2], gap="large")
    with left:
        heading(asked.question)
        reading_of = st.empty()
        line, button = st.columns([3, 1], vertical_alignment="center")
        stage, writing = line.empty(), st.empty()
        button.button(text("ask.stop"), icon=":material/stop_circle:", on_click=job.stop, key="stop")
    with right:
        st.subheader(text("ask.evidence"), anchor=False)
        found = st.empty()
    sheet(desk)
    job.wait(1, AT_ONCE)
    drawn = 0
    while job.running:
        events = job.events
        shown = asking.seen(events)
        if shown.turn > drawn:
            with found.container():
                passages(desk, asked, shown)
            drawn = shown.turn
            understood(shown, reading_of)
        show(fill('<p class="lb-line" role="status">{line} …</p>', line=stage_of(shown)), stage)
        if shown.text:
            show(asking.written(shown, text), writing)
        job.wait(len(events) + 1, EVERY)
        time.sleep(PAUSE)
    st.rerun()


def stage_of(shown: Seen) -> str:
    """What is going on now, in words."""
    text = words()
    if shown.text:
        return text("ask.writing")
    if shown.thought:
        return text("ask.thinking_now")
    if shown.ahead:
        return text("ask.waiting", count=shown.ahead)
    return text("ask.searching" if shown.passages is None else "ask.asking")


def ended(desk: Desk, asked: Asked, choices: Choices) -> None:
    """The question with its checked answer, or with the reason why there is none."""
    text, shown = words(), asking.seen(asked.job.events)
    left, right = st.columns([3, 2], gap="large")
    with left:
        heading(asked.question)
        understood(shown)
        if shown.understood:
            st.button(
                text("ask.as_written"),
                icon=":material/undo:",
                key=f"alone {asked.number}",
                on_click=lambda: desk.ask(kb(), asked.question, choices, alone=True),
            )
        if shown.answer is None:
            broken(asked.job)
        else:
            verdict(shown)
        parts.answer(
            f"answer {asked.number}",
            name=text("ask.answer"),
            language=asked.language,
            sentences=asking.sentences(shown, text),
            thinking=plain(shown.thought),
            thinking_name=text("ask.thinking"),
            on_cite=lambda number: open_passage(desk, shown, number),
        )
        if shown.answer is not None:
            answered.differences(desk, asked, shown.answer)
        lines(shown)
        if shown.answer is not None:
            answered.changes(desk, asked, shown.answer)
            answered.record(desk, asked, shown.answer, choices)
        earlier(desk)
        answered.stored(desk, choices)
    with right:
        st.subheader(text(heading_of(shown)), anchor=False)
        passages(desk, asked, shown)
    sheet(desk)


def heading(question: str) -> None:
    show(fill('<h2 class="lb-question">{question}</h2>', question=question))


def understood(shown: Seen, place: DeltaGenerator | None = None) -> None:
    """How a follow-up was read."""
    if shown.understood:
        line = words()("ask.understood", question=shown.understood)
        show(fill('<p class="lb-line lb-understood">{line}</p>', line=line), place)


def passages(desk: Desk, asked: Asked, shown: Seen) -> None:
    parts.cards(
        f"passages {asked.number} {shown.turn}",
        name=words()("ask.evidence"),
        items=asking.passage_cards(shown, words()),
        on_open=lambda number: open_passage(desk, shown, number),
    )


def heading_of(shown: Seen) -> str:
    thin = shown.answer is not None and shown.answer.status in (Status.NO_EVIDENCE, Status.THIN_EVIDENCE)
    return "ask.nearest" if thin else "ask.evidence"


def broken(job: Job[Event]) -> None:
    text = words()
    if job.error is not None:
        show(notice("bad", text("ask.failed"), str(job.error)))
    elif job.stopped:
        show(notice("info", text("ask.stopped"), text("ask.stopped_do")))
    else:
        show(notice("bad", text("ask.failed"), text("ask.see_log")))


def verdict(shown: Seen) -> None:
    """What kind of answer, or of no, this is."""
    text, answer = words(), shown.answer
    assert answer is not None
    match answer.status:
        case Status.NO_EVIDENCE:
            show(notice("info", text("ask.no_evidence"), text("ask.no_evidence_do")))
        case Status.THIN_EVIDENCE:
            show(notice("warn", text("ask.thin_evidence"), text("ask.thin_evidence_do")))
        case Status.PROVIDER_REFUSED | Status.PROVIDER_FAILED:
            kind = "warn" if answer.status is Status.PROVIDER_REFUSED else "bad"
            theirs = "\n".join(attempt.detail for attempt in answer.attempts if attempt.detail)
            show(notice(kind, text(f"ask.{answer.status}"), answer.message, theirs))
        case Status.ANSWERED if answer.sentences and answer.message:
            show(notice("info", text("ask.note"), answer.message))
        case Status.ANSWERED if not answer.sentences:
            show(notice("info", text("ask.evidence_alone"), text("ask.evidence_alone_do")))


def lines(shown: Seen) -> None:
    """Coverage, who answered, and who else was asked."""
    text = words()
    found = [asking.coverage_line(shown.coverage, text)] if shown.coverage and shown.coverage.passages else []
    if shown.answer is not None:
        if shown.answer.answered_by or not shown.answer.attempts:
            found.append(asking.usage_line(shown.answer, text, name_of(shown.answer.answered_by or NOBODY)))
        if shown.answer.as_of:
            found.append(text("ask.as_of_line", day=shown.answer.as_of))
            if shown.answer.changes is not None and not shown.answer.changes:
                found.append(text("ask.unchanged"))
        if shown.answer.judge:
            found.append(asking.judge_line(shown.answer.judge, text))
        if len(shown.answer.attempts) > 1 or not shown.answer.answered_by:
            found += asking.attempt_lines(shown.answer, text)
    if found:
        show(join(fill('<p class="lb-line">{line}</p>', line=line) for line in found))


def name_of(provider: str) -> str:
    """What a reader calls a provider."""
    text, known = words(), kb().registry.get(provider)
    if provider in (BUILT_IN, NOBODY) or known is None:
        return text.texts.get(f"ask.{provider}", provider)
    return choosing.name_of(known, text.language)


def earlier(desk: Desk) -> None:
    """The other questions of this session."""
    text = words()
    others = [each for each in reversed(desk.asked) if each.number != desk.shown]
    if not others:
        return
    st.subheader(text("ask.earlier"), anchor=False)
    parts.cards(
        "earlier",
        name=text("ask.earlier"),
        items=[{"id": each.number, "title": plain(each.question), "language": ""} for each in others],
        on_open=lambda number: show_again(desk, int(number)),
    )


def show_again(desk: Desk, number: int) -> None:
    desk.shown, desk.reading = number, None


def open_passage(desk: Desk, shown: Seen, number: object) -> None:
    found = asking.span_of(shown, number) if isinstance(number, int) else None
    if found is not None:
        desk.open(found[0], found[1])


def sheet(desk: Desk) -> None:
    """The article that is open, at the side."""
    if desk.reading is None or not desk.reading.version_id:
        return
    text, opened = words(), desk.reading
    parts.reader(
        "sheet",
        reading.article(kb().version(opened.version_id), text, opened.spans, opened.token),
        close=text("read.close"),
        on_closed=desk.close,
    )
