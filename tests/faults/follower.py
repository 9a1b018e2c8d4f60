"""A reader of committed records that follows a job all along, whatever happens to it, and keeps the books."""

import threading
import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy.stack import Stack
from jobs.kafka import candle_sinks
from jobs.settings import Settings
from schemas import topics
from services.committed import CommittedReader, CommittedReadError
from tests.faults.feed import Feeder
from tests.faults.ledger import Ledger
from tests.integration.candle_job import Feed

POLL_S = 0.1
PAUSE_S = 0.5


class Follower(threading.Thread):
    """Reads everything that one feed leads to, until it is ended. It survives the broker."""

    def __init__(self, stack: Stack, chosen: Settings, feed: Feed, feeder: Feeder, ledger: Ledger) -> None:
        super().__init__(name="follower", daemon=True)
        schemas = {topic: schema for _, topic, schema in candle_sinks(chosen)}
        self._reader = CommittedReader(stack.kafka_client(), stack.registry_client(), schemas)
        self._feed, self._sent, self._ledger = feed, feeder.sent, ledger
        self._booked = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._poll()
            except CommittedReadError:  # the broker may be down
                time.sleep(PAUSE_S)
        self._reader.close()

    def end(self) -> None:
        """Read no more."""
        self._ended.set()
        self.join()

    def _poll(self) -> None:
        found = self._reader.poll(POLL_S)
        self._book_sent()
        if found and self._is_ours(found.topic, found.record):
            self._ledger.read(found.topic, found.record)

    def _book_sent(self) -> None:
        upto = len(self._sent)
        self._ledger.send(self._sent[self._booked : upto])
        self._booked = upto

    def _is_ours(self, topic: str, record: dict[str, object]) -> bool:
        if topic == topics.REJECTED:
            return record["topic"] == self._feed.topic
        return str(record["symbol"]).startswith(self._feed.symbol(""))


class Ends:
    """The ends of a job's output: of all records (high watermarks), and of what readers may see."""

    def __init__(self, stack: Stack, chosen: Settings) -> None:
        self._topics = [topic for _, topic, _ in candle_sinks(chosen)]
        self._partitions = range(chosen.partitions)
        options = {"bootstrap.servers": stack.bootstrap_servers, "group.id": "ends", "log_level": 0}
        self._all, self._committed = (
            Consumer({**options, "isolation.level": level}) for level in ("read_uncommitted", "read_committed")
        )

    def high(self) -> dict[tuple[str, int], int]:
        """The high watermark of every partition. Raises KafkaException when the broker does not answer."""
        return dict(self._ends(self._all))

    def behind(self, high: dict[tuple[str, int], int]) -> list[tuple[str, int]]:
        """Where the last stable offset has not come to an earlier high watermark; everywhere when nobody answers."""
        try:
            stable = dict(self._ends(self._committed))
        except KafkaException:
            return list(high)
        return [place for place, end in high.items() if stable[place] < end]

    def close(self) -> None:
        """Leave the broker."""
        self._all.close()
        self._committed.close()

    def _ends(self, consumer: Consumer) -> Iterator[tuple[tuple[str, int], int]]:
        for topic in self._topics:
            for partition in self._partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
                yield (topic, partition), end
