"""The words of what stands in an article's place: errors, consent, paywalls, logins, scripts, in en, de and zh.

Two kinds of patterns. `SPOKEN` are whole turns of phrase that a wall alone uses; they count at the end of a text that
could be an article. `HINTS` are words that occur together; they count only where hardly anything else is on the page,
which is refused in any case: they find the right reason. Chinese is read in both scripts.
"""

from __future__ import annotations

import re

_THING = (
    r"(?:page|article|story|content|link|url|address|post|item|document|resource"
    r"|seite|artikel|beitrag|inhalt|adresse|meldung|dokument"
    r"|页面?|頁面?|网页|網頁|文章|内容|內容|新闻|新聞|帖子|链接|連結|网址|網址|信息|資訊|文件|本[则則])"
)
_ABSENT = (
    r"(?:not (?:be |been )?found|(?:does|do)(?:n['’]t| not) exist|no longer (?:available|exists?|here|online)"
    r"|(?:has|have|been|was) (?:been )?(?:removed|deleted|moved|taken down)"
    r"|(?:is|are|un)(?:n['’]t)?\s?(?:not )?available|expired"
    r"|out of date|moved on|\bbroken\b|permanently (?:removed|deleted)|\bgone\b"
    r"|(?:can['’]t|cannot|could(?:n['’]t| not)) (?:be )?(?:found|find)"
    r"|nicht (?:mehr )?(?:gefunden|verfügbar|vorhanden|erreichbar|online)|existiert (?:leider )?nicht"
    r"|gibt es (?:leider )?nicht|steht nicht (?:mehr )?zur|nicht bekannt"
    r"|gelöscht|entfernt|verschoben|veraltet|abgelaufen"
    r"|不存在|[已被](?:被|經|经)?(?:删除|刪除|下线|下線|下架|移除|过期|過期|失效|更改)|(?:或|已)过期|(?:或|已)過期|找不到"
    r"|[未没沒](?:能|有)?找到|[无無]法(?:找到|访问|訪問|显示|顯示|[浏瀏][览覽])|超[过過][^。]{0,4}期限|[输輸]入[错錯][误誤])"
)
_ASKED = (
    r"(?:(?:accept|agree|allow|reject|decline|manage|consent|continue|choices|options|deliver|store|storing"
    r"|akzeptier|zustimm|einwillig|willigen|ablehn|einstellung|fortzufahren|weiter)\w*"
    r"|接受|同意|拒绝|拒絕|管理|设置|設定|存储|儲存|继续|繼續)"
)
_TRACKED = r"(?:cookie|tracking|privacy|privatsphäre|datenschutz|隐私|隱私)"
_PAID = (
    r"(?:subscri(?:be|ber|bers|ption)\b|member\b|membership|free trial|(?:limit|number) of free"
    r"|abo\b|abonn|kontingent|premium|\bplus\b"
    r"|订阅|訂閱|(?<!登[录入錄])(?:会员|會員)|付费|付費|购买|購買|试读|試讀)"
)
_READ = (
    r"(?:read|continue|full|rest of|unlock|access|articles?|stor(?:y|ies)|only|exclusive"
    r"|lesen|artikel|beitrag|\btext\b|exklusiv|nur für"
    r"|阅读|閱讀|全文|剩余|剩餘|继续|繼續|畅读|暢讀|查看|完整|内容|內容)"
)

HINTS: dict[str, tuple[re.Pattern[str], ...]] = {
    # Each pattern must be found: the first names what it is about, the second what is asked or said of it.
    "soft_404": (
        re.compile(
            rf"{_THING}[^.。!?！？\n]{{0,60}}{_ABSENT}|{_ABSENT}[^.。!?！？\n]{{0,40}}{_THING}|\b404\b"
            r"|nothing was found|(?:what|page|article) you(?: are| were|['’]re)? (?:looking for|requested)"
            r"|nichts gefunden|[查找][无無]此",
            re.I,
        ),
    ),
    "paywall": (re.compile(_PAID, re.I), re.compile(_READ, re.I)),
    "consent": (re.compile(_TRACKED, re.I), re.compile(_ASKED, re.I)),
    "login": (
        re.compile(
            r"\b(?:log|sign|logged|signed)[ -]?in\b|anmelden|einloggen|eingeloggt|loggen sie sich|melden sie sich"
            r"|登录|登錄|登入|扫码|掃碼",
            re.I,
        ),
    ),
    "javascript": (
        re.compile(
            r"java\s?script|\b(?:a |are )?(?:human|robot|captcha)\b|roboter|checking (?:your browser|if the site)"
            r"|just a moment|security (?:check|of your connection)|access denied|unusual traffic|sicherheitsprüfung"
            r"|安全[验驗][证證]|人[机機][验驗][证證]|完成[验驗][证證]|[机機]器人|[验驗][证證][码碼]|\bmensch\b|滑[块塊]|[访訪][问問][过過]于?於?[频頻]繁",
            re.I,
        ),
    ),
}
"""By reason, in the order in which they are asked; a wall that names a price names the login, too."""

