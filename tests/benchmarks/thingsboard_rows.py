"""A connector for thingsboard-gateway that hands over the rows of a file.

It is copied among the gateway's extensions and runs in its process and environment; nothing of ours is to be had there.
"""

import json
import time
from pathlib import Path
from threading import Thread
from typing import Any

_A_TURN = 100  # rows
_ROWS_PER_S = 5000  # faster than its storage writes them, they would only wait in memory
_LOOK_EVERY_S = 0.05


class RowsConnector(Thread):
    """Hands over one row, waits for `rows.jsonl` and hands over each of its lines, an object with `seq` and `at`."""

    def __init__(self, gateway: Any, config: dict[str, Any], connector_type: str) -> None:
        super().__init__(daemon=True)
        self.name = config["name"]
        self._gateway = gateway
        self._config = config
        self._type = connector_type
        self._stopped = False

    def open(self) -> None:
        self.start()

    def run(self) -> None:
        folder = Path(self._config["folder"])
        self._hand_over({"seq": 0, "at": 1})
        while not (folder / "rows.jsonl").exists():
            time.sleep(_LOOK_EVERY_S)
        for nth, line in enumerate((folder / "rows.jsonl").read_text().splitlines()):
            self._hand_over(json.loads(line))
            if nth % _A_TURN == 0:
                time.sleep(_A_TURN / _ROWS_PER_S)

    def _hand_over(self, row: dict[str, Any]) -> None:
        # Readings of a device that have the same time are one to ThingsBoard: each row gets a millisecond.
        reading = {"ts": row["at"] + row["seq"], "values": row}
        told = {"deviceName": "SH-1", "deviceType": "store", "telemetry": [reading], "attributes": []}
        self._gateway.send_to_storage(self.name, self.get_id(), told)

    def close(self) -> None:
        self._stopped = True

    def get_id(self) -> Any:
        return self._config.get("id")

    def get_name(self) -> str:
        return self.name

    def get_type(self) -> str:
        return self._type

    def get_config(self) -> dict[str, Any]:
        return self._config

    def is_connected(self) -> bool:
        return not self._stopped

    def is_stopped(self) -> bool:
        return self._stopped

    def on_attributes_update(self, content: Any) -> None:
        """Nothing is asked of a device that is a file."""

    def server_side_rpc_handler(self, content: Any) -> None:
        """Nothing is asked of a device that is a file."""
