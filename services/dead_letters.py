"""The dead letters of a trades topic: records that broke a rule, what they say, and which of them were sent again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from httpx2 import TransportError
from pydantic import ValidationError

from schemas import broker
from schemas.codec import CodecError, FieldReader
from schemas.models import RejectedTrade, ReplayedTrade, Trade
from schemas.registered import Registry
from schemas.registry import RegistryError
from schemas.topics import REJECTED, REPLAYED
from services.committed import CommittedReader, CommittedReadError

TIMEOUT_S = 10
READ_TIMEOUT_S = 3_600
REJECT = "reject"


class UnreadableError(ValueError):
    """A dead letter that is no trade, also with what was mended."""


class Origin(NamedTuple):
    """Where a record stands in the trades topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which dead letters: of these rules (any, when none is named), with a Kafka timestamp (ns) from `since` on."""

    rules: tuple[str, ...] = ()
    since: int | None = None

    def matches(self, letter: RejectedTrade) -> bool:
        """Whether a dead letter is one of them; one without a timestamp always is of the time."""
        in_time = self.since is None or letter.ts_kafka is None or letter.ts_kafka >= self.since
        return in_time and (not self.rules or letter.rule in self.rules)


@dataclass(frozen=True)
class DeadLetters:
    """What is committed of one trades topic's dead letters; `kafka` and `registry` are properties of their clients.

    Every method raises CommittedReadError or RegistryError when broker, registry or topic is not there.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry: Mapping[str, str] = field(repr=False)
    trades_topic: str

    def read(self, wanted: Wanted) -> Iterator[RejectedTrade]:
        """The wanted ones, each origin and rule once: a job that begins anew reports again."""
        seen: set[tuple[Origin, str]] = set()
        with CommittedReader(self.kafka, self.registry, {REJECTED: "rejected_trade"}) as reader:
            for found in reader.read_to_end(READ_TIMEOUT_S):
                letter = RejectedTrade.from_avro(found.record)
                identity = (origin_of(letter), letter.rule)
                if letter.topic == self.trades_topic and wanted.matches(letter) and identity not in seen:
                    seen.add(identity)
                    yield letter

    def replayed(self) -> dict[Origin, ReplayedTrade]:
        """Those that were sent again; none when nothing ever was."""
        if not self._is_there(REPLAYED):
            return {}
        with CommittedReader(self.kafka, self.registry, {REPLAYED: "replayed_trade"}) as reader:
            sent = (ReplayedTrade.from_avro(found.record) for found in reader.read_to_end(READ_TIMEOUT_S))
            return {origin_of(each): each for each in sent if each.topic == self.trades_topic}

    def _is_there(self, topic: str) -> bool:
        admin = AdminClient(self.kafka)
        try:
            return topic in admin.list_topics(timeout=TIMEOUT_S).topics
        except KafkaException as error:
            raise CommittedReadError(
                f"no broker answers at {self.kafka['bootstrap.servers']}: {broker.reason(self.kafka, error)}"
            ) from error


def origin_of(letter: RejectedTrade | ReplayedTrade) -> Origin:
    """The place of its record in the trades topic."""
    return Origin(letter.partition, letter.offset)


@dataclass
class Group:
    """Dead letters of one rule, severity and symbol; times are Kafka timestamps in nanoseconds."""

    rule: str
    severity: str
    symbol: str | None
    count: int = 0
    replayed: int = 0
    first: int | None = None
    last: int | None = None
    latest: Origin = field(default=Origin(-1, -1))
    """The one that was read last."""

    def add(self, letter: RejectedTrade, is_replayed: bool) -> None:
        """Count one more."""
        self.count += 1
        self.replayed += is_replayed
        self.latest = origin_of(letter)
        if letter.ts_kafka is not None:
            self.first = min(self.first or letter.ts_kafka, letter.ts_kafka)
            self.last = max(self.last or letter.ts_kafka, letter.ts_kafka)


def groups(letters: Iterable[RejectedTrade], replayed: Mapping[Origin, ReplayedTrade]) -> list[Group]:
    """The dead letters counted by rule, severity and symbol, the largest group first."""
    found: dict[tuple[str, str, str | None], Group] = {}
    for letter in letters:
        key = (letter.rule, letter.severity, letter.symbol)
        is_replayed = letter.severity == REJECT and origin_of(letter) in replayed
        found.setdefault(key, Group(*key)).add(letter, is_replayed)
    return sorted(found.values(), key=lambda group: (-group.count, group.rule, group.symbol or ""))


class LetterReader:
    """Reads the trade in a dead letter, as far as it is one; `registry` are properties of its client."""

    def __init__(self, registry: Mapping[str, str]) -> None:
        self._reader = FieldReader("trade", Registry(registry).schema)

    def fields(self, letter: RejectedTrade) -> dict[str, Any]:
        """The fields of the trade that are there.

        Raises UnreadableError when the bytes are no record, RegistryError when the registry does not answer.
        """
        try:
            return self._reader.read(letter.value or b"")
        except CodecError as error:
            raise UnreadableError(str(error)) from error
        except RegistryError as error:
            if isinstance(error.__cause__, TransportError):
                raise
            raise UnreadableError(f"schema id {letter.schema_id} is not an Avro schema of the registry") from error

    def trade(self, letter: RejectedTrade, changes: Mapping[str, Any]) -> Trade:
        """The trade with the changed fields. Raises UnreadableError naming the field that is still wrong."""
        try:
            return Trade.from_avro({**self.fields(letter), **changes})
        except ValidationError as error:
            raise UnreadableError(_first(error)) from error


def changes(texts: Mapping[str, str]) -> dict[str, Any]:
    """Values of fields of a trade from texts: times as nanoseconds or ISO-8601, conditions separated by blanks.

    Raises ValueError naming the field.
    """
    unknown = sorted(texts.keys() - Trade.model_fields.keys())
    if unknown:
        raise ValueError(f"{unknown[0]}: a trade has no such field; it has {', '.join(Trade.model_fields)}")
    values = {name: _value(name, text) for name, text in texts.items()}
    try:
        made = Trade.from_avro({"symbol": "A", "ts_event": 1, "price": 1, "size": 1, **values})
    except ValidationError as error:
        raise ValueError(_first(error)) from error
    return {name: getattr(made, name) for name in values}


def _value(name: str, text: str) -> Any:
    if name == "conditions":
        return tuple(text.split())
    is_integer = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
    return int(text) if is_integer and (name == "sequence" or "ts_" in name) else text


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg'].removeprefix('Value error, ')}"
