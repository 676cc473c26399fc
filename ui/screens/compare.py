"""Compare: the same question on the same passages to several providers, side by side."""

from __future__ import annotations

import streamlit as st

from kb.answer.comparing import Comparison, label, named
from kb.answer.estimating import Expected
from kb.errors import KBError
from kb.models import Answer
from kb.text.language import detect
from ui import asking, choosing, comparing, owning, parts
from ui.asking import Choices, Desk, Seen
from ui.choosing import NOBODY
from ui.comparing import FEWEST, MOST, Compared
from ui.render import Safe, fill, join, notice, plain, show
from ui.screens.ask import EVERY, PAUSE, choose_filters, name_of, open_passage, sheet, stage_of
from ui.session import kb, settings, words

WHOM = "compare whom"
"""Where the session keeps who is to be compared."""


def page() -> None:
    desk = st.session_state.setdefault("comparing desk", Desk())
    with st.container():  # a container of its own keeps the form's place while what follows changes
        chosen = choose()
    current: Compared | None = st.session_state.get("compared")
    if chosen is not None:
        question, names, choices = chosen
        if current is not None:
            current.job.stop()
        number = current.number + 1 if current else 0
        current = st.session_state["compared"] = comparing.begun(kb(), number, question, names, choices)
        desk.reading = None
    if current is None:
        show(fill('<p class="lb-line">{line}</p>', line=words()("compare.about")))
    elif current.job.running:
        follow(current)
    else:
        ended(desk, current)


def choose() -> tuple[str, list[str], Choices] | None:
    """Whom to ask and what; the question with its providers when it is put."""
    text, config, registry = words(), settings(), kb().registry
    offered = choosing.options(registry, config, owning.path(), owning.keys())
    ready = [option for option in offered if not option.lacks and option.id != NOBODY]
    offers = [
        *(option.id for option in ready),
        *(f"{option.id}:{model}" for option in ready for model in option.models[1:]),
    ]
    if chosen := st.session_state.get(WHOM):
        # A path that was narrowed since has taken some of them away.
        st.session_state[WHOM] = [name for name in chosen if name in offers]
    whom, more = st.columns([5, 1], vertical_alignment="bottom")
    names = whom.multiselect(
        text("compare.whom"),
        offers,
        format_func=lambda name: plain(called(name)),
        max_selections=MOST,
        key=WHOM,
        persist_state="session",
        placeholder=text("compare.whom_hint", fewest=FEWEST, most=MOST),
    )
    with more.popover(text("ask.filters"), icon=":material/tune:"):
        filters = choose_filters()
        owning.choose_path()
        strict = st.checkbox(text("ask.strict"), help=text("ask.strict_help"), key="compare strictly")
        judge = st.checkbox(text("ask.judge"), help=text("ask.judge_help"), key="compare with judges")
    question = st.text_input(text("compare.question"), key="compare question", persist_state="session")
    choices = Choices(
        NOBODY,
        filters=filters,
        interface=text.language,
        strict=strict,
        judge=judge,
        path=owning.path(),
        keys=owning.keys(),
    )
    enough = len(names) >= FEWEST and bool(question.strip())
    button, line = st.columns([1, 5], vertical_alignment="center")
    pressed = button.button(text("compare.ask"), type="primary", disabled=not enough)
    if len(ready) < FEWEST:
        show(notice("info", text("compare.too_few"), text("compare.too_few_do")))
    if enough:
        show(fill('<p class="lb-line">{line}</p>', line=estimated(question, names, choices)), line)
    return (question, names, choices) if pressed and enough else None


def estimated(question: str, names: list[str], choices: Choices) -> str:
    """What the comparison will cost at most, before anything is sent."""
    text = words()
    try:
        found = kb().estimate(question, names, own=choices.own())
    except KBError as error:
        return str(error)
    parts_of = [f"{called(name)} {cost_of(each)}" for name, each in zip(names, found, strict=True)]
    return plain(text("compare.estimate", costs=" · ".join(parts_of)))


def called(name: str) -> str:
    """What a reader calls `qwen` or `qwen:MODEL`."""
    provider, model = named(name)
    return f"{name_of(provider)} · {model}" if model else name_of(provider)


def cost_of(each: Expected) -> str:
    text = words()
    if each.free:
        return text("compare.free")
    if each.estimate is None or each.estimate.cost is None:
        return text("compare.no_price")
    cost = f"{each.estimate.cost:.4f} {each.estimate.currency or ''}".strip()
    return text("ask.cost", cost=cost, day=each.estimate.price_as_of) if each.estimate.price_as_of else cost


