"""From a delivery to a record: authentic, within the limit, once, and acknowledged by Kafka before it is answered.

What holds, in the order in which things are done:

1. What is not signed is refused, counted and forgotten: nobody fills a topic or uses up the limit of a source with it.
2. A delivery is taken on by one intake at a time: by a lease in Redis, of a minute, that lapses when its intake ends.
3. It is written to Kafka by an idempotent producer, and only when that is acknowledged remembered in Redis, for a week.
4. Only then is it answered. Where that takes longer than ANSWER_S the answer is 503, and the work goes on.

So what was taken, or was found to be no signal, is in a topic, and a delivery that is repeated, as often and to
whatever intakes, is there once. It may be there again, with the same `signal_id`, key and partition, if

- an intake ended between what Kafka acknowledged and what Redis remembers, or was halted for longer than the lease;
- Redis lost what it held, or was too full to keep it;
- Kafka wrote a record, was gone before it said so, and stayed away for longer than outbox.SEND_S.

Readers who must not act twice keep the first of a `signal_id`.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Coroutine, Mapping
from decimal import Decimal
from typing import Any

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter

from schemas.models import RejectedTrade
from schemas.topics import SIGNALS, SIGNALS_REJECTED
from services.signals.adapter import Adapter, Outcome, SignatureError
from services.signals.memory import AwayError, Memory
from services.signals.outbox import Outbox, OutboxError
from services.signals.said import NotUnderstoodError

ANSWER_S = 2.0
"""Discord waits for three seconds."""
AT_WORK_MAX = 256
RETRY_S = 2
NOWHERE = -1
"""The partition and offset of what did not come from a topic."""
LOG = logging.getLogger("tickloom.signals")
ACCEPTED = Counter("tickloom_signals_accepted_total", "Signals of a source that Kafka has", ["source"])
REJECTED = Counter(
    "tickloom_signals_rejected_total", "Deliveries that are no signal, or are refused", ["source", "reason"]
)
REPEATED = Counter("tickloom_signals_repeated_total", "Deliveries that were repeated", ["source"])


class RefusedError(Exception):
    """A delivery that is not taken: HTTP status, the reason in a word and in a line, and when to try again."""

    def __init__(self, status: int, reason: str, detail: str, retry_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = {} if retry_s is None else {"Retry-After": str(retry_s)}


class Intake:
    """Takes the deliveries of some sources, by name."""

    def __init__(self, adapters: Mapping[str, Adapter], outbox: Outbox, memory: Memory) -> None:
        self._adapters, self._outbox, self._memory = adapters, outbox, memory
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._at_work: set[asyncio.Task[Outcome]] = set()

    def adapter(self, name: str) -> Adapter:
        """Of a source. Raises RefusedError."""
        if name not in self._adapters:
            raise RefusedError(404, "unknown", "no such source")
        return self._adapters[name]

    async def take(self, adapter: Adapter, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """HTTP status and body that answer a delivery. Raises RefusedError."""
        await self._admit(adapter, headers, body)
        content = _content(body)
        greeting = adapter.greeting(content)
        if greeting is not None:
            return 200, greeting
        # Its own name for the delivery; where even that is not told, what was delivered names itself.
        identity = adapter.identity(headers, content) or hashlib.sha256(body).hexdigest()
        return adapter.answer(await self._answered(self._settle(adapter, identity, content, body)))

    async def close(self) -> None:
        """Wait until the work that is left is done."""
        if self._at_work:
            await asyncio.wait(self._at_work)

    async def _admit(self, adapter: Adapter, headers: Mapping[str, str], body: bytes) -> None:
        name, limit = adapter.name, adapter.source.limit
        try:
            adapter.check(headers, body)
        except SignatureError as error:
            raise RefusedError(401, "signature", str(error)) from None
        if not await self._limiter.hit(limit, name):
            raise RefusedError(429, "limit", f"more than {limit}", limit.get_expiry())

    async def _answered(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What comes of work, which goes on when there is no time left to wait for it. Raises RefusedError."""
        if len(self._at_work) >= AT_WORK_MAX:
            work.close()
            raise RefusedError(503, "unavailable", "too much is waiting", RETRY_S)
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(task), ANSWER_S)
        except TimeoutError:
            raise RefusedError(503, "unavailable", "Kafka has not answered yet", RETRY_S) from None
        except (AwayError, OutboxError) as error:
            raise RefusedError(503, "unavailable", "not taken, try again", RETRY_S) from error

    def _done(self, task: "asyncio.Task[Outcome]") -> None:
        self._at_work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            LOG.warning("not taken: %s", error)

    async def _settle(self, adapter: Adapter, identity: str, content: Any, body: bytes) -> Outcome:
        signal_id = adapter.signal_id(identity)

        async def write() -> str:
            return await self._write(adapter, signal_id, content, body)

        refusal, repeated = await self._memory.once(signal_id, write, ANSWER_S)
        if repeated:
            REPEATED.labels(adapter.name).inc()
        return Outcome(signal_id, refusal)

    async def _write(self, adapter: Adapter, signal_id: str, content: Any, body: bytes) -> str:
        """Why a delivery is no signal, or nothing, once it is in its topic. Raises OutboxError."""
        ts_recv = time.time_ns()
        try:
            signal = adapter.signal(content, signal_id, ts_recv)
        except NotUnderstoodError as error:
            await self._keep(adapter, signal_id, error, body, ts_recv)
            return str(error)
        await self._outbox.send(SIGNALS, signal.symbol, signal.to_avro(), signal.ts_event)
        ACCEPTED.labels(adapter.name).inc()
        about = {"source": adapter.name, "signal_id": signal_id, "symbol": signal.symbol}
        LOG.info("%s: %s %s", adapter.name, signal.direction, signal.symbol, extra=about)
        return ""

    async def _keep(
        self, adapter: Adapter, signal_id: str, error: NotUnderstoodError, body: bytes, ts_recv: int
    ) -> None:
        """Put what is no signal where such things are. Its words and its author stay out of the log."""
        rejected = RejectedTrade(
            value=adapter.kept(body),
            rule=error.rule,
            reason=str(error),
            topic=signal_id,
            partition=NOWHERE,
            offset=NOWHERE,
        )
        await self._outbox.send(SIGNALS_REJECTED, signal_id, rejected.to_avro(), ts_recv)
        REJECTED.labels(adapter.name, error.rule).inc()
        about = {"source": adapter.name, "signal_id": signal_id, "rule": error.rule}
        LOG.warning("%s: no signal (%s), kept in %s", adapter.name, error.rule, SIGNALS_REJECTED, extra=about)


def _content(body: bytes) -> Any:
    """The JSON value of a body, with numbers exact; None where there is none."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