SPOKEN = {
    "paywall": re.compile(
        r"subscribe (?:now |today )?to (?:continue|keep|read|unlock|access)"
        r"|(?:this|the) (?:article|content|story) is (?:only )?(?:for|available to|reserved for) (?:paying )?"
        r"(?:subscribers|members)|(?:for subscribers|subscribers?) only|already a subscriber|to continue reading"
        r"|unlock this article|become a (?:member|subscriber) (?:to|and) (?:read|continue|keep|unlock)"
        r"|to read (?:the )?(?:rest|full|more|whole)[^.!?]{0,40}(?:become|subscribe|sign up|join)"
        r"|(?:reached|used)[^.!?]{0,30}limit[^.!?]{0,20}(?:articles|stories)|start your (?:free )?trial"
        r"|weiterlesen mit|(?:jetzt|hier|wochen)[^.!?]{0,30}(?:abonnieren|testen)[^.!?]{0,12}(?:weiter)?lesen"
        r"|(?:nur|exklusiv) für (?:unsere )?(?:abonnent|mitglied)|artikel freischalten"
        r"|mit [^.!?]{0,30}plus[^.!?]{0,20}(?:weiter)?lesen|(?:diesen artikel|weiter) mit [^.!?]{0,20}(?:plus|abo)\b"
        r"|kontingent an[^.!?]{0,24}artikeln|(?:jetzt|hier)[^.!?]{0,20}\babo(?:nnement)? (?:abschließen|bestellen)"
        r"|(?:订阅|訂閱|付费|付費|购买|購買|开通|開通|加入|成为|成為|登录|登入|登錄)[^。！？\n]{0,14}"
        r"(?:阅读|閱讀|查看|畅读|暢讀|解锁|解鎖|看)[^。！？\n]{0,6}(?:全文|余下|餘下|剩余|剩餘|完整|本文)"
        r"|(?:本文|此文|以下|剩余|剩餘|其余|其餘)[^。！？\n]{0,8}(?:会员|會員|付费|付費|订阅|訂閱|订户|訂戶)[^。！？\n]{0,4}"
        r"(?:专享|專享|可[读讀]|专属|專屬|内容|內容|阅读|閱讀)"
        r"|(?:免费|免費)(?:阅读|閱讀)[^。！？\n]{0,6}上限|会员专享|會員專享|[付購购][费費买買](?:后|後)?[阅閱][读讀]"
        r"|[订訂][阅閱](?:后|後)可?[^。！？\n]{0,4}[阅閱][读讀]|剩[余餘]\s*\d+\s*[%％字]",
        re.I,
    ),
    "login": re.compile(
        r"(?:please )?(?:log|sign) in (?:or register )?to (?:continue|read|view|access)|you must be logged in"
        r"|create (?:a free|an) account to|bitte (?:melden sie sich|loggen sie sich)"
        r"|anmelden,? um (?:weiterzulesen|fortzufahren)"
        r"|[请請]先?[登][录錄入]|登[录錄入](?:后|後)(?:可?查看|可?檢視|继续|繼續)|扫码登录|掃碼登入",
        re.I,
    ),
    "consent": re.compile(
        r"(?:accept|manage|reject)(?: all)? cookies|we (?:and our (?:\d+ )?partners )?(?:use|store)[^.]{0,40} cookies"
        r"|your privacy choices|before you continue to|cookie-einstellungen|alle (?:cookies )?akzeptieren"
        r"|wir (?:und unsere (?:\d+ )?partner )?(?:verwenden|nutzen|setzen)[^.]{0,40}cookies"
        r"|mit werbung weiterlesen|werbung und tracking|zustimmen und weiter|einwilligung widerrufen"
        r"|接受所有\s?cookie|同意[并並][继繼][续續]|使用\s?cookie",
        re.I,
    ),
}
"""By reason; consent must be spoken twice, as articles and footers speak of it once."""

ERROR_TITLE = re.compile(
    r"\W*(?:(?:error|fehler|http)?[\s:–-]*404\b.{0,40}|(?:oops|hoppla|sorry|error|fehler)\W*"
    r"|(?:error\W+)?(?:oops\W+|sorry\W+)?(?:the |that |this |die |diese )?(?:page|article|story|content|seite|artikel"
    r"|inhalt|beitrag)\b.{0,30}(?:not (?:be )?found|not exist|can['’]t be found|n['’]t exist|unavailable|not available"
    r"|no longer available|nicht (?:mehr )?(?:gefunden|verfügbar|vorhanden)|existiert nicht)\W*|not found\W*"
    r"|nicht gefunden\W*|(?:leider )?nichts gefunden\W*|this (?:story|article|page) has moved.{0,12}"
    r"|(?:您?(?:访问|訪問|查看)的?)?(?:页面|頁面|网页|網頁|文章|内容|內容|新闻|新聞)(?:不存在|未找到|[没沒]有找到|已[被]?[删刪]除)\W*"
    r"|(?:[无無]法)?找不到?到?(?:该|該|您|此)?[^\w]?(?:的)?(?:页面?|頁面?|网页|網頁|文章|内容|內容)\W*"
    r"|查[无無]此.{2,4}|出错[啦了]?\W*|[发發]生[错錯][误誤]\W*|错误(?:提示|页面)?\W*|錯誤\W*|提示信息)",
    re.I,
)
"""A title or headline that is nothing but the message of an error."""

_SITE = re.compile(r"\s*(?:[|–—_»·]|\s-\s)\s*")


def hinted(seen: str) -> str | None:
    """Which wall the few words of a page speak of."""
    for reason, patterns in HINTS.items():
        if all(pattern.search(seen) for pattern in patterns):
            return reason
    return None


def spoken(end: str) -> str | None:
    """Which wall the end of a text speaks of, in words that only walls use."""
    for reason, pattern in SPOKEN.items():
        hits = {match.lower() for match in pattern.findall(end)}
        if len(hits) > (reason == "consent"):
            return reason
    return None


def is_error(title: str) -> bool:
    """Whether a title, without its site's name, is that of an error page."""
    return any(ERROR_TITLE.fullmatch(part.strip()) for part in (title, *_SITE.split(title)[:1]) if part.strip())
