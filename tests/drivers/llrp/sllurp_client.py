"""`sllurp_client.py HOST PORT TAGS`: read with sllurp until so many tags were heard; print {EPC: antenna}.

A program of its own, because sllurp (GPL) is a peer to be judged by and no part of the product, and lives in threads.
"""

import json
import os
import sys
import threading
from typing import Any

from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig


def main() -> None:
    host, port, tags = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    heard: dict[str, int] = {}
    enough = threading.Event()

    def report(_reader: object, reads: list[dict[str, Any]]) -> None:
        for read in reads:
            heard[read["EPC"].decode()] = read["AntennaID"]
        if len(heard) >= tags:
            enough.set()

    content = {"EnableAntennaID": True, "EnablePeakRSSI": True, "EnableTagSeenCount": True}
    config = LLRPReaderConfig({"antennas": [1, 2, 3, 4], "report_every_n_tags": 5})
    config.tag_content_selector.update(content)
    client = LLRPReaderClient(host, port, config)
    client.add_tag_report_callback(report)
    client.connect()
    enough.wait(20)
    client.disconnect(2)
    sys.stdout.write(json.dumps(heard))
    sys.stdout.flush()
    os._exit(0)  # its thread goes on for ever when it was told to stop in the moment in which it starts


if __name__ == "__main__":
    main()
