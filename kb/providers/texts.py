"""What a person reads when a provider did not simply answer: what happened, and what to do, in three languages."""

from __future__ import annotations

from collections.abc import Mapping

from kb.providers.entries import Provider
from kb.providers.outcomes import Failure, Outcome, Stage

DOMESTIC = "qwen, zhipu, qianfan, tencent, sensenova, deepseek"
"""Provider ids suggested to those whom OpenAI turns away: the five of the 2024 offers, and DeepSeek."""

TEXTS: dict[Outcome, dict[str, str]] = {
    Outcome.ANSWERED: {"en": "{name} answered.", "de": "{name} hat geantwortet.", "zh": "{name} 已回答。"},
    Outcome.REFUSED_IN_WORDS: {
        "en": "{name} declined to answer in its own words. The sources found stay readable; ask another provider.",
        "de": "{name} hat in eigenen Worten abgelehnt zu antworten. Die gefundenen Quellen bleiben lesbar; "
        "fragen Sie einen anderen Anbieter.",
        "zh": "{name} 用文字婉拒了回答。检索到的来源仍可阅读；可以改问其他服务商。",
    },
    Outcome.EMPTY: {
        "en": "{name} returned an empty answer. Ask again, or ask another provider.",
        "de": "{name} hat eine leere Antwort geliefert. Fragen Sie noch einmal oder einen anderen Anbieter.",
        "zh": "{name} 返回了空回答。请重试，或改问其他服务商。",
    },
    Outcome.CUT_OFF: {
        "en": "The answer of {name} broke off before its end. What came is shown; ask again for the whole.",
        "de": "Die Antwort von {name} brach vor dem Ende ab. Was ankam, ist zu sehen; fragen Sie für das Ganze erneut.",
        "zh": "{name} 的回答中途中断。已显示收到的部分；请重新提问以获得完整回答。",
    },
    Outcome.WRONG_LANGUAGE: {
        "en": "{name} answered in another language than asked for. Ask again, or choose another model.",
        "de": "{name} hat in einer anderen Sprache geantwortet als gewünscht. Fragen Sie noch einmal oder wählen Sie "
        "ein anderes Modell.",
        "zh": "{name} 没有用所要求的语言回答。请重试，或换一个模型。",
    },
    Outcome.CONTENT_BLOCKED: {
        "en": "The content filter of {name} blocked {stage}. The sources found stay readable. Lagebild can leave out "
        "the passages that trip it, or you can ask another provider.",
        "de": "Der Inhaltsfilter von {name} hat {stage} blockiert. Die gefundenen Quellen bleiben lesbar. Lagebild "
        "kann die auslösenden Passagen weglassen, oder Sie fragen einen anderen Anbieter.",
        "zh": "{name} 的内容过滤拦截了{stage}。检索到的来源仍可阅读。可以让 Lagebild 略去触发过滤的段落，"
        "或改问其他服务商。",
    },
    Outcome.REGION_BLOCKED: {
        "en": "{name} does not serve the country or region this request came from. Choose a provider that does, such "
        "as: {domestic} (lagebild providers list; lagebild migrate shows what replaces which model).",
        "de": "{name} bedient das Land oder die Region nicht, aus der diese Anfrage kam. Wählen Sie einen Anbieter, "
        "der "
        "es tut, etwa: {domestic} (lagebild providers list; lagebild migrate zeigt, was welches Modell ersetzt).",
        "zh": "{name} 不向此请求所在的国家或地区提供服务。请选择可用的国内服务商，例如：{domestic}"
        "（lagebild providers list；lagebild migrate 会列出对应的替代模型）。",
    },
    Outcome.AUTH_MISSING: {
        "en": "There is no key for {name}. Set {variables}, or store one on the providers page; keys are made at "
        "{docs}.",
        "de": "Für {name} gibt es keinen Schlüssel. Setzen Sie {variables}, oder hinterlegen Sie ihn auf der "
        "Anbieterseite; Schlüssel gibt es unter {docs}.",
        "zh": "没有 {name} 的密钥。请设置 {variables}，或在服务商页面保存密钥；密钥在此申请：{docs}。",
    },
    Outcome.AUTH_INVALID: {
        "en": "{name} rejected the key at {host}. Check that it is copied whole and still valid ({variables}).",
        "de": "{name} hat den Schlüssel an {host} abgelehnt. Prüfen Sie, ob er vollständig kopiert und noch gültig ist "
        "({variables}).",
        "zh": "{name} 在 {host} 拒绝了该密钥。请检查密钥是否完整、是否仍有效（{variables}）。",
    },
    Outcome.PERMISSION_DENIED: {
        "en": "{name} does not allow this key to use {model}. Enable the model in the vendor's console (some need "
        "real-name verification, some keys belong to a coding plan), or choose another model: {docs}",
        "de": "{name} erlaubt diesem Schlüssel {model} nicht. Schalten Sie das Modell in der Konsole des Anbieters "
        "frei "
        "(manche verlangen eine Identitätsprüfung, manche Schlüssel gehören zu einem Coding-Plan), oder wählen Sie "
        "ein anderes: {docs}",
        "zh": "{name} 不允许此密钥使用 {model}。请在服务商控制台开通该模型（有的需要实名认证，有的密钥仅限 Coding "
        "套餐），"
        "或换一个模型：{docs}",
    },
    Outcome.MODEL_NOT_FOUND: {
        "en": "{name} does not know the model {model}. Known to the registry: {models}. Choose one of them, or add the "
        "new id to providers.toml.",
        "de": "{name} kennt das Modell {model} nicht. Im Register stehen: {models}. Wählen Sie eines davon, oder "
        "tragen "
        "Sie die neue Kennung in providers.toml ein.",
        "zh": "{name} 没有模型 {model}。登记的模型：{models}。请从中选择，或把新的模型名写入 providers.toml。",
    },
    Outcome.BALANCE_EXHAUSTED: {
        "en": "The account at {name} has no money left. Top it up in the vendor's console, or ask another provider.",
        "de": "Das Konto bei {name} ist leer. Laden Sie es in der Konsole des Anbieters auf, oder fragen Sie einen "
        "anderen.",
        "zh": "{name} 账户余额不足或已欠费。请到服务商控制台充值，或改问其他服务商。",
    },
    Outcome.QUOTA_EXHAUSTED: {
        "en": "The quota at {name} is used up. {quota}Wait until it resets, pay for more, or ask another provider.",
        "de": "Das Kontingent bei {name} ist verbraucht. {quota}Warten Sie, bis es sich erneuert, kaufen Sie mehr, "
        "oder "
        "fragen Sie einen anderen Anbieter.",
        "zh": "{name} 的额度已用完。{quota}请等待额度重置、购买更多额度，或改问其他服务商。",
    },
    Outcome.RATE_LIMITED: {
        "en": "{name} gets requests too fast from this account. {wait}Ask again then, or ask another provider.",
        "de": "{name} bekommt von diesem Konto zu schnell Anfragen. {wait}Fragen Sie dann erneut oder einen anderen.",
        "zh": "向 {name} 的请求过于频繁。{wait}请稍后再试，或改问其他服务商。",
    },
    Outcome.OVERLOADED: {
        "en": "{name} is overloaded. {wait}Ask again later, or ask another provider.",
        "de": "{name} ist überlastet. {wait}Fragen Sie später erneut oder einen anderen Anbieter.",
        "zh": "{name} 当前负载过高。{wait}请稍后再试，或改问其他服务商。",
    },
    Outcome.SERVER_ERROR: {
        "en": "{name} had an error of its own (HTTP {status}). Ask again later, or ask another provider.",
        "de": "{name} hatte einen eigenen Fehler (HTTP {status}). Fragen Sie später erneut oder einen anderen "
        "Anbieter.",
        "zh": "{name} 服务端出错（HTTP {status}）。请稍后再试，或改问其他服务商。",
    },
    Outcome.TIMEOUT: {
        "en": "{name} did not answer in time. Ask again, or ask another provider.",
        "de": "{name} hat nicht rechtzeitig geantwortet. Fragen Sie erneut oder einen anderen Anbieter.",
        "zh": "{name} 未能及时响应。请重试，或改问其他服务商。",
    },
    Outcome.NETWORK: {
        "en": "{host} cannot be reached. Check the connection, a proxy, or whether the host is blocked here: "
        "lagebild doctor tells.",
        "de": "{host} ist nicht erreichbar. Prüfen Sie die Verbindung, einen Proxy, oder ob der Rechner hier gesperrt "
        "ist: lagebild doctor sagt es.",
        "zh": "无法连接 {host}。请检查网络、代理，或该主机在本地是否被屏蔽：运行 lagebild doctor 查看。",
    },
    Outcome.CONTEXT_TOO_LONG: {
        "en": "The question with its evidence is too long for {model}. Use fewer passages, or a model with a longer "
        "window.",
        "de": "Die Frage mit ihren Belegen ist für {model} zu lang. Nehmen Sie weniger Passagen oder ein Modell mit "
        "längerem Fenster.",
        "zh": "问题和证据超出了 {model} 的上下文长度。请减少段落，或换用上下文更长的模型。",
    },
    Outcome.BAD_REQUEST: {
        "en": "{name} did not accept the request: its rules may have changed. Update Lagebild, or correct the provider "
        "in providers.toml.",
        "de": "{name} hat die Anfrage nicht angenommen: Seine Regeln haben sich wohl geändert. Aktualisieren Sie "
        "Lagebild, oder korrigieren Sie den Anbieter in providers.toml.",
        "zh": "{name} 不接受此请求：其接口规则可能已变。请更新 Lagebild，或在 providers.toml 中修正该服务商。",
    },
    Outcome.BAD_RESPONSE: {
        "en": "{host} sent something that is no answer. Ask again; if it stays so, check the address of {name}.",
        "de": "{host} hat etwas gesendet, das keine Antwort ist. Fragen Sie erneut; bleibt es so, prüfen Sie die "
        "Adresse "
        "von {name}.",
        "zh": "{host} 返回的内容不是有效回答。请重试；如仍如此，请检查 {name} 的地址。",
    },
    Outcome.PATH_FORBIDDEN: {
        "en": "The data path does not allow {host}. Nothing was sent. Choose another provider or endpoint, or change "
        "the "
        "data path.",
        "de": "Der Datenweg erlaubt {host} nicht. Es wurde nichts gesendet. Wählen Sie einen anderen Anbieter oder "
        "Endpunkt, oder ändern Sie den Datenweg.",
        "zh": "数据路径策略不允许访问 {host}。未发送任何内容。请换一个服务商或端点，或更改数据路径。",
    },
    Outcome.CAP_REACHED: {
        "en": "This would pass the daily cap for {name}. Nothing was sent. Raise the cap, or ask tomorrow.",
        "de": "Damit würde die Tagesgrenze für {name} überschritten. Es wurde nichts gesendet. Heben Sie die Grenze "
        "an, "
        "oder fragen Sie morgen.",
        "zh": "这将超出 {name} 的每日费用上限。未发送任何内容。请提高上限，或明天再问。",
    },
    Outcome.CANCELLED: {
        "en": "The question was cancelled.",
        "de": "Die Frage wurde abgebrochen.",
        "zh": "提问已取消。",
    },
    Outcome.UNKNOWN: {
        "en": "{name} answered with an error that Lagebild does not know. Read the vendor's own words below.",
        "de": "{name} hat mit einem Fehler geantwortet, den Lagebild nicht kennt. Lesen Sie unten die Worte des "
        "Anbieters.",
        "zh": "{name} 返回了 Lagebild 未识别的错误。请查看下面服务商的原文。",
    },
}

