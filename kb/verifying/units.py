"""Scales and units as three languages write them, for `kb.verifying.figures`."""

from __future__ import annotations

import re

SCALES: dict[str, float] = (
    dict.fromkeys(("million", "millions", "millionen", "mio", "mio.", "mn", "mln", "m"), 1e6)
    | dict.fromkeys(("billion", "billions", "bn", "milliarde", "milliarden", "mrd", "mrd.", "b"), 1e9)
    | dict.fromkeys(("trillion", "trillions", "tn", "bio", "bio.", "billionen"), 1e12)
    | dict.fromkeys(("thousand", "thousands", "tausend", "tsd", "tsd.", "k"), 1e3)
    | dict.fromkeys(("hundert", "hundred"), 1e2)
)
"""Scale words in lower case. "Billion" and "Trillion" are told apart by language in `figures`."""

CURRENCY_BEFORE = (
    ("US$", "usd"),
    ("HK$", "hkd"),
    ("NT$", "twd"),
    ("A$", "aud"),
    ("C$", "cad"),
    ("S$", "sgd"),
    ("RMB", "cny"),
    ("CNY", "cny"),
    ("USD", "usd"),
    ("EUR", "eur"),
    ("GBP", "gbp"),
    ("JPY", "jpy"),
    ("HKD", "hkd"),
    ("$", "usd"),
    ("€", "eur"),
    ("£", "gbp"),
    ("¥", "cny"),
    ("￥", "cny"),
)

TIMES = frozenset({"month", "day", "hour"})

CURRENCIES = frozenset(unit for _, unit in CURRENCY_BEFORE) | {"krw", "inr", "rub", "chf"}

