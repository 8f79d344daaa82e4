"""What `nearshelf-agent devices scan` asks: here, one that always finds the same."""

from drivers.finding import Found, Where


async def find(where: Where) -> list[Found]:
    """A real one would look on `where.networks`."""
    return [Found("example_tcp", "192.0.2.40:4000", "an example", "scans", {"address": "tcp://192.0.2.40"})]
