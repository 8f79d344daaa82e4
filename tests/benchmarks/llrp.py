"""LLRP decode against its peers, side by side: `python -m tests.benchmarks.llrp` prints `name value unit peer ratio`.

Messages of 30 tag reports (EPC, antenna, RSSI, channel, first and last seen, count), framed as they come from the
reader: a third of them all of one shape, a third with EPCs of 96 and of 128 bits in any order, a third as an Impinj
reader writes them with its extensions on (PC, RSSI in hundredths, phase); and messages of one report. Ours frames and
decodes to full TagReads; the peers get their message whole. CPU time, medians of alternating rounds.
"""

import random
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from struct import pack
from typing import Final

from llrpkit.inventory import TagReport
from llrpkit.protocol import codec as llrpkit
from sllurp.llrp import LLRPMessage

from drivers.llrp.codec import Splitter, message, tlv
from drivers.llrp.reports import ReportDecoder
from drivers.readings import TagRead
from tests.benchmarks.figures import Figure, figure, line

TAGS: Final = 30
MESSAGES: Final = 100
ROUNDS: Final = 11
ROUND_S: Final = 0.05
SHAPES: Final = ("uniform", "mixed", "impinj")
IMPINJ, PHASE, FINE_RSSI = 25882, 56, 57

Decode = Callable[[bytes], object]


def messages(shape: str, tags: int = TAGS) -> list[bytes]:
    """Reports of a shape, every tag another."""
    chance = random.Random(1)

    def report() -> bytes:
        seen = 1_700_000_000_000_000 + chance.randrange(10**12)
        epc = b"\x8d" + chance.randbytes(12)
        if shape == "mixed" and chance.random() < 0.5:
            epc = tlv(241, pack(">H", 128) + chance.randbytes(16))
        said = pack(">BH", 0x81, chance.randint(1, 4)) + pack(">Bb", 0x86, -chance.randint(30, 80))
        said += pack(">BH", 0x87, chance.randint(1, 50)) + pack(">BQ", 0x82, seen)
        said += pack(">BQ", 0x84, seen + chance.randrange(10**6)) + pack(">BH", 0x88, chance.randint(1, 9))
        if shape == "impinj":
            said += pack(">BH", 0x8C, 0x3000)
            said += tlv(1023, pack(">IIh", IMPINJ, FINE_RSSI, -chance.randint(3000, 8000)))
            said += tlv(1023, pack(">IIH", IMPINJ, PHASE, chance.randrange(4096)))
        return tlv(240, epc + said)

    return [message("ROAccessReport", ident, b"".join(report() for _ in range(tags))) for ident in range(MESSAGES)]


def ours(*, fast: bool) -> Callable[[bytes], list[TagRead]]:
    """Framing and decoding as the driver does it."""
    splitter, decoder = Splitter(), ReportDecoder(fast=fast)

    def decode(data: bytes) -> list[TagRead]:
        (got,) = splitter.feed(data)
        return decoder.decode(got.payload).reads

    return decode


def llrpkit_to_tag_reports(data: bytes) -> list[TagReport]:
    return [TagReport.from_param(one) for one in llrpkit.decode_message(data).tag_report_datas]  # type: ignore[attr-defined]


def tags_per_s(decode: Decode, data: list[bytes], tags: int) -> float:
    """The rate of one round."""
    done, began = 0, time.process_time()
    while (took := time.process_time() - began) < ROUND_S:
        for one in data:
            decode(one)
        done += len(data) * tags
    return done / took


def check(data: list[bytes], shape: str) -> None:
    """All of them decode the same tags, or no figure means anything. The peers leave hundredths of a dBm out."""
    fast, exact = ours(fast=True), ours(fast=False)
    for one in [*data, *data]:
        reads = fast(one)
        assert reads == exact(one)
        assert all(isinstance(read, TagRead) for read in reads)
        told = [(r.epc, r.antenna, r.seen_at_us, r[4], None if shape == "impinj" else r.rssi_dbm) for r in reads]
        theirs = llrpkit_to_tag_reports(one)
        assert told == [
            (t.epc, t.antenna, t.last_seen_us, t.seen_count, None if shape == "impinj" else t.rssi_dbm) for t in theirs
        ]
        sllurp = LLRPMessage(msgbytes=one).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
        names = ("AntennaID", "LastSeenTimestampUTC", "TagSeenCount")
        assert [one[:4] for one in told] == [
            (bytes.fromhex((t["EPC"] if "EPC" in t else t["EPC-96"]).decode()), *(t[name] for name in names))
            for t in sllurp
        ]


Rates = dict[tuple[str, str], float]


def together(rates: Rates, who: str) -> float:
    """The rate of one who gets as many tags of each shape."""
    return len(SHAPES) / sum(1 / rates[shape, who] for shape in SHAPES)


def figures() -> list[Figure]:
    """Measure; takes about ten seconds."""
    data = {shape: (messages(shape), TAGS) for shape in SHAPES} | {"single": (messages("uniform", 1), 1)}
    for shape, (made, _) in data.items():
        check(made, shape)
    decoders: dict[str, Decode] = {
        "ours": ours(fast=True),
        "exact": ours(fast=False),
        "llrpkit": llrpkit.decode_message,
        "llrpkit_reports": llrpkit_to_tag_reports,
        "sllurp": lambda one: LLRPMessage(msgbytes=one),
    }
    rounds: list[Rates] = [
        {(shape, who): tags_per_s(decode, *data[shape]) for shape in data for who, decode in decoders.items()}
        for _ in range(ROUNDS)
    ]
    names = {"sllurp": f"sllurp {version('sllurp')}", "llrpkit": f"llrpkit {version('llrpkit')}"}

    def beside(name: str, theirs: str, of: Callable[[Rates, str], float]) -> Figure:
        ratio = round(median(of(one, "ours") / of(one, theirs) for one in rounds), 1)
        return figure(f"{name}_vs_{theirs}", ratio, "x", names[theirs.split("_")[0]], ratio)

    def of(shape: str) -> Callable[[Rates, str], float]:
        return lambda rates, who: rates[shape, who]

    def rate(name: str, who: str, of: Callable[[Rates, str], float]) -> Figure:
        return figure(name, round(median(of(one, who) for one in rounds)), "tags/s", names.get(who, ""))

    return [
        beside("llrp_decode", "sllurp", together),
        beside("llrp_decode", "llrpkit", together),
        beside("llrp_decode", "llrpkit_reports", together),
        *(beside(f"llrp_decode_{shape}", peer, of(shape)) for shape in SHAPES for peer in names),
        beside("llrp_single", "sllurp", of("single")),
        beside("llrp_single", "llrpkit", of("single")),
        rate("llrp_decode_tags_s", "ours", together),
        rate("llrp_decode_exact_tags_s", "exact", together),
        rate("llrp_decode_llrpkit_tags_s", "llrpkit", together),
        rate("llrp_decode_sllurp_tags_s", "sllurp", together),
        rate("llrp_single_tags_s", "ours", of("single")),
    ]


if __name__ == "__main__":
    for one in figures():
        print(line(one))