STAGES: dict[Stage, dict[str, str]] = {
    Stage.INPUT: {"en": "the question or its evidence", "de": "die Frage oder ihre Belege", "zh": "问题或证据"},
    Stage.OUTPUT: {"en": "the answer while it was written", "de": "die Antwort beim Schreiben", "zh": "生成中的回答"},
    Stage.UNKNOWN: {
        "en": "the question, its evidence or the answer",
        "de": "die Frage, ihre Belege oder die Antwort",
        "zh": "问题、证据或回答",
    },
}

REGION_KEY = {
    "en": " Keys of {name} belong to one site: this one was used at {host} ({endpoint}), and may be a key for "
    "{others}. If so, store it for that endpoint (page Models, or keys.toml).",
    "de": " Schlüssel von {name} gelten für einen Standort: Dieser wurde an {host} ({endpoint}) benutzt und gehört "
    "vielleicht zu {others}. Hinterlegen Sie ihn dann für diesen Endpunkt (Seite Modelle, oder keys.toml).",
    "zh": " {name} 的密钥只适用于所属站点：此密钥用于 {host}（{endpoint}），它可能属于 {others}。如果是，"
    "请把它保存到对应端点（“模型”页面或 keys.toml）。",
}
PREFIX_KEY = {
    "en": " Keys of {name} begin with {prefix}; this one does not.",
    "de": " Schlüssel von {name} beginnen mit {prefix}; dieser nicht.",
    "zh": " {name} 的密钥以 {prefix} 开头，而此密钥不是。",
}
RETIRED = {
    "en": " {model} was retired on {retired}.",
    "de": " {model} wurde am {retired} eingestellt.",
    "zh": " {model} 已于 {retired} 下线。",
}
SUCCESSOR = {
    "en": " Its successor is {successor}.",
    "de": " Nachfolger ist {successor}.",
    "zh": " 后继模型是 {successor}。",
}
WAIT = {
    "en": "It asks to wait {seconds} s. ",
    "de": "Er bittet um {seconds} s Geduld. ",
    "zh": "服务商要求等待 {seconds} 秒。",
}


