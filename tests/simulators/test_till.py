"""A till gives up on nothing but a refusal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulators.till import Refused, Till
from tests.waiting import until


class Agent:
    """An HTTP server that answers with what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self.asked.append((await reader.readexactly(length)).decode())
        answer = self.answers.pop(0)
        if answer:
            body = '{"receipt": "heard"}'
            writer.write(
                f"HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            await writer.drain()
        writer.close()


@asynccontextmanager
async def till_and_agent(*answers: str) -> AsyncIterator[tuple[Till, Agent]]:
    agent = Agent()
    agent.answers += answers
    server = await asyncio.start_server(agent.serve, "127.0.0.1", 0)
    till = Till("T1", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield till, agent
    await till.close()
    server.close()
    await server.wait_closed()


async def test_the_same_receipt_is_sent_until_it_is_answered() -> None:
    async with till_and_agent("", "503 Busy", "", "200 OK") as (till, agent):
        assert await till.sell(till.next_paper(), 1, []) == {"receipt": "heard"}
        assert len(agent.asked) == 4
        assert len(set(agent.asked)) == 1
        assert till.sent_again == 3
        assert till.next_paper() != till.next_paper()


async def test_a_refusal_is_final() -> None:
    async with till_and_agent("422 No") as (till, agent):
        with pytest.raises(Refused) as caught:
            await till.announce("D-1", [])
        assert caught.value.status == 422
        assert len(agent.asked) == 1


async def test_a_till_waits_for_an_agent_that_is_not_there_yet() -> None:
    async with till_and_agent("200 OK") as (till, agent):
        address = till._line.base_url
    late = Till("T2", str(address))
    sale = asyncio.create_task(late.sell("R", 1, []))
    await until(lambda: late.sent_again > 1)
    agent.answers += ["200 OK"]
    server = await asyncio.start_server(agent.serve, address.host, address.port)
    assert await sale == {"receipt": "heard"}
    await late.close()
    server.close()
