"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.witness import bench

# A property is true or not, however busy the machine is; a failing example prints what it takes to run it again.
settings.register_profile("nearshelf", deadline=None, print_blob=True)
settings.load_profile("nearshelf")


@pytest.fixture(autouse=True)
def witnessed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every message that crossed a broker in the test is as the contract says, or excused by name."""
    excused = {channel for mark in request.node.iter_markers("nonsense") for channel in mark.args}
    with bench() as witnesses:
        yield
    witnesses.judge(excused)
