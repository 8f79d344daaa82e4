"""Whatever a driver can say of its trouble has its words in Chinese: why, and what to do."""

import json
import re
from importlib.resources import files
from string import Formatter

from agent.doctor_words import FILLED
from agent.web.words import device_words
from drivers.connecting import no_connection
from tests.drivers.sentences import told_by_drivers

ZH = device_words("zh")
SCRIPT = (files("agent.web") / "static" / "device_words.js").read_text(encoding="utf-8")
SENTENCES: dict[str, str] = json.loads(SCRIPT.partition("DEVICE_WORDS = ")[2].strip().removesuffix(";"))["zh"][
    "sentences"
]


def test_every_sentence_that_a_driver_can_say_is_there_in_chinese() -> None:
    told, known = told_by_drivers(), {FILLED.sub("{}", said) for said in SENTENCES}
    assert len(told) > 150, "the source was not understood"
    assert sorted(told - known) == []


def test_what_is_filled_in_is_filled_in_there_too_and_no_english_stays() -> None:
    for said, words in SENTENCES.items():
        names = [name for _, name, _, _ in Formatter().parse(said) if name is not None]
        assert names == [str(nth) for nth in range(len(names))], said
        assert sorted(name for _, name, _, _ in Formatter().parse(words) if name is not None) == names, words
        assert re.search(r"[\u4e00-\u9fff]", words), words


def test_a_driver_s_words_are_said_with_what_was_filled_in() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    lost = no_connection("10.0.0.7", 5084, "reader", refused)
    assert ZH.why("port_closed", lost.why) == ("该地址有机器，但没有此设备的服务：无法连接 10.0.0.7:5084：连接被拒绝")
    assert ZH.todo("port_closed", lost.hint) == (
        "10.0.0.7 在线，但端口 5084 没有服务：请确认那是读写器、已启动完毕，并在它的设置里打开了此接口。"
    )
    assert ZH.of_driver("the scanner at 1-4 is used by another program") == "1-4 处的扫描枪 正被其他程序使用"
    assert ZH.of_driver("the reader refused to send with this power: too much") == "读写器拒绝按此功率发射：too much"
    assert ZH.of_driver("/dev/ttyUSB0: Input/output error") == "/dev/ttyUSB0：输入输出错误"


def test_the_words_of_somebody_else_s_driver_stay_as_they_are() -> None:
    assert ZH.todo("broke", "Ask its maker.").endswith("（驱动原文：Ask its maker.）")
    assert ZH.of_driver("a fault: of its own") == "a fault: of its own"


def test_the_most_particular_sentence_is_taken() -> None:
    assert ZH.of_driver("the reader refused to start: busy") == "读写器拒绝开始读取：busy"
    assert (
        ZH.of_driver("the reader refused AddROSpec: M_FieldError (101)") == "读写器拒绝了 AddROSpec：M_FieldError (101)"
    )