def follow(current: Compared) -> None:
    """All of them at once, while they answer."""
    text, job = words(), current.job
    heading(current)
    st.button(text("ask.stop"), icon=":material/stop_circle:", on_click=job.stop, key="stop comparing")
    columns = beside(len(current.names))
    places = []
    for column, name in zip(columns, current.names, strict=True):
        with column:
            title(called(name))
            places.append((name, st.empty(), st.empty()))
    while job.running:
        given = job.events
        for name, stage, writing in places:
            shown = comparing.so_far(given, name)
            done = text.of("outcome", comparing.outcome_of(shown.answer)) if shown.answer else f"{stage_of(shown)} …"
            show(fill('<p class="lb-line" role="status">{line}</p>', line=done), stage)
            if shown.text:
                show(asking.written(shown, text), writing)
        job.wait(len(given) + 1, EVERY + PAUSE)
    st.rerun()


def beside(count: int) -> list[st.delta_generator.DeltaGenerator]:
    """Places side by side: one row up to three, two rows of two for four."""
    if count <= 3:
        return list(st.columns(count, gap="medium"))
    return [place for _ in range(2) for place in st.columns(2, gap="medium")][:count]


def ended(desk: Desk, current: Compared) -> None:
    """The answers side by side, and where they differ."""
    text, found = words(), comparing.result(current.job.events)
    heading(current)
    if found is None:
        if current.job.error is not None:
            show(notice("bad", text("ask.failed"), str(current.job.error)))
        else:
            show(notice("info", text("ask.stopped"), text("compare.stopped_do")))
        return
    names = [called(name) for name in current.names]
    columns = ("provider", "outcome", "sentences", "cited", "withheld", "tokens", "cost")
    parts.table(
        f"compared {current.number}",
        name=text("compare.outcomes"),
        columns=[{"id": each, "name": text(f"compare.{each}")} for each in columns],
        rows=comparing.rows(found, names, text),
    )
    for place, answer, name in zip(beside(len(names)), found.answers, names, strict=True):
        with place:
            one(desk, current, answer, name)
    differences(found, current)
    evidence(desk, found, current)
    sheet(desk)


def one(desk: Desk, current: Compared, answer: Answer, name: str) -> None:
    text = words()
    shown = Seen(passages=answer.passages, coverage=answer.coverage, answer=answer)
    title(name)
    if answer.message and not answer.sentences:
        show(notice("warn", text.of("outcome", comparing.outcome_of(answer)), answer.message))
    parts.answer(
        f"compared {current.number} {name}",
        name=f"{text('ask.answer')}: {name}",
        language=detect(current.question),
        sentences=asking.sentences(shown, text),
        thinking="",
        thinking_name=text("ask.thinking"),
        on_cite=lambda number: open_passage(desk, shown, number),
    )
    if answer.message and answer.sentences:
        show(fill('<p class="lb-line">{line}</p>', line=answer.message))
    for line in answer.coverage.left_out:
        show(fill('<p class="lb-line">{line}</p>', line=line))


def differences(found: Comparison, current: Compared) -> None:
    """Sentences that only one writes, and figures or dates that differ."""
    text = words()
    names = {label(answer): called(name) for answer, name in zip(found.answers, current.names, strict=True)}
    st.subheader(text("compare.differ"), anchor=False)
    clashes = [
        fill(
            "<li><b>{first}</b> {first_says} ≠ <b>{second}</b> {second_says}<br>“{one}”<br>“{other}”</li>",
            first=names.get(each.first, each.first),
            first_says=each.first_says,
            second=names.get(each.second, each.second),
            second_says=each.second_says,
            one=each.first_sentence,
            other=each.second_sentence,
        )
        for each in found.differences
    ]
    listed("compare.figures", clashes)
    listed(
        "compare.alone",
        [
            fill("<li><b>{who}</b> {said}</li>", who=names.get(each.provider, each.provider), said=each.sentence.text)
            for each in found.alone
        ],
    )


def listed(heading_name: str, items: list[Safe]) -> None:
    text = words()
    body = fill('<p class="lb-line">{none}</p>', none=text("compare.none"))
    if items:
        body = fill('<ul class="lb-list">{items}</ul>', items=join(items))
    show(join([fill('<h4 class="lb-title">{name}</h4>', name=text(heading_name)), body]))


def evidence(desk: Desk, found: Comparison, current: Compared) -> None:
    """The passages all of them were given, with those that nobody cites marked."""
    text = words()
    unused = {passage.chunk_id for passage in found.unused}
    shown = Seen(turn=1, passages=found.passages)
    cards = []
    for card, passage in zip(asking.passage_cards(shown, text), found.passages, strict=True):
        left = passage.chunk_id in unused
        notes = [card["note"], text("compare.unused") if left else ""]
        cards.append({**card, "note": " · ".join(filter(None, notes)), "active": bool(unused) and not left})
    with st.expander(text("compare.evidence", count=len(found.passages), unused=len(unused))):
        parts.cards(
            f"compared passages {current.number}",
            name=text("ask.evidence"),
            items=cards,
            on_open=lambda number: open_passage(desk, shown, number),
        )


def heading(current: Compared) -> None:
    show(fill('<h2 class="lb-question">{question}</h2>', question=current.question))


def title(name: str) -> None:
    show(fill('<h3 class="lb-title">{name}</h3>', name=name))