def explain(
    failure: Failure, provider: Provider | None = None, language: str = "en", *, odd_prefix: bool = False
) -> str:
    """What happened and what to do, in `language` (en, de or zh; others read English).

    `odd_prefix`: the key does not begin as this provider's keys do.
    """
    lang = language if language in ("en", "de", "zh") else "en"
    values = _values(failure, provider, lang)
    text = TEXTS[failure.outcome][lang].format_map(values)
    if provider is None:
        return text
    if failure.outcome is Outcome.AUTH_INVALID:
        if odd_prefix:
            text += PREFIX_KEY[lang].format_map(values)
        if provider.auth.region_bound and values["others"]:
            text += REGION_KEY[lang].format_map(values)
    if failure.outcome is Outcome.MODEL_NOT_FOUND:
        text += RETIRED[lang].format_map(values) if values["retired"] else ""
        text += SUCCESSOR[lang].format_map(values) if values["successor"] else ""
    return text


def _values(failure: Failure, provider: Provider | None, lang: str) -> Mapping[str, str]:
    wait = "" if failure.retry_after is None else WAIT[lang].format(seconds=round(failure.retry_after))
    values = {
        "name": failure.provider,
        "model": failure.model,
        "host": failure.host or failure.provider,
        "endpoint": failure.endpoint,
        "status": str(failure.status or ""),
        "stage": STAGES[failure.stage][lang],
        "wait": wait,
        "domestic": DOMESTIC,
        "variables": "",
        "docs": "",
        "models": "",
        "quota": "",
        "others": "",
        "prefix": "",
        "retired": "",
        "successor": "",
    }
    if provider is None:
        return values
    retired = provider.retired(failure.model)
    others = [f"{each.id} ({each.host})" for each in provider.endpoints if each.usable and each.id != failure.endpoint]
    return values | {
        "name": provider.name_zh if lang == "zh" and provider.name_zh else provider.name,
        "variables": " / ".join(provider.auth.env),
        "docs": provider.auth.console or provider.docs,
        "models": ", ".join(each.id for each in provider.models if not each.retired) or "–",
        "quota": f"({provider.free_quota}) " if provider.free_quota else "",
        "others": ", ".join(others),
        "prefix": provider.auth.key_prefix,
        "retired": retired.retired if retired else "",
        "successor": retired.successor if retired else "",
    }
