"""NATS JetStream behind the engine's port (broker_config/nats; nats-server 2.10 and later).

Nothing here acknowledges: messages that JetStream delivers a second time come after newer ones, and a position
acknowledged past a hole stalled a prototype for good. A reader asks from its own position instead, and starts anew
from there whenever it misses something.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from hq_bridge.engine import EngineForgot, EngineLost, Entry
from wire.tls import Credentials
from wire.topics import StoreTopics, is_name, shard_of

log = structlog.get_logger()

_Fetch = Callable[[], Awaitable[list[Msg]]]

#: Each stream is a Raft group of its own, so that their leaders spread over the nodes.
STREAMS: Final = 4
_SHARDS_OF_A_STREAM: Final = 64 // STREAMS
#: Long enough to rebuild a database from; the stores keep theirs as long.
_KEPT_S: Final = 72 * 3600.0
_SAME_NAME_WITHIN_S: Final = 300.0
_CONNECT_WITHIN_S: Final = 10.0
_APPEND_WITHIN_S: Final = 5.0
_FETCHED: Final = 256
_LOOK_WITHIN_S: Final = 1.0
_AGAIN_AFTER_S: Final = 0.2


class JetStream:
    """One chain's streams. Use `async with await JetStream.connect(...)`."""

    def __init__(self, client: Client, chain: str) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=_APPEND_WITHIN_S)
        self._chain = chain

    @classmethod
    async def connect(
        cls, servers: Sequence[str], chain: str, *, credentials: Credentials | None = None, replicas: int = 3
    ) -> Self:
        """Connect to any of the nodes (`tls://host:4222`), and make the chain's streams if they are not there.

        Raises EngineLost when there is no majority or it takes no certificate of ours, CredentialsUnusable.
        """
        if not is_name(chain):
            raise ValueError(f"{chain!r} cannot name a chain")
        client = Client()
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await client.connect(
                    list(servers),
                    tls=credentials.context() if credentials is not None else None,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    error_cb=_note,
                )
                engine = cls(client, chain)
                for number in range(STREAMS):
                    await engine._js.add_stream(engine._stream(number, replicas))
        except BaseException as error:
            with suppress(NatsError):
                await client.close()
            if isinstance(error, NatsError | OSError | TimeoutError):
                why = str(error) or "no answer in time"
                raise EngineLost(f"the engine at {', '.join(servers)} cannot be used: {why}") from error
            raise
        return engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(NatsError):
            await self._client.close()

    async def append(self, store: StoreTopics, name: str, payload: bytes) -> int:
        """See `engine.Engine`. A cancelled caller does not know whether it was appended."""
        shard = shard_of(store.store)
        subject = f"{self._subject(shard)}.{store.store}"
        try:
            told = await self._js.publish(
                subject, payload, timeout=_APPEND_WITHIN_S, stream=self._name(shard), headers={"Nats-Msg-Id": name}
            )
        except (NatsError, TimeoutError) as error:
            raise EngineLost(f"{name}: {error or 'no answer in time'}") from error
        return told.seq

    async def read(self, shard: str, after: int) -> AsyncGenerator[Entry, None]:
        """See `engine.Engine`. Nodes and connections may come and go meanwhile."""
        while True:
            try:
                async with asyncio.timeout(_APPEND_WITHIN_S):
                    fetch = await self._ask_from(shard, after)
                expected = 1
                while True:
                    for message in await fetch():
                        about = message.metadata
                        if about.sequence.consumer != expected:
                            raise EngineLost("a message was lost on the way")
                        expected += 1
                        after = about.sequence.stream
                        yield Entry(after, StoreTopics(self._chain, message.subject.rsplit(".", 1)[1]), message.data)
            except (NatsError, EngineLost, TimeoutError) as error:
                log.info("engine_asked_again", shard=shard, after=after, why=str(error))
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _ask_from(self, shard: str, after: int) -> _Fetch:
        """A consumer of this reader's own, which the server forgets with it."""
        state = (await self._js.stream_info(self._name(shard))).state
        if state.first_seq > after + 1:
            raise EngineForgot(f"shard {shard}: it begins at {state.first_seq}, and {after + 1} was asked for")
        made = await self._js.add_consumer(
            self._name(shard),
            ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                filter_subject=f"{self._subject(shard)}.*",
                inactive_threshold=30.0,
                num_replicas=1,
                mem_storage=True,
            ),
        )
        subscription = await self._js.pull_subscribe_bind(consumer=made.name, stream=self._name(shard))

        async def fetch() -> list[Msg]:
            try:
                return await subscription.fetch(_FETCHED, timeout=_LOOK_WITHIN_S)
            except TimeoutError:  # nothing new; is the consumer still there?
                await self._js.consumer_info(self._name(shard), made.name)
                return []

        return fetch

    def _name(self, shard: str) -> str:
        return f"nearshelf-{self._chain}-{int(shard, 16) // _SHARDS_OF_A_STREAM}"

    def _subject(self, shard: str) -> str:
        return f"nearshelf.{self._chain}.log.{shard}"

    def _stream(self, number: int, replicas: int) -> StreamConfig:
        shards = [f"{nth:02x}" for nth in range(number * _SHARDS_OF_A_STREAM, (number + 1) * _SHARDS_OF_A_STREAM)]
        return StreamConfig(
            name=self._name(shards[0]),
            subjects=[f"{self._subject(shard)}.*" for shard in shards],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_age=_KEPT_S,
            duplicate_window=_SAME_NAME_WITHIN_S,
        )


async def _note(error: Exception) -> None:
    """nats-py tells its troubles here; whoever waits for an answer hears of them as well."""
    log.info("engine_trouble", why=repr(error)[:300])
