"""All tests of the pages run in one loop, so that they can share one Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.pages import SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of this folder only: every conftest is shown all of them."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _closed_at_the_end() -> AsyncIterator[None]:
    yield
    await SHARED.close()
