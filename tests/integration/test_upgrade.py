"""A running job is upgraded while trades come in: none is lost or counted twice, also when the new version fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from deploy import releases, savepoints, upgrade
from deploy.errors import UserError
from deploy.stack import Stack
from jobs import topics
from jobs.plans import Difference
from jobs.settings import Settings
from services.oracle import SECOND_NS, expected_candles
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

if TYPE_CHECKING:
    from services.records import TradeRecord

pytestmark = pytest.mark.integration

CHANGE_NS = START_NS + 100 * SECOND_NS
CHANGE = datetime.fromtimestamp(CHANGE_NS // SECOND_NS, UTC)
"""Full five minutes."""
PAUSE_S_MAX = 60
"""A bound for a busy machine; what it is on a quiet one is measured, not tested."""


class Trading:
    """A thread that sends a trade of each of two symbols a partition every 50 ms: a tenth of a second of the market."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self._symbols = "ABCDEF"[: 2 * len(feed.ends)]
        self.sent: list[TradeRecord] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._trade)

    def __enter__(self) -> "Trading":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _trade(self) -> None:
        while not self._over.wait(0.05):
            self.send(len(self.sent) // len(self._symbols) * SECOND_NS // 10)

    def send(self, nanos: int) -> None:
        for number, name in enumerate(self._symbols):
            made = trade(symbol=self.feed.symbol(name), ts_event=START_NS + nanos, trade_id=f"{name}{nanos}")
            self.sent.append(made)
            self.feed.send(number % len(self.feed.ends), made)

    def end(self, output: Output) -> None:
        """Close every window that has a trade, and compare all of them with the oracle."""
        far = START_NS + 10 * 3600 * SECOND_NS
        for partition in self.feed.ends:
            self.feed.send(partition, trade(symbol=self.feed.symbol("END"), ts_event=far, trade_id=f"END{partition}"))
        self.feed.flush()
        expected = expected_candles(self.sent, ["1s", "1m"]).candles
        output.follow_to(expected, len(self.sent))
        verdict = output.verdict(expected)
        assert verdict.holds, verdict.summary()
        assert not output.twice


@pytest.fixture
def feed(stack: Stack) -> Feed:
    return Feed(stack, partitions=1)


@contextmanager
def upgraded(stack: Stack, chosen: Settings, told: list[Difference]) -> Iterator[upgrade.Upgraded]:
    """Upgrade the candle job that runs, and end the new version."""
    done = upgrade.upgrade("candles", chosen, stack.flink_address, print, told.append)
    with CandleJob(stack, done.job_id):
        yield done


def follow(output: Output, candles: int) -> None:
    """Read until so many more candles are committed."""
    wanted = len(output.candles) + candles
    output.follow_until(lambda: len(output.candles) >= wanted, f"{candles} more candles")


def test_a_new_resolution_and_parallelism_cost_no_trade(stack: Stack, feed: Feed) -> None:
    before = settings(stack, feed, resolutions="1s,1m", parallelism=1)
    after = settings(stack, feed, resolutions="1s,1m,1h", parallelism=2)
    told: list[Difference] = []
    with CandleJob.submit(stack, before) as old, Output(stack, before, feed) as output, Trading(feed) as trading:
        output.follow_until(lambda: output.counts()["in candles"] > 20, "candles of the old version")
        with upgraded(stack, after, told) as done:
            follow(output, 20)
            assert old.state == "FINISHED"
            assert (told[0].new, told[0].dropped) == (("tumbling PT1H", "sink candles_1h"), ())
            assert done.pause_s is not None
            assert done.pause_s < PAUSE_S_MAX
            assert releases.running("candles", stack.flink_address).before
            trading.__exit__()
            trading.end(output)


@pytest.mark.thorough
def test_state_follows_a_job_from_a_parallelism_of_1_to_2_to_3_and_back_to_1(stack: Stack) -> None:
    feed = Feed(stack, partitions=3)
    lives = [settings(stack, feed, resolutions="1s,1m", parallelism=each) for each in (1, 2, 3, 1)]
    topics.prepare(lives[0], "candles")
    savepoint: str | None = None
    with Output(stack, lives[0], feed) as output, Trading(feed) as trading:
        for life in lives:
            with CandleJob.submit(stack, life, savepoint=savepoint) as job:
                follow(output, 60)
                savepoint = job.stop()
        trading.__exit__()
        with CandleJob.submit(stack, lives[0], savepoint=savepoint):
            trading.end(output)


@pytest.mark.thorough
def test_two_versions_side_by_side_publish_every_window_once_and_report_every_trade_once(
    stack: Stack, feed: Feed
) -> None:
    """The new one has no minutes, so the old one's state is of no use to it; they change at full five minutes."""
    old = settings(stack, feed, resolutions="1s,1m", parallelism=1)
    until = settings(stack, feed, resolutions="1s,1m", parallelism=1, publish_until=CHANGE)
    prefix = f"next-{feed.name}"
    new = settings(stack, feed, resolutions="1s,5m", parallelism=1, publish_from=CHANGE, transactional_id_prefix=prefix)
    both = settings(stack, feed, resolutions="1s,1m,5m")
    trading = Trading(feed)

    def send(seconds: range) -> None:
        for second in seconds:
            trading.send(second * SECOND_NS)
        feed.send_bytes(0, b"no trade", START_NS // 10**6 + seconds.start * 1_000)

    topics.prepare(both, "candles")
    with CandleJob.submit(stack, old), Output(stack, both, feed) as output, CandleJob.submit(stack, new):
        send(range(80))
        with upgraded(stack, until, []):
            send(range(80, 300))
            far = trade(START_NS + 3_600 * SECOND_NS, symbol=feed.symbol("END"), trade_id="END")
            feed.send(0, far)
            feed.flush()
            expected = {
                key: candle
                for key, candle in expected_candles(trading.sent, both.resolutions).candles.items()
                if key.resolution != ("5m" if key.window_start < CHANGE_NS else "1m")
            }
            output.follow_to(expected, len(trading.sent) + 2)
            feed.send(0, trade(START_NS, symbol=feed.symbol("A"), trade_id="late"))
            feed.send(0, trade(far["ts_event"] - 600 * SECOND_NS, symbol=feed.symbol("A"), trade_id="late too"))
            feed.flush()
            output.follow_until(lambda: len(output.late) >= 2, "the late rows")
            output.read_to_end()
            verdict = output.verdict(expected)
    assert verdict.holds, verdict.summary()
    assert not output.twice
    assert [row["trade_id"] for row in sorted(output.late, key=lambda row: row["second"])] == ["late", "late too"]
    assert len(output.rejected) == 2


@pytest.mark.thorough
def test_when_the_new_version_fails_the_old_one_goes_on(
    stack: Stack, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(job: str, *_: object) -> None:
        raise UserError(f"{job} is broken")

    monkeypatch.setattr(upgrade, "_await_checkpoint", fail)
    chosen = settings(stack, feed, resolutions="1s,1m", parallelism=1)
    with CandleJob.submit(stack, chosen), Output(stack, chosen, feed) as output, Trading(feed) as trading:
        output.follow_until(lambda: output.counts()["in candles"] > 20, "candles")
        with pytest.raises(UserError, match=r"candles runs as it was, from file:.*: .*\(candles is broken\)"):
            upgrade.upgrade("candles", chosen, stack.flink_address, print, lambda _: None)
        with CandleJob(stack, savepoints.running("candles", stack.flink_address)):
            follow(output, 20)
            trading.__exit__()
            trading.end(output)


@pytest.mark.thorough
def test_what_would_lose_state_leaves_the_old_version_running(stack: Stack, feed: Feed) -> None:
    before = settings(stack, feed, resolutions="1s,1m,5m", parallelism=1)
    with CandleJob.submit(stack, before) as job:
        for changed, reason in (
            ({"resolutions": "1s,5m"}, "tumbling PT1M would be dropped with rows that tumbling PT5M has not seen yet"),
            ({"parallelism": 99}, "parallelism 99, but"),
        ):
            chosen = settings(stack, feed, **{"resolutions": "1s,1m,5m", **changed})
            with pytest.raises(UserError, match=f"candles runs on as it was: {reason}"):
                upgrade.upgrade("candles", chosen, stack.flink_address, print, lambda _: None)
        assert job.state == "RUNNING"
        assert job.restarts() == 0
