"""A follow-up read with what was asked before: "and Tencent?" becomes the whole question.

Only a turn that cannot stand alone is touched: a fragment ("und 2023?", "那腾讯呢？"), a question that points back
("When does it end?"), or one that says next to nothing ("Why?"). A remote model that answers anyway may put it into
words (`kb.answer.rewriting`); without one, rules do: a name or date takes the place of the one of its kind in the
question before. Where that place is not certain, both stand side by side, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kb.models import Usage
from kb.text.entities import Mention, load_entities
from kb.text.language import detect
from kb.text.words import query_words
from kb.verifying.dates import Day, days

if TYPE_CHECKING:
    from kb.answer.asking import Asking

OPENING = re.compile(
    r"""^\s*(?:
      (?:(?:and|but|so|or|then|ok(?:ay)?)[\s,]+)?(?:what|how)\s+about\b
    | (?:and|but|or|also)\b
    | (?:(?:und|aber|oder|auch|dann)[\s,]+)?
        (?:was\s+ist\s+mit|wie\s+(?:ist|war|steht|sieht)\s+(?:es|das)\s+(?:mit|bei|für|in))\b
    | (?:und|aber|oder|auch)\b
    | 那么?(?![些个里年种位次时]) | 还有(?!哪|什) | 至于 | 以及 | 而且?
    )[\s,，]*""",
    re.IGNORECASE | re.VERBOSE,
)
"""How a turn begins that goes on with the one before."""

ENDING = re.compile(
    r"(?:\s+(?:then|too|as well|auch|dann|aus))?\s*(?:呢|又如何|又怎么样|怎么样|如何)?[\s?？!！.。]*$", re.IGNORECASE
)

BEFORE_NAME = re.compile(
    r"^(?:(?:in|on|at|by|for|with|from|of|since|until|after|before|to|im|bei|mit|für|von|vom|am|seit|bis|nach|vor|zu|zum|zur)"
    r"\s+)?(?:(?:the|der|die|das|den|dem)\s+)?|^(?:在|对|对于|关于|从)",
    re.IGNORECASE,
)

ASKS = re.compile(
    r"\b(?:who|whom|whose|what|when|where|why|which|how|did|does|do|is|are|was|were|has|have|had|can|could|will|would|"
    r"wer|wen|wem|was|wann|wo|warum|wieso|weshalb|wie|welche\w?|hat|haben|hatte|ist|sind|war|waren|wird|werden|wurde|"
    r"wurden|kann|gilt|gibt)\b|为什么|什么|何|谁|哪|怎|为啥|多少|几|吗|是否|有没有|多久",
    re.IGNORECASE,
)
"""What a question of its own has: a word that asks, or a verb before its subject."""

POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|these|those)\b"
    r"|\b(?:er|sie|ihn|ihm|ihre?[nmrs]?|sein(?:e[nmrs]?)?|dies(?:e[rnms]?)?|deren|dessen|davon|dafür|dagegen|damit)\b"
    r"|(?<!gibt )(?<!gab )\bes\b|\b(?:das|that)\s*[?？]"
    r"|(?<!其)[它他她](?!国|人)们?|这[项个些家种次样条]|该(?=公司|规定|规则|法|国|措施|禁令|企业|机构|模型|芯片)|其(?![他它中实余次])|此[举事次]"
)

RELATIVE = re.compile(
    r"(?:last|this|next|past)\s+(?:week|month|year|quarter)|(?:letzte|diese|nächste|vergangene)\w*\s+(?:Woche|Monat|Jahr|Quartal)\w*"
    r"|today|yesterday|heute|gestern|去年|今年|明年|前年|上个?月|这个?月|本月|上周|本周|今天|昨天",
    re.IGNORECASE,
)

ASIDE = re.compile(r",|\b(?:who|whose|that)\b|(?<=\s)which\b|[，；]|[向对给为被把从]|失去")
"""After this a name is in a clause of its own: not the one that a follow-up puts another in place of."""

FRAGMENT_WORDS, FRAGMENT_HAN, BARE_HAN = 6, 12, 5
"""A turn is a fragment up to this length; the last is for one that no word ties to the turn before."""

LITTLE = 2
"""Words with a meaning of their own, up to which a question that goes on with the one before is not one by itself."""

GROUPS = (
    {"company", "organization", "media"},
    {"country", "place"},
    {"agency", "government-body", "legislature"},
    {"regulation", "law", "bill", "policy-document"},
    {"chip", "model", "technology", "product", "project"},
    {"person"},
)
"""Kinds of which one may stand in the place of another."""

_HAN = re.compile(r"[\u3400-\u9fff]")


def understood(question: str, before: Sequence[str], asking: Asking | None) -> tuple[str, Usage | None]:
    """The whole question that a turn asks, and what it took a model to say so; itself if it stands alone."""
    earlier = [each for each in before if each.strip()]
    if not earlier or not follows_up(question):
        return question, None
    if asking is not None:
        from kb.answer.rewriting import rewritten

        found, usage = rewritten(question, earlier, asking)
        return found or by_rule(question, earlier[-1]), usage
    return by_rule(question, earlier[-1]), None


def follows_up(question: str) -> bool:
    """Whether a question cannot be understood without the one before it."""
    opening = OPENING.match(question)
    rest = ENDING.sub("", question[opening.end() if opening else 0 :])
    goes_on = opening is not None or re.search(r"呢[\s?？]*$", question) is not None
    if _is_fragment(rest):
        bare = len(rest.split()) <= LITTLE and len(_HAN.findall(rest)) <= BARE_HAN
        return goes_on or (question.rstrip().endswith(("?", "？")) and bare)
    pointer = POINTS_BACK.search(question)
    if pointer is not None and not any(each.end <= pointer.start() for each in load_entities().mentions(question)):
        return True
    if not any(character.isalnum() for character in ASKS.sub("", rest)):
        return True
    return goes_on and len(query_words(rest, detect(question))) <= LITTLE


def by_rule(question: str, before: str) -> str:
    """The follow-up as a whole question, made of the one before without a model."""
    opening = OPENING.match(question)
    fragment = ENDING.sub("", question[opening.end() if opening else 0 :]).strip()
    if not _is_fragment(fragment) or not fragment:
        return f"{question.strip()} ({before.strip()})"
    return _at_another_time(fragment, before) or _of_another(fragment, before) or _beside(fragment, before)


def _is_fragment(text: str) -> bool:
    short = len(text.split()) <= FRAGMENT_WORDS and len(_HAN.findall(text)) <= FRAGMENT_HAN
    return short and ASKS.search(text) is None and POINTS_BACK.search(text) is None


def _at_another_time(fragment: str, before: str) -> str | None:
    """The question before with the date of the fragment, if the fragment is a date and nothing else."""
    bare = BEFORE_NAME.sub("", fragment, count=1).strip()
    named = days(bare)
    if not (named and _is_all(named, bare)) and not RELATIVE.fullmatch(bare):
        return None
    there = days(before)
    if len(there) == 1:
        return before[: there[0].start] + bare + before[there[0].end :]
    if there:
        return None
    if _HAN.search(before):
        return f"{bare}，{before.strip()}"
    mark = re.search(r"[\s?？.]*$", before)
    assert mark is not None
    return f"{before[: mark.start()]} {fragment}{before[mark.start() :].strip() or '?'}"


def _is_all(named: Sequence[Day], text: str) -> bool:
    rest = text[: named[0].start] + text[named[-1].end :]
    return not any(character.isalnum() for character in rest)


def _of_another(fragment: str, before: str) -> str | None:
    """The question before with the name of the fragment in place of the one of its kind, if it is certain which."""
    entities = load_entities()
    mentions = entities.mentions(fragment)
    bare = BEFORE_NAME.sub("", fragment, count=1).strip()
    if not mentions or any(word.strip() for word in _others(bare)):
        return None
    wanted = mentions[0].ids
    same = [
        each for each in entities.mentions(before) if _of_one_kind(each.ids, wanted) and not set(each.ids) & set(wanted)
    ]
    countries = {entities[id].country for id in wanted}
    near = [each for each in same if countries & {entities[id].country for id in each.ids}]
    chosen = near if len(near) == 1 else same
    if len(chosen) != 1 or (chosen is not near and _is_aside(chosen[0], before)):
        return None
    name = _name(bare, wanted if len(mentions) == 1 else (), before)
    return before[: chosen[0].start] + name + before[chosen[0].end :]


def _others(text: str) -> list[str]:
    """What stands in a text beside the names of the registry and the words that join them."""
    rest, end = [], 0
    for mention in load_entities().mentions(text):
        rest.append(text[end : mention.start])
        end = mention.end
    return [re.sub(r"\b(?:and|und|or|oder|the|die|der|das)\b|[,，、和与及]", "", each) for each in (*rest, text[end:])]


def _of_one_kind(some: Sequence[str], others: Sequence[str]) -> bool:
    entities = load_entities()
    kinds, wanted = {entities[id].kind for id in some}, {entities[id].kind for id in others}
    return bool(kinds & wanted) or any(kinds & group and wanted & group for group in GROUPS)


def _is_aside(mention: Mention, text: str) -> bool:
    owns = text[mention.end : mention.end + 2] in ("'s", "’s") or text[mention.end : mention.end + 1] == "的"
    return owns or ASIDE.search(text[: mention.start]) is not None


def _name(written: str, ids: Sequence[str], before: str) -> str:
    """The name as it is written, or in the language of the question before if that has another script."""
    if len(ids) == 1 and bool(_HAN.search(written)) != bool(_HAN.search(before)):
        names = load_entities()[ids[0]].names[detect(before) if detect(before) in ("de", "zh") else "en"]
        return names[0] if names else written
    return written


def _beside(fragment: str, before: str) -> str:
    return f"{fragment}：{before.strip()}" if _HAN.search(before) else f"{fragment}: {before.strip()}"