_ADJACENT = (
    (r"[\s-]?(?:percentage[\s-]points?|prozentpunkten?|prozentpunkte|pp\b|个百分点)", "points", 1.0),
    (r"\s?%|[\s-]?per ?cent\b|[\s-]?prozent\w*|[\s-]?v\.\s?h\.", "percent", 1.0),
    (r"[\s-]?(?:basis points?|basispunkten?|个基点)", "basis points", 1.0),
    (r"\s?(?:US[\s-]?dollars?|USD|U\.S\. dollars?|American dollars?|美元|美金)(?![a-z])", "usd", 1.0),
    (r"\s?(?:Hong[\s-]?Kong[\s-]?dollars?|HKD|HK-?Dollar|港元|港币)", "hkd", 1.0),
    (r"\s?(?:(?:New )?Taiwan[\s-]?dollars?|TWD|新台币|台币)", "twd", 1.0),
    (r"\s?(?:australian dollars?|australische dollar|澳元)", "aud", 1.0),
    (r"\s?(?:canadian dollars?|kanadische dollar|加元)", "cad", 1.0),
    (r"\s?(?:singapore dollars?|singapur-dollar|新元|新加坡元)", "sgd", 1.0),
    (r"\s?(?:yuan|renminbi|RMB|CNY|元人民币|元(?!首|件|素|旦|年)|人民币|块钱)(?![a-z])", "cny", 1.0),
    (r"\s?(?:euros?|EUR|€|欧元)(?![a-z])", "eur", 1.0),
    (r"\s?(?:pounds?(?: sterling)?|GBP|£|britische pfund|pfund|英镑)(?![a-z])", "gbp", 1.0),
    (r"\s?(?:japanese yen|yen|JPY|日元)(?![a-z])", "jpy", 1.0),
    (r"\s?(?:korean won|won\b|KRW|韩元)", "krw", 1.0),
    (r"\s?(?:rupees?|rupien|INR|卢比)", "inr", 1.0),
    (r"\s?(?:rubles?|roubles?|rubel|卢布)", "rub", 1.0),
    (r"\s?(?:swiss francs?|schweizer franken|franken|CHF|瑞士法郎)", "chf", 1.0),
    (r"\s?(?:dollars?|\$)(?![a-z])", "usd", 1.0),
    (r"[\s-]?(?:nm\b|nano-?met(?:er|re)s?\w*|纳米)", "nm", 1.0),
    (r"[\s-]?(?:gigabits?|gbit|gb/s)\b", "gigabit", 1.0),
    (r"[\s-]?(?:gigabytes?|gb\b)", "gigabyte", 1.0),
    (r"[\s-]?(?:terabytes?|tb\b)", "gigabyte", 1000.0),
    (r"[\s-]?(?:gigawatts?|gw\b|吉瓦)", "watt", 1e9),
    (r"[\s-]?(?:megawatts?|mw\b|兆瓦)", "watt", 1e6),
    (r"[\s-]?(?:kilowatts?|kw\b|千瓦)", "watt", 1e3),
    (r"[\s-]?(?:petaflops?|pflops)\b", "flops", 1e15),
    (r"[\s-]?(?:teraflops?|tflops)\b", "flops", 1e12),
    (r"[\s-]?(?:exaflops?|eflops)\b", "flops", 1e18),
    (r"[\s-]?(?:kilomet(?:er|re)s?n?|km\b|公里|千米)", "metre", 1e3),
    (r"[\s-]?(?:tonnes?|tons?|tonnen?|吨)(?![a-z])", "tonne", 1.0),
    (r"[\s-]?(?:kilograms?|kilogramm|kilo|kg\b|公斤|千克)", "tonne", 1e-3),
    (r"[\s-]?(?:decades?|jahrzehnte?n?|jahrzehnts)(?![a-zäöü])", "month", 120.0),
    (r"[\s-]?(?:years?(?:[\s-]old)?|jahr(?:en?|es)?|jährig\w*|岁|年(?!代|级|底|初))(?![a-zäöü])", "month", 12.0),
    (r"[\s-]?(?:months?|monate?[ns]?|monatig\w*|个月)(?![a-zäöü])", "month", 1.0),
    (r"[\s-]?(?:weeks?|wochen?|wöchig\w*|周(?!年)|个?星期)(?![a-zäöü])", "day", 7.0),
    (
        r"[\s-]?(?:(?:business |working )?days?|tag(?:en?|es)?|tägig\w*|天|个?工作日|日内|日(?=前|后|以))(?![a-zäöü])",
        "day",
        1.0,
    ),
    (r"[\s-]?(?:hours?|stunden?|stündig\w*|个?小时)(?![a-zäöü])", "hour", 1.0),
    (r"[\s-]?(?:minutes?|minuten?|分钟)(?![a-zäöü])", "hour", 1 / 60),
    (r"[\s-]?(?:times|[\s-]?fold|mal\b|fach\w*|-?fache\w*|倍|x\b)", "times", 1.0),
)
ADJACENT = tuple((re.compile(pattern, re.IGNORECASE), unit, factor) for pattern, unit, factor in _ADJACENT)
"""Units that stand right beside the number: pattern, unit, factor to the unit's base. The first that fits wins."""

HAN_UNITS = (
    ("家", "company", 1.0),
    ("名", "person", 1.0),
    ("人", "person", 1.0),
    ("位", "person", 1.0),
)
"""Chinese measure words that say what is counted."""

NOUNS = {
    word: unit
    for unit, names in {
        "token": "token tokens 词元 token",
        "parameter": "parameter parameters parametern 参数",
        "company": "company companies firm firms entity entities organisation organisations organization organizations "
        "unternehmen firmen firma einrichtungen organisationen konzerne tochterfirmen subsidiaries "
        "企业 公司 实体 机构 厂商",
        "person": "people persons employees workers staff users customers menschen "
        "personen mitarbeiter mitarbeiterinnen "
        "beschäftigte beschäftigten nutzer kunden engineers ingenieure "
        "developers entwickler jobs arbeitsplätze stellen "
        "students 人 员工 用户 工程师 开发者 岗位",
        "country": "country countries nation nations states länder ländern staaten 国 国家 个国家",
        "chip": "chip chips gpu gpus processors accelerators prozessoren beschleuniger 芯片 加速器",
        "law": "law laws rule rules gesetze regeln measures maßnahmen provisions 法律 规则 措施",
        "patent": "patent patents patente patenten 专利",
        "car": "car cars vehicle vehicles autos fahrzeuge 汽车 车辆",
        "item": "items units pieces types kinds sorten arten stück 件 种 款 项",
    }.items()
    for word in names.split()
}
"""Things that are counted; words of one row are the same for the comparison."""
