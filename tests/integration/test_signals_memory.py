"""What became of deliveries, in a Redis of the test's own: done once, by whoever, and remembered."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import redis

from services.signals.memory import PREFIX, REMEMBERED_S, AwayError, Memory
from tests.integration.test_redis import Server

pytestmark = pytest.mark.integration

PLACE = f"{PREFIX}id"
Result = TypeVar("Result")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


class Work:
    """What is done of a delivery: counted, and as slow, or as vain, as is wished."""

    def __init__(self, takes_s: float = 0, fails: int = 0) -> None:
        self.takes_s, self.fails, self.times = takes_s, fails, 0

    async def __call__(self) -> str:
        self.times += 1
        await asyncio.sleep(self.takes_s)
        if self.times <= self.fails:
            raise ConnectionError("Kafka")
        return f"result {self.times}"


def run(server: Server, use: Callable[[Memory, Memory], Awaitable[Result]]) -> Result:
    """Use the memories of two intakes."""

    async def both() -> Result:
        memories = Memory(server.url), Memory(server.url)
        try:
            return await use(*memories)
        finally:
            for each in memories:
                await each.close()

    return asyncio.run(both())


def test_of_many_at_once_in_two_intakes_one_does_the_work_and_all_have_its_result(server: Server) -> None:
    work = Work(takes_s=0.3)

    async def use(one: Memory, other: Memory) -> list[tuple[str, bool]]:
        return await asyncio.gather(*(memory.once("id", work, 5) for memory in [one, other] * 10))

    found = run(server, use)
    assert work.times == 1
    assert sorted(found) == [("result 1", False), *[("result 1", True)] * 19]


def test_what_failed_is_done_by_the_next(server: Server) -> None:
    work = Work(fails=1)

    async def use(one: Memory, other: Memory) -> tuple[str, bool]:
        with pytest.raises(ConnectionError):
            await one.once("id", work, 1)
        return await other.once("id", work, 1)

    assert run(server, use) == ("result 2", False)


def test_what_another_has_in_hand_is_left_to_him_for_as_long_as_his_lease(server: Server) -> None:
    """One who has died holds it until it lapses."""
    work = Work()

    async def use(one: Memory, _: Memory) -> tuple[str, bool]:
        with redis.Redis.from_url(server.url) as client:
            client.set(f"{PLACE}:lease", "of one who died", px=1_500)
        with pytest.raises(AwayError, match="another intake"):
            await one.once("id", work, 0.3)
        assert work.times == 0
        return await one.once("id", work, 5)

    assert run(server, use) == ("result 1", False)


def test_a_result_is_remembered_for_a_week_and_over_a_restart(server: Server) -> None:
    async def use(one: Memory, _: Memory) -> tuple[str, bool]:
        return await one.once("id", Work(), 1)

    assert run(server, use) == ("result 1", False)
    server.kill()
    server.start()
    assert run(server, use) == ("result 1", True)
    with redis.Redis.from_url(server.url) as client:
        assert REMEMBERED_S - 60 < int(client.ttl(PLACE)) <= REMEMBERED_S


@pytest.mark.parametrize("away", [signal.SIGSTOP, signal.SIGKILL])
def test_without_redis_nothing_is_begun_and_the_answer_is_quick(server: Server, away: signal.Signals) -> None:
    work = Work()

    async def use(one: Memory, other: Memory) -> float:
        await one.once("before", Work(), 1)  # it has a connection
        os.kill(server.process.pid, away)
        began = time.monotonic()
        for memory in (one, other):
            with pytest.raises(AwayError, match=r"^Redis: "):
                await memory.once("id", work, 1)
        return time.monotonic() - began

    assert run(server, use) < 6
    assert work.times == 0


def test_what_is_done_counts_also_when_redis_is_gone_before_it_can_be_remembered(server: Server) -> None:
    async def use(one: Memory, _: Memory) -> tuple[str, bool]:
        async def work() -> str:
            server.kill()
            return "done"

        return await one.once("id", work, 1)

    assert run(server, use) == ("done", False)
