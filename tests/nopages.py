"""Pages that answer 200 and are no article, in our own words: what sites show in an article's place.

Each kind in English, German, simplified and traditional Chinese, bare and inside of a site's frame: navigation, most
read stories, newsletter, cookie notes. Beside them articles that speak of the same things and must be taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

LANGUAGES = {"en": "en", "de": "de", "zh": "zh-CN", "hant": "zh-TW"}


@dataclass(frozen=True, slots=True)
class NoPage:
    """A page and the reasons for which it may be refused; none for an article."""

    name: str
    reasons: frozenset[str]
    content: bytes
    media_type: str = "text/html"
    url: str = "https://www.example.org/politics/2026/story-one-20261105"
    headers: dict[str, str] = field(default_factory=dict)


NAMES = {"en": "Northern Post", "de": "Nordblatt", "zh": "北方观察网", "hant": "北方觀察網"}

SOFT_404 = {
    "en": [
        ("Page not found", "Sorry, we could not find what you were looking for. Try our search or go back home."),
        ("Oops! That page can’t be found", "It looks like nothing was found at this location."),
        ("This story has moved on", "The article you requested is no longer available on our site."),
        ("Error", "We're sorry, this page doesn't exist. It may have been deleted or the link is out of date."),
        ("Content unavailable", "The content you are trying to reach has been removed or its address has changed."),
    ],
    "de": [
        ("Seite nicht gefunden", "Die gewünschte Seite gibt es leider nicht (mehr). Bitte nutzen Sie die Suche."),
        ("Fehler 404", "Diese Seite konnte nicht gefunden werden. Zurück zur Startseite."),
        ("Inhalt nicht verfügbar", "Der von Ihnen aufgerufene Artikel ist leider nicht mehr verfügbar."),
        ("Hoppla!", "Die angeforderte Seite existiert nicht oder wurde verschoben."),
        ("Leider nichts gefunden", "Der Beitrag wurde gelöscht oder die Adresse ist veraltet."),
    ],
    "zh": [
        ("页面不存在", "抱歉，您要访问的页面不存在，请检查网址是否正确。"),
        ("出错啦", "您访问的文章已被删除或不存在，3秒后返回首页。"),
        ("404", "很抱歉，没有找到您要访问的页面。"),
        ("提示信息", "该内容已下线，去看看其他新闻吧。"),
        ("无法找到该页", "您要查看的网页可能已被删除、名称已被更改，或者暂时不可用。"),
    ],
    "hant": [
        ("找不到網頁", "很抱歉，您要瀏覽的頁面不存在，請確認網址是否正確。"),
        ("頁面不存在", "此文章已被刪除或已移除，請返回首頁。"),
        ("發生錯誤", "您所查詢的新聞已下架，或網址輸入錯誤。"),
        ("404", "找不到您要的頁面，請使用搜尋功能。"),
        ("查無此新聞", "您欲查詢的內容不存在或已過期。"),
    ],
}

CONSENT = {
    "en": [
        "We value your privacy. We and our 847 partners store and access information on your device, such as cookies."
        " <button>Accept all</button> <button>Manage options</button> <button>Reject all</button>",
        "Before you continue. We use cookies and data to deliver and maintain our services."
        " <button>Accept all</button> <button>More options</button>",
        "Your choices regarding cookies on this site. By clicking “I accept” you agree to the storing of cookies."
        " <button>I accept</button>",
    ],
    "de": [
        "Nordblatt mit Werbung lesen. Besuchen Sie unsere Seite wie gewohnt mit Werbung und Tracking."
        " <button>Akzeptieren und weiter</button> oder nutzen Sie das Pur-Abo ohne Tracking.",
        "Wir benötigen Ihre Zustimmung. Wir und unsere Partner nutzen Cookies und ähnliche Technologien."
        " <button>Alle akzeptieren</button> <button>Einstellungen</button>",
        "Privatsphäre-Einstellungen. Bitte willigen Sie in die Verwendung von Cookies ein, um fortzufahren."
        " <button>Zustimmen</button> <button>Ablehnen</button>",
    ],
    "zh": [
        "我们重视您的隐私。本网站使用Cookie和类似技术来提供服务。<button>全部接受</button> <button>管理设置</button>",
        "继续浏览前，请阅读并同意我们的Cookie政策与隐私政策。<button>同意</button>",
        "本站及合作伙伴会在您的设备上存储Cookie信息。<button>接受全部Cookie</button> <button>拒绝</button>",
    ],
    "hant": [
        "我們重視您的隱私權。本網站使用 Cookie 及類似技術提供服務。<button>全部接受</button> <button>管理設定</button>",
        "繼續瀏覽前，請詳閱並同意我們的 Cookie 政策與隱私權政策。<button>同意並繼續</button>",
        "本網站會在您的裝置上儲存 Cookie。<button>接受所有 Cookie</button> <button>拒絕</button>",
    ],
}

PAYWALL = {
    "en": [
        "This article is for subscribers only. Subscribe now to keep reading.",
        "You have reached your limit of free articles. Subscribe to read the full story.",
        "Want to read more? Start your free trial today. Already have an account? Sign in.",
        "To read the rest of this story, become a member.",
    ],
    "de": [
        "Dieser Artikel ist nur für Abonnenten. Jetzt vier Wochen testen und weiterlesen.",
        "Lesen Sie diesen Artikel mit Nordblatt Plus. Sie haben bereits ein Abo? Hier anmelden.",
        "Weiterlesen mit einem Digitalabo. Jederzeit kündbar.",
        "Sie haben Ihr Kontingent an freien Artikeln erreicht. Jetzt Abo abschließen.",
    ],
    "zh": [
        "本文为会员专享内容，开通会员后可阅读全文。",
        "以上为试读内容，订阅后可继续阅读剩余80%。",
        "付费阅读：本文剩余1200字，请购买后查看全文。",
        "登录并订阅即可阅读全文。",
    ],
    "hant": [
        "本文為會員專享內容，訂閱後即可閱讀全文。",
        "您已達到免費閱讀篇數上限，立即訂閱，暢讀全文。",
        "剩餘內容僅供付費會員閱讀，請登入或訂閱。",
        "加入會員，繼續閱讀完整內容。",
    ],
}

LOGIN = {
    "en": ["Sign in to continue reading. Don't have an account? Register for free.",
           "Please log in or register to view this content."],
    "de": ["Bitte loggen Sie sich ein, um den Artikel zu lesen. Noch kein Konto? Jetzt kostenlos registrieren.",
           "Anmelden, um fortzufahren. Passwort vergessen?"],
    "zh": ["您还没有登录，请登录后继续浏览。还没有账号？立即注册", "请先登录，登录后可查看更多内容。"],
    "hant": ["您尚未登入，請登入後繼續瀏覽。還沒有帳號？立即註冊", "請先登入會員，以檢視此內容。"],
}  # fmt: skip

JAVASCRIPT = {
    "en": ["Please enable JavaScript to view this page.",
           "This site requires JavaScript to work. Turn on JavaScript in your browser and reload.",
           "Verifying you are human. This may take a few seconds. example.org needs to review the security of your"
           " connection before proceeding."],
    "de": ["Bitte aktivieren Sie JavaScript in Ihrem Browser, um diese Seite zu nutzen.",
           "JavaScript ist in Ihrem Browser deaktiviert. Für diese Seite wird JavaScript benötigt.",
           "Bitte bestätigen Sie, dass Sie kein Roboter sind."],
    "zh": ["您的浏览器未启用JavaScript，请启用后重试。", "本页面需要浏览器支持（启用）JavaScript",
           "请完成安全验证后继续访问：拖动滑块完成拼图"],
    "hant": ["請啟用 JavaScript 後重新整理此頁面。", "您的瀏覽器不支援或停用了 JavaScript。",
             "請完成驗證，確認您不是機器人。"],
}  # fmt: skip

WORDS = {
    "en": ["The committee heard three experts on export licences, and it asked each of them how long a review takes.",
           "A first draft names the goods by their customs number. Companies would have to report by the end of June.",
           "Two of the experts doubted that the date can be kept, since the forms have not been published so far.",
           "The chair said that the vote would be held in the spring, whatever the other chamber decides."],
    "de": ["Der Ausschuss hörte drei Sachverständige zu Ausfuhrgenehmigungen und fragte, wie lange Prüfungen dauern.",
           "Ein erster Entwurf nennt die Waren nach ihrer Zolltarifnummer. Gemeldet werden soll bis Ende Juni.",
           "Zwei der Fachleute bezweifelten, dass die Frist zu halten ist, weil die Vordrucke noch fehlen.",
           "Die Vorsitzende sagte, abgestimmt werde im Frühjahr, wie auch immer die andere Kammer entscheidet."],
    "zh": ["委员会听取了三位专家关于出口许可的意见，并询问每项审查需要多长时间。",
           "草案初稿按海关编号列出货物，企业须在六月底前完成申报。",
           "其中两位专家认为期限难以遵守，因为表格至今尚未公布。",
           "主席表示，无论另一院如何决定，表决都将在春季举行。"],
    "hant": ["委員會聽取了三位專家關於出口許可的意見，並詢問每項審查需要多長時間。",
             "草案初稿按海關編號列出貨物，企業須在六月底前完成申報。",
             "其中兩位專家認為期限難以遵守，因為表格至今尚未公布。",
             "主席表示，無論另一院如何決定，表決都將在春季舉行。"],
}  # fmt: skip
HEADLINES = {
    "en": "Ministry delays the decision on rare earths until {n} March",
    "de": "Ministerium verschiebt die Entscheidung über Seltene Erden auf den {n}. März",
    "zh": "商务部门将稀土出口的决定推迟到三月{n}日公布",
    "hant": "商務部門將稀土出口的決定推遲到三月{n}日公布",
}
MOST_READ = {"en": "Most read", "de": "Meistgelesen", "zh": "热门文章", "hant": "熱門文章"}
FOOT = {
    "en": "Privacy policy · Cookie settings · Subscribe · Log in · © Northern Post. All rights reserved.",
    "de": "Datenschutz · Cookie-Einstellungen · Abo · Anmelden · © Nordblatt. Alle Rechte vorbehalten.",
    "zh": "关于我们 · 隐私政策 · 登录 · 版权所有 北方观察网 京ICP备00000000号",
    "hant": "關於我們 · 隱私權政策 · 登入 · 版權所有 北方觀察網",
}


def bare(language: str, title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="{LANGUAGES[language]}"><head><meta charset="utf-8"><title>{title}</title>{head}'
        f"</head><body>{body}</body></html>"
    )


def framed(language: str, title: str, body: str, head: str = "") -> str:
    """A page inside of its site: navigation, the most read stories with a line each, newsletter, foot."""
    menu = "".join(f'<li><a href="/s{n}">{HEADLINES[language][:4]} {n}</a></li>' for n in range(20))
    teasers = "".join(
        f'<div class="teaser"><h3><a href="/news/{n}">{HEADLINES[language].format(n=n)}</a></h3>'
        f"<p>{WORDS[language][n % 4]}</p></div>"
        for n in range(1, 9)
    )
    return bare(
        language,
        f"{title} - {NAMES[language]}",
        f"<header><nav><ul>{menu}</ul></nav></header><main>{body}</main>"
        f'<section class="most-read"><h2>{MOST_READ[language]}</h2>{teasers}</section>'
        f"<footer><p>{FOOT[language]}</p></footer>",
        head,
    )


def article(language: str, sentences: int, more: str = "") -> str:
    said = "".join(f"<p>{WORDS[language][n % 4]}</p>" for n in range(sentences))
    headline = HEADLINES[language].format(n=14)
    return f"<article><h1>{headline}</h1>{said}{more}</article>"


def _made(name: str, reasons: str | set[str], page: str, **known: object) -> NoPage:
    allowed = frozenset({reasons} if isinstance(reasons, str) else reasons)
    return NoPage(name, allowed, page.encode(), **known)  # type: ignore[arg-type]


def walls() -> Iterator[NoPage]:
    """What stands in the place of an article."""
    for language in LANGUAGES:
        for number, (title, text) in enumerate(SOFT_404[language]):
            body = f"<div class='box'><h1>{title}</h1><p>{text}</p></div>"
            for frame in (bare, framed):
                yield _made(f"soft_404-{language}-{number}-{frame.__name__}", "soft_404", frame(language, title, body))
        for number, text in enumerate(CONSENT[language]):
            page = bare(language, NAMES[language], f"<div class='cmp'><p>{text}</p></div>")
            # A page that sells consent and the way around it may be called either.
            sold = {"consent", "paywall"} if "Abo" in text else "consent"
            yield _made(f"consent-{language}-{number}", sold, page)
        for number, text in enumerate(PAYWALL[language]):
            title = HEADLINES[language].format(n=14)
            body = article(language, 2, f"<div class='wall'><p>{text}</p></div>")
            for frame in (bare, framed):
                # Some walls name the login beside the price.
                name = f"paywall-{language}-{number}-{frame.__name__}"
                yield _made(name, {"paywall", "login"}, frame(language, title, body))
            long = article(language, 8, f"<div class='wall'><p>{text}</p></div>")
            yield _made(f"paywall-{language}-{number}-long", {"paywall", "login"}, bare(language, title, long))
        for number, text in enumerate(LOGIN[language]):
            body = f"<div><p>{text}</p></div>"
            yield _made(f"login-{language}-{number}", "login", bare(language, NAMES[language], body))
        for number, text in enumerate(JAVASCRIPT[language]):
            yield _made(f"javascript-{language}-{number}", "javascript", bare(language, "", f"<p>{text}</p>"))
            shell = f"<noscript>{text}</noscript><div id='root'></div><script src='/a.js'></script>"
            yield _made(f"javascript-{language}-{number}-shell", "javascript", bare(language, "", shell))


def shells() -> Iterator[NoPage]:
    """Pages that are built in the browser, and say nothing without it."""
    for name, body in {
        "next": "<div id='__next'></div><script src='/_next/main.js'></script>",
        "vue": "<div id='app'></div><script src='/app.js'></script><script src='/chunk.js'></script>",
        "angular": "<app-root></app-root><script src='/main.js' type='module'></script>",
        "custom": "<div class='page-container'></div><script>window.__DATA__={};load()</script>",
        "skeleton": "<div id='main'><div class='skeleton'></div></div><script src='/bundle.js'></script>",
        "refresh": "<script>document.cookie='k=1';location.reload()</script>",
    }.items():
        yield _made(f"shell-{name}", "javascript", bare("en", "Northern Post", body))


def lists() -> Iterator[NoPage]:
    """Front pages, sections, search results, tag pages."""
    for language in LANGUAGES:
        links = "".join(f'<li><a href="/news/{n}">{HEADLINES[language].format(n=n)}</a></li>' for n in range(1, 60))
        teasers = "".join(
            f'<div class="teaser"><h3><a href="/news/{n}">{HEADLINES[language].format(n=n)}</a></h3>'
            f"<p>{WORDS[language][n % 4]}</p></div>"
            for n in range(1, 40)
        )
        url = "https://www.example.org/section/technology"
        name = NAMES[language]
        yield _made(f"index-{language}-links", "index_page", bare(language, name, f"<ul>{links}</ul>"), url=url)
        yield _made(f"index-{language}-teasers", "index_page", bare(language, name, teasers), url=url)
        yield _made(f"index-{language}-front", "index_page", bare(language, name, teasers), url="https://example.org/")


def others() -> Iterator[NoPage]:
    """Empty answers, other files, pages that are reserved, notes too short to be an article."""
    for name, content in {
        "nothing": b"",
        "spaces": b" \n\t ",
        "bom": b"\xef\xbb\xbf",
        "empty": b"<html></html>",
    }.items():
        yield NoPage(f"empty-{name}", frozenset({"no_text"}), content)
    for name, content, media_type in (
        ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "text/html"),
        ("zip", b"PK\x03\x04\x14\x00\x06\x00", "text/html"),
        ("png", b"\x89PNG\r\n\x1a\n\x00\x00", "text/html"),
        ("jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "text/html"),
        ("gif", b"GIF89a\x01\x00", "text/html"),
        ("webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "text/html"),
        ("mp4", b"\x00\x00\x00\x20ftypisom", "text/html"),
        ("mp3", b"ID3\x04\x00", "audio/mpeg"),
        ("doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
        ("json", b'{"error": {"code": 17, "message": "no such story"}}', "application/json"),
        ("noise", bytes(range(256)) * 8, "application/octet-stream"),
    ):
        yield NoPage(f"file-{name}", frozenset({"not_html", "no_text"} if name == "json" else {"not_html"}), content,
                     media_type)  # fmt: skip
    for language in LANGUAGES:
        title, body = HEADLINES[language].format(n=14), article(language, 10)
        meta = '<meta name="robots" content="index, noai">'
        yield _made(f"reserved-{language}-meta", "opt_out", bare(language, title, body, meta))
        reserved = {"x-robots-tag": "noarchive"}
        yield _made(f"reserved-{language}-header", "opt_out", bare(language, title, body), headers=reserved)
        yield _made(f"short-{language}", "too_short", framed(language, title, article(language, 1)))


def articles() -> Iterator[NoPage]:
    """Articles in the same frames, some of which speak of walls and errors: to be taken."""
    for language in LANGUAGES:
        title = HEADLINES[language].format(n=14)
        for sentences in (8, 24):
            for frame in (bare, framed):
                page = frame(language, title, article(language, sentences))
                yield _made(f"article-{language}-{sentences}-{frame.__name__}", set(), page)
        entries = "".join(
            f'<section><h2><a href="/live/chips#entry-{n}">{HEADLINES[language].format(n=n)}</a></h2>'
            f"<p>{WORDS[language][n % 4]}</p></section>"
            for n in range(1, 20)
        )
        yield _made(f"article-{language}-ticker", set(), framed(language, title, f"<article>{entries}</article>"))
        texts = {
            "soft_404": SOFT_404[language][0][1],
            "consent": CONSENT[language][1].partition("<button>")[0],
            "login": LOGIN[language][1],
            "javascript": JAVASCRIPT[language][0],
        }
        for kind, text in texts.items():
            quoting = article(language, 12, f"<p>“{text}”</p>" + "".join(f"<p>{one}</p>" for one in WORDS[language]))
            yield _made(f"article-{language}-about-{kind}", set(), framed(language, title, quoting))


def refused() -> list[NoPage]:
    return [*walls(), *shells(), *lists(), *others()]
