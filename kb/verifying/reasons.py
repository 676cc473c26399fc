"""Why a sentence has its verdict, in English, German and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kb.show.wording import in_language

WORDS: Mapping[str, Mapping[str, str]] = {
    "empty": {
        "en": "nothing is said that could be checked",
        "de": "es wird nichts gesagt, was sich prüfen ließe",
        "zh": "没有可以核查的内容",
    },
    "uncited": {"en": "no passage is cited", "de": "es ist keine Passage angeführt", "zh": "没有引用任何段落"},
    "verbatim": {
        "en": "it stands in the cited passage word for word",
        "de": "es steht wörtlich in der angeführten Passage",
        "zh": "与所引段落一字不差",
    },
    "found": {
        "en": "figures, names and words are in the cited passages",
        "de": "Zahlen, Namen und Wörter stehen in den angeführten Passagen",
        "zh": "数字、名称和用词都见于所引段落",
    },
    "ellipsis": {
        "en": "the ellipsis in {0} leaves out a negation",
        "de": "die Auslassung in {0} lässt eine Verneinung weg",
        "zh": "{0} 中的省略号略去了否定词",
    },
    "speaker_of_words": {
        "en": "the passage gives the words {0} to {1}",
        "de": "in der Passage sagt {1} die Worte {0}",
        "zh": "段落中说 {0} 的是 {1}",
    },
    "stitched": {
        "en": "{0} joins words that stand apart in the passage",
        "de": "{0} fügt Worte zusammen, die in der Passage getrennt stehen",
        "zh": "{0} 把段落中分开的话拼在了一起",
    },
    "no_quote": {
        "en": "the words {0} are in no cited passage",
        "de": "die Worte {0} stehen in keiner angeführten Passage",
        "zh": "{0} 不见于任何所引段落",
    },
    "no_date": {
        "en": 'the date "{0}" is in no cited passage',
        "de": "das Datum „{0}“ steht in keiner angeführten Passage",
        "zh": "日期“{0}”不见于任何所引段落",
    },
    "other_date": {
        "en": 'the date "{0}" is in no cited passage; it gives "{1}"',
        "de": "das Datum „{0}“ steht in keiner angeführten Passage; dort steht „{1}“",
        "zh": "日期“{0}”不见于任何所引段落；段落中是“{1}”",
    },
    "other_unit": {
        "en": 'the figure "{0}" has another unit in the cited passage',
        "de": "die Zahl „{0}“ hat in der angeführten Passage eine andere Einheit",
        "zh": "数字“{0}”在所引段落中的单位不同",
    },
    "no_figure": {
        "en": 'the figure "{0}" is in no cited passage',
        "de": "die Zahl „{0}“ steht in keiner angeführten Passage",
        "zh": "数字“{0}”不见于任何所引段落",
    },
    "other_figure": {
        "en": 'the figure "{0}" is in no cited passage; it gives "{1}"',
        "de": "die Zahl „{0}“ steht in keiner angeführten Passage; dort steht „{1}“",
        "zh": "数字“{0}”不见于任何所引段落；段落中是“{1}”",
    },
    "no_name": {
        "en": 'the name "{0}" is in no cited passage',
        "de": "der Name „{0}“ steht in keiner angeführten Passage",
        "zh": "名称“{0}”不见于任何所引段落",
    },
    "other_script": {
        "en": 'the name "{0}" cannot be looked for in a Chinese passage',
        "de": "der Name „{0}“ lässt sich in einer chinesischen Passage nicht suchen",
        "zh": "无法在中文段落中查找名称“{0}”",
    },
    "misplaced": {
        "en": '"{0}" belongs to something else in the cited passage, which has "{1}" here',
        "de": "„{0}“ gehört in der angeführten Passage zu etwas anderem; hier steht dort „{1}“",
        "zh": "“{0}”在所引段落中说的是别的事；此处段落中是“{1}”",
    },
    "speaker": {
        "en": "in the cited passage {0} says this",
        "de": "in der angeführten Passage sagt das {0}",
        "zh": "所引段落中这样说的是 {0}",
    },
    "other_agent": {
        "en": "in the cited passage {0} does this, not {1}",
        "de": "in der angeführten Passage tut das {0}, nicht {1}",
        "zh": "所引段落中这样做的是 {0}，而非 {1}",
    },
    "exchanged": {
        "en": "in the cited passage {0} and {1} have each other's place",
        "de": "in der angeführten Passage stehen {0} und {1} in vertauschten Rollen",
        "zh": "所引段落中 {0} 与 {1} 的角色相反",
    },
    "of_another": {
        "en": "the cited passage says this of {0}, not of {1}",
        "de": "die angeführte Passage sagt das von {0}, nicht von {1}",
        "zh": "所引段落说的是 {0}，而非 {1}",
    },
    "ties": {
        "en": 'the sentence says "{0}", the cited passage "{1}"',
        "de": "der Satz sagt „{0}“, die angeführte Passage „{1}“",
        "zh": "这句话说“{0}”，所引段落说“{1}”",
    },
    "asked": {
        "en": "the cited passage only asks for this",
        "de": "die angeführte Passage fordert das nur",
        "zh": "所引段落只是提出这一要求",
    },
    "direction": {
        "en": '"{0}" points the other way than "{1}" in the cited passage',
        "de": "„{0}“ weist in die andere Richtung als „{1}“ in der angeführten Passage",
        "zh": "“{0}”与所引段落中的“{1}”方向相反",
    },
    "opposite": {
        "en": 'the cited passage says the opposite: "{0}"',
        "de": "die angeführte Passage sagt das Gegenteil: „{0}“",
        "zh": "所引段落说的正相反：“{0}”",
    },
    "denies": {
        "en": "the sentence denies what the cited passage says",
        "de": "der Satz verneint, was die angeführte Passage sagt",
        "zh": "这句话否定了所引段落的说法",
    },
    "denied": {
        "en": "the cited passage denies what the sentence says",
        "de": "die angeführte Passage verneint, was der Satz sagt",
        "zh": "所引段落否定了这句话",
    },
    "elsewhere": {
        "en": "no cited passage seems to be about this",
        "de": "keine angeführte Passage scheint davon zu handeln",
        "zh": "所引段落似乎都与此无关",
    },
    "little": {
        "en": "too little of it can be compared across the languages",
        "de": "über die Sprachen hinweg lässt sich zu wenig davon vergleichen",
        "zh": "语言不同，可比较的内容太少",
    },
    "share": {
        "en": "only {0} of what it says was found in the cited passages",
        "de": "nur {0} dessen, was er sagt, fanden sich in den angeführten Passagen",
        "zh": "所说内容只有 {0} 见于所引段落",
    },
    "hardly": {
        "en": "hardly anything of it ({0}) is in the cited passages",
        "de": "fast nichts davon ({0}) steht in den angeführten Passagen",
        "zh": "几乎没有内容（{0}）见于所引段落",
    },
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A key of `WORDS` and what it speaks of, as it is written in sentence or passage. As text it is English."""

    key: str
    about: tuple[str, ...] = ()

    def told(self, language: str) -> str:
        """In `language`; readers of others than en, de and zh get English."""
        return in_language(WORDS[self.key], language).format(*self.about)

    def __str__(self) -> str:
        return self.told("en")
