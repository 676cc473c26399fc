"""Models and providers: the local model on this machine, and who else can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import streamlit as st

from kb.answer.calling import BUILT_IN, Own, OwnKey
from kb.answer.spend import QUOTA_DAYS, free_left, ledger
from kb.errors import KBError
from kb.local.weights import LocalModel, Progress, catalogue, path_of, pull
from kb.providers import Outcome, Provider, Registry, Secret
from kb.providers.cost import Spent
from kb.providers.entries import Endpoint, Kind, Model
from kb.providers.keys import check_key, store_key
from kb.settings import Settings
from ui import choosing, owning
from ui.jobs import Job, steps
from ui.render import Safe, anchor, fill, join, label, notice, plain, show
from ui.session import kb, settings, words

EVERY = 0.5
"""Seconds between two looks at a download."""


def page() -> None:
    text, config, registry = words(), settings(), kb().registry
    st.subheader(text("providers.local"), anchor=False)
    places = {model.id: st.container() for model in catalogue()}
    st.subheader(text("providers.others"), anchor=False)
    show(fill('<p class="lb-line">{line}</p>', line=text("providers.checked", day=registry.checked)))
    if problem := choosing.keys_problem(next(iter(registry.values())), config.home):
        show(notice("bad", text("providers.keys_problem"), str(problem)))
    keys(registry, config)
    past = ledger(kb().catalog, QUOTA_DAYS)
    for provider in registry.values():
        if provider.id != BUILT_IN:
            entry(provider, config, past)
    for model in sorted(catalogue(), key=lambda each: running(each) is not None):
        with places[model.id]:
            local_model(model, config)


# ── the local model ───────────────────────────────────────────────────────────────────────────────


def running(model: LocalModel) -> Job[Progress] | None:
    """The download of a model that this session has under way."""
    job: Job[Progress] | None = st.session_state.get(f"pull {model.id}")
    return job if job and job.running else None


def local_model(model: LocalModel, config: Settings) -> None:
    """Whether its weights are here; if not, a button that fetches them, and how far that is."""
    text = words()
    job: Job[Progress] | None = st.session_state.get(f"pull {model.id}")
    here = path_of(model, config.model_folder) is not None
    line, button = st.columns([4, 1], vertical_alignment="center")
    state = "providers.here" if here else "providers.absent"
    used = text("providers.in_use") if model.id == config.model else ""
    size = text("providers.size", gigabytes=f"{model.size / 1e9:.1f}", licence=model.licence)
    if model.made_by:
        size = f"{size}, {text('providers.made_by', who=model.made_by)}"
    with line:
        show(
            fill(
                '<p class="lb-line"><b>{name}</b> · {state} · {size} {used}</p>',
                name=model.name,
                state=text(state),
                size=size,
                used=used,
            )
        )
    if not here and running(model) is None:
        button.button(text("providers.download"), key=f"download {model.id}", on_click=fetch, args=(model, config))
    if job is not None:
        download(model, job)


def fetch(model: LocalModel, config: Settings) -> None:
    st.session_state[f"pull {model.id}"] = Job(lambda: pulled(model, config))


def pulled(model: LocalModel, config: Settings) -> Iterator[Progress]:
    """The steps of a download, as they come; leaving it off stops the download, and keeps what has arrived."""

    def fetched(note: Callable[[Progress], None]) -> None:
        pull(model, config.model_folder, progress=note, hf_endpoint=config.hf_endpoint)

    return steps(fetched)


def download(model: LocalModel, job: Job[Progress]) -> None:
    """A download while it goes on, or how it ended; the page is drawn anew at its end."""
    text = words()
    if job.running:
        bar, line = st.empty(), st.empty()
        st.button(text("ask.stop"), key=f"stop {model.id}", on_click=job.stop)
        while job.running:
            last = job.events[-1] if job.events else None
            share = last.done / last.total if last and last.total else 0.0
            done = f"{last.channel} · {last.done / 1e6:,.0f} / {last.total / 1e6:,.0f} MB · {last.note}" if last else ""
            bar.progress(min(share, 1.0))
            show(fill('<p class="lb-line" role="status">{line}</p>', line=done or text("providers.starting")), line)
            job.wait(len(job.events) + 1, EVERY)
        st.rerun()
    if job.error is not None:
        show(notice("bad", text("providers.not_had"), str(job.error)))
    elif job.stopped:
        show(notice("info", text("providers.pull_stopped")))
    else:
        show(notice("good", text("providers.pulled")))


# ── the others ────────────────────────────────────────────────────────────────────────────────────


def keys(registry: Registry, config: Settings) -> None:
    """Giving and removing a key: for the home (its file, 0600) or this session. It is never shown again."""
    text = words()
    known = [each for each in registry.values() if each.auth.env]
    with st.expander(text("providers.store")), st.form("key", border=False, clear_on_submit=True):
        chosen = st.selectbox(
            text("ask.provider"), known, format_func=lambda each: plain(choosing.name_of(each, text.language))
        )
        endpoint = st.text_input(text("providers.endpoint"), help=text("providers.endpoint_help"))
        value = st.text_input(text("providers.key"), type="password", autocomplete="off")
        keep = st.radio(
            text("providers.keep"),
            ("home", "session"),
            format_func=lambda each: text(f"providers.keep_{each}"),
            horizontal=True,
        )
        if st.form_submit_button(text("providers.save")):
            save(chosen, OwnKey(Secret(value), endpoint.strip()), keep, config)


def save(provider: Provider, key: OwnKey, keep: str, config: Settings) -> None:
    """Keep a key in the home or in this session, or remove it there if it is empty; and say so."""
    text = words()
    try:
        check_key(provider, key.secret, key.endpoint)
        if keep == "session":
            owning.keep(provider.id, key)
        else:
            store_key(config.home, provider, key.secret, key.endpoint)
    except KBError as error:
        show(notice("bad", text("providers.not_stored"), str(error)))
        return
    kept = "providers.kept" if keep == "session" else "providers.stored"
    show(notice("good", text(kept if key.secret else "providers.removed")))


def entry(provider: Provider, config: Settings, past: Sequence[Spent]) -> None:
    """What is known of a provider: key, where it stands, models, and the day each was last seen to be so."""
    text = words()
    key = choosing.key_of(provider, config.home)
    needed = provider.auth.required
    mark = "✓" if key or not needed else "–"
    state = text("providers.no_key" if needed else "providers.no_key_needed")
    if key:
        state = text("providers.key_from", where=key.where)
    mine = owning.keys()
    if provider.id in mine:
        mark, state = "✓", text("providers.own_key")
    with st.expander(label(f"{mark} {choosing.name_of(provider, text.language)} — {state}")):
        if mark == "✓":
            trial(provider)
        show(particulars(provider, past))


def trial(provider: Provider) -> None:
    """A button that asks the provider for one word, and how that went."""
    text = words()
    model, button = st.columns([3, 1], vertical_alignment="bottom")
    current = [each.id for each in provider.models if not each.retired]
    chosen = model.selectbox(
        text("providers.test_model"),
        sorted(current, key=lambda id: id != provider.default),
        key=f"test model {provider.id}",
        accept_new_options=True,
        placeholder=text("ask.model_needed"),
    )
    if not button.button(text("providers.test"), key=f"test {provider.id}"):
        return
    with st.spinner(text("providers.testing")):
        found = kb().probe(provider.id, chosen, own=Own(owning.path(), owning.keys()), interface=text.language)
    if found.outcome == Outcome.ANSWERED:
        said = text("providers.works_do", model=found.model, host=found.host, seconds=f"{found.seconds:.1f}")
        show(notice("good", text("providers.works"), said))
    else:
        heading = f"{text('providers.works_not')}: {text.of('outcome', found.outcome)}"
        show(notice("bad", heading, found.message, found.detail))


def particulars(provider: Provider, past: Sequence[Spent]) -> Safe:
    text = words()
    facts = [
        (text("providers.kind"), text.of("kind", provider.kind)),
        (text("providers.state"), provider.status),
        (text("providers.live"), provider.live or text("providers.never_live")),
        (text("providers.variables"), ", ".join(provider.auth.env) if provider.kind is not Kind.LOCAL else ""),
        (text("providers.free"), provider.free_quota),
        (text("providers.free_left"), free_line(provider, past)),
        (text("providers.offer"), provider.offer_2024.text if provider.offer_2024 else ""),
    ]
    lines = [named(name, value) for name, value in facts if value]
    for address in dict.fromkeys(filter(None, (provider.auth.console, provider.docs))):
        lines.append(fill('<p class="lb-line">{link}</p>', link=anchor(address, address)))
    listed = (
        (text("providers.endpoints"), [endpoint_line(each) for each in provider.endpoints]),
        (text("providers.models"), [model_line(each) for each in provider.models if not each.retired]),
    )
    for name, items in listed:
        if items:
            lines.append(named(name, ""))
            lines.append(
                fill('<ul class="lb-list">{items}</ul>', items=join(fill("<li>{item}</li>", item=i) for i in items))
            )
    return join(lines)


def free_line(provider: Provider, past: Sequence[Spent]) -> str:
    """What is left of the free quotas that the registry states, as far as this home's own calls tell."""
    text = words()
    return " · ".join(
        text(
            "providers.free_counted",
            left=f"{each.left:,}",
            amount=f"{each.quota.amount:,}",
            unit=text.of("unit", each.quota.unit),
            model=provider.default,
        )
        for each in free_left(provider, past)
    )


def named(name: str, value: str) -> Safe:
    return fill('<p class="lb-line"><b>{name}</b> {value}</p>', name=name, value=value)


def endpoint_line(endpoint: Endpoint) -> str:
    text = words()
    dead = text("providers.dead", day=endpoint.dead_since) if endpoint.dead_since else ""
    place = ", ".join(filter(None, [text.of("area", endpoint.area), endpoint.operator]))
    return " · ".join(filter(None, [endpoint.id, endpoint.host, place, dead, endpoint.as_of]))


def model_line(model: Model) -> str:
    text = words()
    context = text("providers.context", tokens=f"{model.context:,}") if model.context else ""
    prices = [f"{price.input:g} / {price.output:g} {price.currency}" for price in model.prices[:1]]
    return " · ".join(filter(None, [model.id, model.role, context, *prices, model.as_of]))
