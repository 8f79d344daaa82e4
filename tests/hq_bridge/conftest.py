from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.brokers import mosquitto
from tests.postgres import Postgres, postgres

__all__ = ["mosquitto", "postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database of each kind HQ can use, by turns."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.wiped()
    return URL.create("sqlite+aiosqlite", database=str(tmp_path / "hq.db"))
