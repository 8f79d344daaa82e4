"""LLRP decode against its peers, side by side: `python -m tests.benchmarks.llrp` prints `name value unit peer ratio`.

The same messages of 30 tag reports (EPC-96, antenna, RSSI, channel, first and last seen, count: 46 bytes each), framed
as they come from the reader. Ours frames and decodes to full TagReads; the peers get their message whole. Medians of
alternating rounds; a ratio is the median of the rounds' ratios.
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
ROUNDS: Final = 9
ROUND_S: Final = 0.15

Decode = Callable[[bytes], object]


def messages(seed: int = 1) -> list[bytes]:
    """Reports as an Impinj reader writes them, every tag another."""
    chance = random.Random(seed)

    def report() -> bytes:
        seen = 1_700_000_000_000_000 + chance.randrange(10**12)
        said = pack(">BH", 0x81, chance.randint(1, 4)) + pack(">Bb", 0x86, -chance.randint(30, 80))
        said += pack(">BH", 0x87, chance.randint(1, 50)) + pack(">BQ", 0x82, seen)
        said += pack(">BQ", 0x84, seen + chance.randrange(10**6)) + pack(">BH", 0x88, chance.randint(1, 9))
        return tlv(240, b"\x8d" + chance.randbytes(12) + said)

    return [message("ROAccessReport", ident, b"".join(report() for _ in range(TAGS))) for ident in range(MESSAGES)]


def ours(*, fast: bool) -> Callable[[bytes], list[TagRead]]:
    """Framing and decoding as the driver does it."""
    splitter, decoder = Splitter(), ReportDecoder(fast=fast)

    def decode(data: bytes) -> list[TagRead]:
        (got,) = splitter.feed(data)
        return decoder.decode(got.payload).reads

    return decode


def llrpkit_to_tag_reports(data: bytes) -> list[TagReport]:
    return [TagReport.from_param(one) for one in llrpkit.decode_message(data).tag_report_datas]  # type: ignore[attr-defined]


def tags_per_s(decode: Decode, data: list[bytes]) -> float:
    """The rate of one round."""
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < ROUND_S:
        for one in data:
            decode(one)
        done += len(data) * TAGS
    return done / took


def check(data: list[bytes]) -> None:
    """All of them decode the same tags, or no figure means anything."""
    fast, exact = ours(fast=True), ours(fast=False)
    for one in data:
        reads = fast(one)
        assert reads == exact(one)
        assert len(reads) == TAGS
        assert all(isinstance(read, TagRead) for read in reads)
        theirs = llrpkit_to_tag_reports(one)
        assert [(t.epc, t.antenna, t.rssi_dbm, t.last_seen_us, t.seen_count) for t in theirs] == reads
        sllurp = LLRPMessage(msgbytes=one).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
        names = ("AntennaID", "PeakRSSI", "LastSeenTimestampUTC", "TagSeenCount")
        assert [(bytes.fromhex(t["EPC"].decode()), *(t[name] for name in names)) for t in sllurp] == reads


def figures() -> list[Figure]:
    """Measure; takes about seven seconds."""
    data = messages()
    check(data)
    decoders: dict[str, Decode] = {
        "ours": ours(fast=True),
        "exact": ours(fast=False),
        "llrpkit": llrpkit.decode_message,
        "llrpkit_to_reports": llrpkit_to_tag_reports,
        "sllurp": lambda one: LLRPMessage(msgbytes=one),
    }
    rounds = [{name: tags_per_s(decode, data) for name, decode in decoders.items()} for _ in range(ROUNDS)]
    rate = {name: round(median(one[name] for one in rounds)) for name in decoders}

    def beside(name: str, peer: str, theirs: str) -> Figure:
        ratio = round(median(one["ours"] / one[theirs] for one in rounds), 1)
        return figure(name, ratio, "x", peer, ratio)

    llrpkit_name, sllurp_name = f"llrpkit {version('llrpkit')}", f"sllurp {version('sllurp')}"
    return [
        beside("llrp_decode_vs_llrpkit", llrpkit_name, "llrpkit"),
        beside("llrp_decode_vs_llrpkit_reports", f"{llrpkit_name} TagReport", "llrpkit_to_reports"),
        beside("llrp_decode_vs_sllurp", sllurp_name, "sllurp"),
        figure("llrp_decode_tags_s", rate["ours"], "tags/s"),
        figure("llrp_decode_exact_tags_s", rate["exact"], "tags/s"),
        figure("llrp_decode_llrpkit_tags_s", rate["llrpkit"], "tags/s", llrpkit_name),
        figure("llrp_decode_sllurp_tags_s", rate["sllurp"], "tags/s", sllurp_name),
    ]


if __name__ == "__main__":
    for one in figures():
        print(line(one))
