"""What each job, and who works beside them, uses on Kafka: topics to prepare and rights to grant follow from it."""

from collections.abc import Callable
from dataclasses import dataclass

from jobs import kafka
from jobs.settings import Settings
from schemas import topics
from schemas.resolutions import SESSIONS


@dataclass(frozen=True)
class Access:
    """Topics, groups and transactional ids. Nothing that is not named here is needed."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    transactions: str = ""
    """Where the transactional ids begin; none: it writes without transactions, or nothing."""
    commits: str = ""
    """The group whose offsets it commits."""
    joins: str = ""
    """Where the groups that it may be a member of begin."""
    looks: bool = False
    """Whether it reads with clients in `schemas.broker.looking_group`."""
    creates: tuple[str, ...] = ()
    """Topics that it creates when they are missing."""
    is_job: bool = False
    """Whether it is a job of Flink: it asks the broker for its limits, and who left transactions open on its topics."""

    @property
    def topics(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys([*self.reads, *self.writes]))


def of(role: str, settings: Settings) -> Access:
    """The access of one of ROLES."""
    return ROLES[role](settings)


def _job(job: str, settings: Settings, reads: list[str], sinks: list[kafka.Sink], *, looks: bool = False) -> Access:
    writes = [topic for _, topic, _ in sinks]
    own = (topic for topic in dict.fromkeys([*reads, *writes]) if topic != settings.reference_topic)  # another feed's
    return Access(
        reads=tuple(reads),
        writes=tuple(writes),
        transactions=f"{settings.transactional_id_prefix}/{job}/",
        commits=kafka.consumer_group(settings, job),
        looks=looks,
        creates=tuple(own),
        is_job=True,
    )


def _candles(settings: Settings) -> Access:
    return _job("candles", settings, [settings.trades_topic], kafka.candle_sinks(settings))


def _reconcile(settings: Settings) -> Access:
    reads = [topics.LATE, settings.trades_topic, *map(topics.candles, settings.resolutions)]
    return _job("reconcile", settings, reads, kafka.revision_sinks(settings), looks=True)


def _quality(settings: Settings) -> Access:
    reads = [settings.trades_topic, *(topic for topic, _ in kafka.fact_topics(settings).values())]
    return _job("quality", settings, reads, kafka.quality_sinks())


def _bars(settings: Settings) -> Access:
    return _job("bars", settings, [settings.trades_topic], kafka.bar_sinks(settings))


def _quotes(settings: Settings) -> Access:
    return _job("quotes", settings, [settings.quotes_topic], kafka.quote_sinks(settings))


def _books(settings: Settings) -> Access:
    return _job("books", settings, [settings.books_topic], kafka.book_sinks())


def _trades_with_quotes(settings: Settings) -> Access:
    reads = [settings.trades_topic, settings.quotes_topic]
    return _job("trades_with_quotes", settings, reads, kafka.quoted_sinks(settings))


def _sessions(settings: Settings) -> Access:
    return _job("sessions", settings, [topics.candles("1m")], kafka.session_sinks())


def _enriched(settings: Settings) -> Access:
    return _job("enriched", settings, [settings.trades_topic, topics.INSTRUMENTS], kafka.enriched_sinks())


def _lake(settings: Settings) -> Access:
    reads = (settings.trades_topic, *map(topics.candles, settings.resolutions), topics.REJECTED)
    return Access(reads=reads, commits=kafka.consumer_group(settings, "lake"), creates=reads, is_job=True)


def _producer(settings: Settings) -> Access:
    return Access(writes=(settings.trades_topic, settings.quotes_topic, settings.books_topic))


def _signals(_settings: Settings) -> Access:
    writes = (topics.SIGNALS, topics.SIGNALS_REJECTED)
    return Access(writes=writes, creates=writes)


def _reader(settings: Settings) -> Access:
    published = [*map(topics.candles, (*settings.candle_names, *SESSIONS)), *map(topics.bars, settings.bar_kinds)]
    lengths = settings.resolutions
    of_quotes = (*map(topics.quote_candles, lengths), *map(topics.order_flow, lengths), topics.QUOTED, topics.DEPTH)
    others = (topics.ENRICHED, topics.MARKET_STATUS, topics.QUALITY, topics.EVENTS, topics.SIGNALS)
    reads = (*published, *of_quotes, *others)
    return Access(reads=reads, joins=f"{settings.transactional_id_prefix}-reader", looks=True)


def _reference(settings: Settings) -> Access:
    captured = (*topics.REFERENCE, *topics.USERS)
    return Access(reads=topics.USERS, writes=captured, creates=captured, looks=True)


def _users(settings: Settings) -> Access:
    return Access(reads=topics.USERS, joins=f"{settings.transactional_id_prefix}-users", looks=True)


def _audit(settings: Settings) -> Access:
    reads = (settings.trades_topic, topics.REJECTED, *map(topics.candles, settings.resolutions))
    return Access(reads=reads, writes=(topics.LATE,), looks=True)


def _dlq(settings: Settings) -> Access:
    return Access(
        reads=(topics.REJECTED, topics.REPLAYED),
        writes=(settings.trades_topic, topics.REPLAYED),
        transactions=f"{settings.transactional_id_prefix}/dlq/",
        looks=True,
        creates=(topics.REPLAYED,),
    )


def _txn(settings: Settings) -> Access:
    writers = (_candles, _reconcile, _quality, _bars, _quotes, _books, _trades_with_quotes, _sessions, _enriched, _dlq)
    written = dict.fromkeys(topic for access in writers for topic in access(settings).writes)
    return Access(reads=tuple(written), transactions=f"{settings.transactional_id_prefix}/")


ROLES: dict[str, Callable[[Settings], Access]] = {
    "candles": _candles,
    "reconcile": _reconcile,
    "quality": _quality,
    "bars": _bars,
    "quotes": _quotes,
    "books": _books,
    "trades_with_quotes": _trades_with_quotes,
    "sessions": _sessions,
    "enriched": _enriched,
    "lake": _lake,
    "producer": _producer,
    "signals": _signals,
    "reader": _reader,
    "reference": _reference,
    "users": _users,
    "audit": _audit,
    "dlq": _dlq,
    "txn": _txn,
}
"""The jobs; who sends trades, quotes and books; who takes signals; who reads what is published; `tickloom reference
run`; who reads what is users' own; `tickloom audit`, `dlq` and `txn`."""
