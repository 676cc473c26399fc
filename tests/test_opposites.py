"""The check on sentences turned round (who does what to whom, what is tied to what, what is only asked for), and on the
true ones beside them, which must not be called false."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from ingest.cli.measure import _tables
from kb.errors import SettingsError
from kb.models import Verdict
from kb.text.words import STOPWORDS
from kb.verifying import check
from kb.verifying.actors import actors, shared_names
from kb.verifying.lexicon import RELATIONS, WORDS, load_words, read_words
from kb.verifying.polarity import polarity
from kb.verifying.reading import read
from kb.verifying.relations import deeds, told
from kb.verifying.roles import Part, cast
from kb.verifying.ties import untied

FALSE = (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)


@pytest.mark.parametrize(
    ("text", "relation", "doer", "other"),
    [
        ("Orlen Mining buys lithium from Sable Resources.", "do:sell", "sable", "orlen"),
        ("Sable Resources sells lithium to Orlen Mining.", "do:sell", "sable", "orlen"),
        ("Sable was sued by Orlen in May.", "do:sue", "orlen", "sable"),
        ("Der Vertrag wird geprüft, denn Orlen verklagte Sable.", "do:sue", "orlen", "sable"),
        ("Olaf Renner warf der Firma Orlen vor, zu bremsen.", "do:accuse", "renner", "orlen"),
        ("华为起诉三星。", "do:sue", "huawei", "samsung"),
        ("三星被华为起诉。", "do:sue", "huawei", "samsung"),
    ],
)
def test_a_relation_is_read_from_either_side(text: str, relation: str, doer: str, other: str) -> None:
    reading = read(text)
    known = read("Then Orlen met Sable, and Sable met Renner at home with Orlen.")
    (deed,) = [deed for deed in deeds(reading, shared_names(reading, [known])) if deed.relation == relation]
    assert [role.id.removeprefix("name:") for role in deed.doers] == [doer]
    assert [role.id.removeprefix("name:") for role in deed.others] == [other]


TURNED = [
    (
        "Orlen Mining will buy lithium from Sable Resources until 2031.",
        "Sable Resources buys lithium from Orlen Mining.",
    ),
    (
        "Orlen Mining will buy lithium from Sable Resources until 2031.",
        "Orlen Mining verkauft Lithium an Sable Resources.",
    ),
    ("Jonas Berg succeeded Marta Lind as safety chief.", "Marta Lind replaced Jonas Berg."),
    ("东岭银行拒绝提供贷款。海拓汽车感谢北辰银行。", "北辰银行感谢海拓汽车。"),
]


@pytest.mark.parametrize(("passage", "claim"), TURNED)
def test_two_of_a_relation_have_each_others_place(passage: str, claim: str) -> None:
    finding = check(claim, [passage])
    assert (finding.verdict, finding.code) == (Verdict.CONTRADICTED, "actor")
    assert told(read(claim), [read(passage)]).turned is not None


def test_who_is_named_with_a_title_is_one_phrase() -> None:
    reading = read("Bundesnetzagentur-Chef Olaf Renner warf der Telekom vor, den Ausbau zu bremsen.")
    roles = cast(reading, reading.clauses[:1], shared_names(reading, [reading])).roles
    assert [(role.id, role.part) for role in roles] == [
        ("bnetza", Part.AGENT),
        ("name:renner", Part.AGENT),
        ("telekom", Part.TARGET),
    ]


@pytest.mark.parametrize(
    ("text", "owner", "head"),
    [
        ("Apple's supplier Luxshare moved two lines.", "apple", "name:luxshare"),
        ("Analysts at Brightwater believe it.", "name:brightwater", "office:expert"),
    ],
)
def test_an_owner_does_not_act(text: str, owner: str, head: str) -> None:
    reading = read(text)
    roles = {role.id: role.part for role in cast(reading, reading.sentences, shared_names(reading, [reading])).roles}
    assert (roles[owner], roles[head]) == (Part.ASIDE, Part.AGENT)


@pytest.mark.parametrize(
    ("claim", "passage", "name"),
    [
        ("Halden hired three engineers.", "Engineers of Halden Systems left. Halden Systems is silent.", "name:halden"),
        ("Hitachi übernimmt die Wartung.", "Die Bahn bestellt bei Hitachi.", "name:hitachi"),
        ("崔永年代表作者起诉了平台。", "崔永年称使用合理。", "name:崔永年"),
        ("江州市授权给云岭数据公司。", "云岭数据称将配合。", "name:江州"),
    ],
)
def test_names_no_registry_knows(claim: str, passage: str, name: str) -> None:
    reading = read(claim)
    found = actors(reading, shared_names(reading, [read(passage)]))
    assert name in {id for actor in found for id in actor.ids}


@pytest.mark.parametrize("text", ["平台法务总监否认。", "两家公司出台办法。"])
def test_a_common_word_is_no_pair_of_countries(text: str) -> None:
    assert actors(read(text)) == ()


def test_somebody_else_does_it() -> None:
    passage = (
        "Ardenia verklagte die Reederei Tolmar, weil diese Öl aus Lagern ohne Siegel verkauft hatte. Tolmar schweigt."
    )
    finding = check("Ardenia hatte Öl aus Lagern ohne Siegel verkauft.", [passage])
    assert (finding.verdict, finding.code) == (Verdict.CONTRADICTED, "actor")


def test_what_refers_to_another_is_not_held_against_its_own() -> None:
    passage = "Tesla asked for leave to send data abroad and was refused. BMW obtained such leave in May."
    assert check("BMW may send data abroad.", [passage]).verdict not in FALSE


@pytest.mark.parametrize(
    ("claim", "passage", "turned"),
    [
        ("The firm settled after trial.", "The firm settled before trial.", True),
        ("商业服务可以在上线后完成评估。", "商业服务须在上线前完成评估。", True),
        ("Brussels cleared the merger with conditions.", "Brussels cleared the merger without conditions.", True),
        ("Luxshare moved lines from Hanoi to Kunshan.", "Luxshare moved lines from Kunshan to Hanoi.", True),
        (
            "The railway orders from Huawei instead of Hitachi.",
            "Die Bahn bestellt nicht bei Huawei, sondern bei Hitachi.",
            True,
        ),
        ("Nvidia lobbied for the bill.", "Nvidia hatte gegen das Gesetz gesprochen und war gegen die Vorlage.", False),
        ("The rule applies until 9 July 2025.", "The rule applies from 9 July 2025.", True),
        ("A vote follows before the debate.", "A debate follows after the vote.", False),
        ("Egypt gets gas from Cyprus.", "Egypt turned to Cyprus for gas.", False),
    ],
)
def test_what_is_tied_the_other_way_round(claim: str, passage: str, turned: bool) -> None:
    assert (untied(read(claim), [read(passage)]) is not None) is turned


def test_what_is_only_asked_for_is_not_done() -> None:
    passage = "Lawyers for the guild asked Judge Helen Park to reject the settlement. Park has not ruled."
    finding = check("Judge Helen Park rejected the settlement.", [passage])
    assert (finding.verdict, finding.code) == (Verdict.UNSUPPORTED, "asked")
    assert check("Lawyers asked Judge Helen Park to reject the settlement.", [passage]).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("乌兹别克斯坦批准了该条约。", "Uzbekistan has shelved the treaty."),
        ("G42 undertook to keep Huawei equipment.", "G42承诺拆除华为设备。"),
        ("Quanex向孙立道歉。", "孙立已返回杭州，Quanex没有道歉。"),
        (
            "Norway's fund kept its stake in Hikvision.",
            "Norwegens Staatsfonds trennte sich von allen Anteilen an Hikvision.",
        ),
        ("Vodafone widersprach Renner.", "Vodafone gab Renner recht."),
        ("富士康正在裁员。", "Foxconn, by contrast, is adding lines and hiring 9,000 people."),
        ("云岭数据拒绝整改。", "云岭数据称将配合整改。"),
    ],
)
def test_opposites_by_whatever_word(claim: str, passage: str) -> None:
    assert check(claim, [passage]).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("text", "axis", "sign"),
    [
        ("Der Senat hat noch nicht beraten.", "done", -1),
        ("The rule does not apply to hospitals.", "covered", -1),
        ("The request was turned down.", "assent", -1),
        ("Huawei hat die Pläne nicht aufgegeben.", "force", 1),
        ("该目标难以实现。", "goal", -1),
        ("Die Polizei begrüßte die Aufhebung.", "praise", 1),
        ("Chefin Nora Lemmer schließt Entlassungen aus.", "staff", 1),
    ],
)
def test_a_phrase_is_taken_whole(text: str, axis: str, sign: int) -> None:
    assert {stance.sign for stance in polarity(read(text)).stances if stance.axis == axis} == {sign}


@pytest.mark.parametrize("text", ["He made false statements.", "They set up a fund.", "工程进度不足30%。"])
def test_a_word_that_is_no_direction_where_it_stands(text: str) -> None:
    axes = {stance.axis for stance in polarity(read(text)).stances}
    assert not axes & {"truth", "change", "enough", "available"}


LUMIO = (
    "The Danish data watchdog ordered Lumio to delete voice recordings after a nurse complained. Lumio will comply but "
    "denies wrongdoing."
)
HARMS = (
    "Volker Harms verlässt den Vorstand von Nordlicht Energie zum Jahresende. Sein Posten geht an Petra Vogt, bisher "
    "Chefin der Netzsparte. Der Aufsichtsrat hatte Harms eine Verlängerung angeboten."
)
COURT = "韩国法院驳回了星河电子的上诉，维持一审判决，星河电子须向蓝海科技支付1200万美元。星河电子表示遗憾。"
FERRO = "Ferro Dynamics lost the tender to Kestrel Rail, which offered a lower price."
BANKS = "东岭银行拒绝向海拓汽车提供贷款，北辰银行则批准了5亿元额度。"
NVIDIA = (
    "Nvidia's revenue from China fell to $2.8 billion in the quarter to July, down from $4.6 billion a year earlier."
)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("A nurse had complained about Lumio.", LUMIO),
        ("Lumio says it did nothing wrong.", LUMIO),
        ("丹麦监管机构要求Lumio删除录音。", LUMIO),
        ("Petra Vogt takes over from Volker Harms.", HARMS),
        ("Petra Vogt succeeds Harms on the board.", HARMS),
        ("蓝海科技将获得1200万美元。", COURT),
        ("Das Gericht wies die Berufung zurück.", COURT),
        ("Kestrel Rail won the tender.", FERRO),
        ("Kestrel Rail setzte sich gegen Ferro Dynamics durch.", FERRO),
        ("北辰银行同意向海拓汽车提供贷款。", BANKS),
        ("Nvidia earned $1.8 billion less revenue in China than a year before.", NVIDIA),
        ("Corvane and 22 other firms were listed.", "The bureau listed 23 firms, among them Corvane."),
        (
            "The court awarded it 150 million yuan, half of the sum it had sought.",
            "法院判决赔偿1.5亿元，索赔金额为3亿元。",
        ),
        ("Private Rechenzentren sind von Pekings Vorgabe nicht betroffen.", "这项要求不适用于私人投资的数据中心。"),
        ("Berlin untersagte den Verkauf.", "Das Bundeskabinett untersagte am Mittwoch den Verkauf der Fabrik."),
        ("Despite Seoul's plea the exemption ends.", "Seoul had pleaded for the exemption. It ends in May."),
        ("Halden will repair the jets at no cost.", "Halden said it would repair the jets free of charge."),
    ],
)
def test_a_true_sentence_in_other_words_is_not_called_false(claim: str, passage: str) -> None:
    assert check(claim, [passage]).verdict not in FALSE


def test_no_word_of_one_language_is_a_small_word_of_the_other() -> None:
    # "Dies" among the English words made the article "die" a death in every German sentence.
    data = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    related = tomllib.loads((WORDS.parent / RELATIONS).read_text(encoding="utf-8"))
    for row in (*data["words"].values(), *data["direction"], *related["relation"]):
        assert set(row.get("en", "").split()) & STOPWORDS["de"] <= {"will", "in"}, row
        assert set(row.get("de", "").split()) & STOPWORDS["en"] <= {"will"}, row


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('other = "against"', 'other = "beside"', "has a mark not in"),
        ('id = "sue"', 'id = "accuse"', "is there twice"),
    ],
)
def test_relations_that_cannot_be_used_are_refused(tmp_path: Path, written: str, instead: str, message: str) -> None:
    shutil.copy(WORDS, tmp_path / WORDS.name)
    text = (WORDS.parent / RELATIONS).read_text(encoding="utf-8")
    assert written in text
    (tmp_path / RELATIONS).write_text(text.replace(written, instead, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_words(tmp_path / WORDS.name)


def test_a_tie_without_a_sign_is_refused(tmp_path: Path) -> None:
    shutil.copy(WORDS.parent / RELATIONS, tmp_path / RELATIONS)
    text = WORDS.read_text(encoding="utf-8")
    spoilt = text.replace('axis = "order"\nsign = 1', 'axis = "order"\nsign = 2', 1)
    (tmp_path / WORDS.name).write_text(spoilt, encoding="utf-8")
    with pytest.raises(SettingsError, match="needs an axis and a sign"):
        read_words(tmp_path / WORDS.name)


def test_every_tie_has_both_signs() -> None:
    signs: dict[str, set[int]] = {}
    for tie in load_words().ties.values():
        signs.setdefault(tie.axis, set()).add(tie.sign)
    assert {axis for axis, found in signs.items() if found != {1, -1}} == set()


def test_a_result_has_a_table_for_each_kind_of_row() -> None:
    alarms = {"rate": 0.1, "by_pair": {"en-de": {"claims": 6, "rate": 0.1}, "zh-zh": {"claims": 20, "rate": 0.0}}}
    tables = list(_tables("false_alarms", alarms))
    assert [(table.title, [column.header for column in table.columns], table.row_count) for table in tables] == [
        ("false_alarms", ["", "rate"], 1),
        ("false_alarms, by_pair", ["", "claims", "rate"], 2),
    ]


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        ("Sable verkauft seine Dienste nicht mehr an Banken.", "Sable beliefert keine Banken mehr."),
        ("十二家银行中有九家在被要求出示证明时未予拒绝。", "十二家银行中有九家没有拒绝出示证明的要求。"),
        ("北辰电子负责提供图纸，不持有股份。", "北辰电子提供图纸，但不持股。"),
        ("市场不完善带来的不平等对就业有着长期的 不利 影响。", "市场不完善带来的不平等对就业有长期的不利影响。"),
        ("Yields at Orlen fell from 58 to 51 percent.", "Die Ausbeute bei Orlen sank von 58 auf 51 Prozent."),
        ("Orlen steigerte den Absatz von 3 auf 5 Milliarden Euro.", "Orlen's sales rose from 3 to 5 billion euros."),
    ],
)
def test_a_denial_in_other_words_and_a_rise_from_one_figure_to_another_are_carried(evidence: str, claim: str) -> None:
    assert check(claim, [evidence]).verdict not in FALSE


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        ("Sable verkauft seine Dienste nicht mehr an Banken.", "Sable verkauft seine Dienste an Banken."),
        ("Yields at Orlen fell from 58 to 51 percent.", "Die Ausbeute bei Orlen sank von 51 auf 48 Prozent."),
    ],
)
def test_the_false_ones_beside_them_are_caught(evidence: str, claim: str) -> None:
    assert check(claim, [evidence]).verdict in FALSE


QUOTED = "Delegate Liu Shengnan called the outcome “a floor, not a ceiling”, while the US delegate, Mark Pruett, left."


@pytest.mark.parametrize(
    ("claim", "false"),
    [
        ("Mark Pruett, the American delegate, saw in it “a floor, not a ceiling”.", True),
        ("Mark Pruett called the outcome “a floor, not a ceiling”.", True),
        ("Liu Shengnan called the outcome “a floor, not a ceiling”.", False),
    ],
)
def test_a_clause_set_against_a_quotation_names_no_speaker(claim: str, false: bool) -> None:
    assert (check(claim, [QUOTED]).verdict in FALSE) is false


SAID = (
    "Huawei will present the processor in 2027. Chairman Olaf Renner said that the firm makes its own memory. "
    "The research house Sable Metrics believes that a single chip still trails Nvidia by two generations."
)


@pytest.mark.parametrize(
    ("evidence", "claim", "false"),
    [
        (SAID, "Olaf Renner believes that a single chip still trails Nvidia by two generations.", True),
        (SAID, "Sable Metrics believes that a single chip still trails Nvidia by two generations.", False),
        (SAID, "Olaf Renner said that the firm makes its own memory.", False),
        (
            "台积电回应说，公司正与美方沟通。分析师许静怡指出，南京厂产能仅占约3%，冲击有限。",
            "台积电指出，南京厂产能仅占约3%，冲击有限。",
            True,
        ),
        (
            "台积电回应说，公司正与美方沟通。分析师许静怡指出，南京厂产能仅占约3%，冲击有限。",
            "许静怡指出，南京厂产能仅占约3%，冲击有限。",
            False,
        ),
    ],
)
def test_what_one_says_is_not_given_to_another(evidence: str, claim: str, false: bool) -> None:
    assert (check(claim, [evidence]).verdict in FALSE) is false


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("台湾当局放弃了反对意见。", "Taiwan cleared a sale of the chip startup Fablight, dropping its objections."),
        (
            "Der Bund behält seine Sperrminorität.",
            "Der Bund gibt seine Sperrminorität am Hersteller Silvanit nicht auf.",
        ),
        ("Nach der US-Sanktion zog Qiheng den Antrag in Hongkong zurück.", "启衡因美国制裁撤回了在港交所的上市申请。"),
    ],
)
def test_words_that_only_look_like_others(claim: str, passage: str) -> None:
    assert check(claim, [passage]).verdict not in FALSE
