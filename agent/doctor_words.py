"""What the doctor says, in English and Chinese: its own sentences, and how a device's own words are put.

Drivers speak English. In another language their sentences are those that the store's page has for them, behind its word
for the trouble; a sentence that it does not have stands there as the driver said it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
#: Where something is filled in.
FILLED: Final = re.compile(r"\{\d\}")

#: By language, then by name. What stands in braces is filled in.
SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "tally": "{devices} devices: {well} well, {look} worth a look, {wrong} need somebody",
        "correct": "Correct the configuration.",
        "tried": "{why} (the agent has tried {tries} times)",
        "starting": "the agent is connecting to it",
        "ask_again": "Ask again in a moment.",
        "agent_connected": "the agent is connected: {about}",
        "readings": "{readings} readings, the last {ago} ago",
        "no_tag_for": "no tag for {span}",
        "no_tag_within": "no tag within {seconds:g} s",
        "no_tag_at": "antenna {antenna} ({place}) heard no tag",
        "hold_a_tag": "Hold a tag before the antenna. If nothing comes: its cable, and `antennas` and power in the"
        " settings.",
        "lost": "lost {losses} times, last: {why}",
        "hangs": "the driver neither connected nor failed within {seconds:g} s",
        "broke": "the driver broke: {error}",
        "returned": "the driver returned",
        "report_driver": "This is a mistake of the driver: report it.",
        "connected": "connected: {about}",
        "tags": "{tags} tags, read {reads} times in {seconds:g} s",
        "no_zone": "antenna {antenna} read tags {reads} times, and covers no place: they count nowhere",
        "no_zone_unnamed": "an unnamed antenna read tags {reads} times, and covers no place: they count nowhere",
        "add_zone": "Add a [[device.zone]] with antenna = {antenna} and its place.",
        "scanned": "scanned {text}; not booked",
        "no_purpose": "a scan here does nothing",
        "add_purpose": 'Give the device a `purpose`: "receive" or "shelve".',
        "no_whole_scan": "something came, and no whole scan",
        "compare_line": "Compare baud rate, parity and `terminator` with the scanner's own settings.",
        "not_scanned": "nothing was scanned within {seconds:g} s",
        "pull_trigger": "Pull its trigger while the doctor listens (--seconds 20). If nothing comes: its cable, its"
        " baud rate.",
        "nothing_understood": "nothing of what it sent was understood: {told}",
        "times": "{why} ({times} times)",
        "compare_kind": "Compare `kind`, and for serial lines baud rate, parity and `terminator`, with what the device"
        " is set to.",
        "days": "{number} days",
        "hours": "{number} hours",
        "minutes": "{number} minutes",
        "seconds": "{number} s",
    },
    "zh": {
        "tally": "共 {devices} 台设备：{well} 台正常，{look} 台需留意，{wrong} 台需要处理",
        "correct": "请修改配置文件。",
        "tried": "{why}（程序已尝试 {tries} 次）",
        "starting": "程序正在连接该设备",
        "ask_again": "请稍后再查。",
        "agent_connected": "程序已连接：{about}",
        "readings": "已读 {readings} 次，最近一次在{ago}前",
        "no_tag_for": "已有{span}没有读到标签",
        "no_tag_within": "{seconds:g} 秒内没有读到标签",
        "no_tag_at": "天线 {antenna}（{place}）没有读到标签",
        "hold_a_tag": "请拿一个标签放到天线前。若仍读不到，请检查天线馈线，以及配置中的 antennas 和功率。",
        "lost": "断开过 {losses} 次，最近一次：{why}",
        "hangs": "驱动程序在 {seconds:g} 秒内既未连上也未报错",
        "broke": "驱动程序出错：{error}",
        "returned": "驱动程序自行退出",
        "report_driver": "这是驱动程序的错误，请报告给驱动的提供者。",
        "connected": "已连接：{about}",
        "tags": "{seconds:g} 秒内读到 {tags} 个标签，共 {reads} 次",
        "no_zone": "天线 {antenna} 读到标签 {reads} 次，但没有对应的位置，不会计入库存",
        "no_zone_unnamed": "未注明的天线读到标签 {reads} 次，但没有对应的位置，不会计入库存",
        "add_zone": "请在配置中加一段 [[device.zone]]，写明 antenna = {antenna} 和它的 place。",
        "scanned": "扫到 {text}；未入账",
        "no_purpose": "在此扫描不起任何作用",
        "add_purpose": '请为设备写明 purpose："receive"（收货）或 "shelve"（上架）。',
        "no_whole_scan": "收到了数据，但没有一次完整的扫描",
        "compare_line": "请核对波特率、校验位和 terminator 是否与扫描枪的设置一致。",
        "not_scanned": "{seconds:g} 秒内没有扫描",
        "pull_trigger": "请在检查期间扣动扳机（--seconds 20 可延长时间）。若仍无反应，请检查数据线和波特率。",
        "nothing_understood": "设备发来的数据都无法理解：{told}",
        "times": "{why}（{times} 次）",
        "compare_kind": "请核对配置中的 kind；串口设备还请核对波特率、校验位和 terminator。",
        "days": "{number} 天",
        "hours": "{number} 小时",
        "minutes": "{number} 分钟",
        "seconds": "{number} 秒",
    },
}


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `troubles`, `hints` and `page` are the words of the store's page that it has for devices.

    `sentences`: what drivers say, and in this language, those with the most words of their own first.
    """

    language: Language
    page: Mapping[str, str]
    troubles: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    sentences: Sequence[tuple[re.Pattern[str], str]] = ()

    def say(self, name: str, **values: object) -> str:
        """A sentence of this module, filled in."""
        return SENTENCES[self.language][name].format(**values)

    def of_page(self, name: str, **values: object) -> str:
        """A sentence of the page, filled in."""
        return self.page[name].format(**values)

    def span(self, seconds: float) -> str:
        """So long, in words."""
        for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self.say(unit, number=round(seconds / length))
        return self.say("seconds", number=round(seconds))

    def why(self, trouble: str, said: str) -> str:
        """What a device or its driver said of its trouble."""
        if self.language == "en":
            return said
        told = self.of_driver(said)
        return f"{self.troubles[trouble]}：{told}" if trouble in self.troubles else told

    def todo(self, trouble: str, hint: str) -> str:
        """What to do; `hint` is what the driver says to it, which may know more."""
        if self.language == "en" or trouble not in self.hints:
            return hint
        if (told := self.of_driver(hint)) != hint:
            return told
        return f"{self.hints[trouble]}（驱动原文：{hint}）" if hint else self.hints[trouble]

    def of_driver(self, said: str) -> str:
        """A driver's sentence in this language, and what is filled in there too; `said` itself if there is none."""
        for pattern, words in self.sentences:
            if found := pattern.fullmatch(said):
                return words.format(*map(self.of_driver, found.groups()))
        first, colon, second = said.partition(": ")
        if colon and (told := (self.of_driver(first), self.of_driver(second))) != (first, second):
            return "：".join(told)
        return said


def as_patterns(sentences: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """Of sentences in which {0}, {1} … are filled in, what finds them. One with more words of its own comes first."""
    ordered = sorted(sentences.items(), key=lambda one: -len(FILLED.sub("", one[0])))
    return [(re.compile("(.+?)".join(map(re.escape, FILLED.split(said)))), words) for said, words in ordered]
