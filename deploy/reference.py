"""Changes of the tables of reference data, from PostgreSQL's log to compacted topics, by Debezium.

Each change of a row is a message of its key: at least once, in the order of the commits. What is sent again after a
failure is what the row was and became: who keeps the last message of each key has the table. But for one case: a row
stays on its topic that is deleted after a kill during the very first reading of the tables, before the next start.

Users' own tables go the same way, but for what was before a change, and columns that schemas/users.toml does not have.
Of them no deleted row stays: each start compares the topics, which are of one database, with its tables, and the
topics' files are compacted (`deploy.forgetting`, `jobs.topics.FORGETTING`).
"""

import logging
import math
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from confluent_kafka import Producer
from prometheus_client import Gauge
from psycopg import sql

from deploy import connect, forgetting, paths
from deploy.errors import UserError
from deploy.projections import one_line
from jobs import clients, topics
from jobs.settings import Settings, SettingsError
from schemas import users
from schemas.topics import CORPORATE_ACTIONS, INSTRUMENTS, REFERENCE, USERS
from services.projections.postgres import Postgres

PREFIX = "tickloom"
"""Of the topics that Debezium names, none of which is used."""
PUBLICATION = "tickloom_reference"
TOPICS = (*REFERENCE, *USERS)
TABLES = {
    "reference.instruments": INSTRUMENTS,
    "reference.corporate_actions": CORPORATE_ACTIONS,
    **{topic.removesuffix(".v1"): topic for topic in USERS},
}
HEARTBEAT = "reference.heartbeat"
"""Not among the tables that are read first: it tells what has been captured only once all rows have been read."""
ROUTES = {**TABLES, HEARTBEAT: INSTRUMENTS}
"""Topic by table. The heartbeat is among the changes that it tells of: a partition has an order, two have none."""
TRANSFORMS = "org.apache.kafka.connect.transforms"
HEARTBEAT_MS = 1_000
POLL_S = 2.0
PATIENCE_S = 120
"""How long the database may be away; Kafka is waited for."""
GOOD_S = 30
"""After so long without a failure the next one has its own patience."""
RETRY_S = (1.0, 5.0)
CONNECT_TIMEOUT_S = 10
TLS = ("sslmode", "sslrootcert")
SLOT_NAME_MAX = 63
SLOT = """
    select wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
    from pg_replication_slots
    where slot_name = %s
"""

LOG = logging.getLogger("tickloom.reference")
LAG = Gauge("tickloom_reference_lag_bytes", "Of PostgreSQL's log, what Kafka does not have yet")
RUNS = Gauge("tickloom_reference_running", "Whether changes are captured: 1 or 0")


@dataclass(frozen=True)
class Database:
    """Where the tables are, as the driver has understood a URL."""

    url: str = field(repr=False)
    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    tls: Mapping[str, str] = field(default_factory=dict)
    """`sslmode` and `sslrootcert`, where the URL has them."""

    @property
    def slot(self) -> str:
        """Its replication slot: what keeps the log until it has been read."""
        return f"tickloom_{re.sub('[^a-z0-9_]', '_', self.name.lower())}"[:SLOT_NAME_MAX]

    @property
    def offsets(self) -> Path:
        """The file with how far the log has been read."""
        return self.folder / connect.OFFSETS

    @property
    def folder(self) -> Path:
        """Of its worker."""
        return paths.STACK / "reference" / f"{self.host.replace('/', '_')}-{self.port}-{self.slot}"


def prepare(settings: Settings, url: str) -> Database:
    """Create the tables and topics that are missing.

    Raises UserError when the server does not answer or does not write what logical replication needs.
    """
    with one_line(), closing(Postgres(url)) as store:
        store.prepare()
    try:
        topics.create_missing(settings, TOPICS)
    except SettingsError as error:
        raise UserError(str(error)) from error
    with _connected(url) as connection:
        (level,) = connection.execute("show wal_level").fetchone() or ("",)
        if level != "logical":
            raise UserError(f"PostgreSQL: wal_level is {level}: set it to logical and restart the server")
        info = connection.info
        tls = {name: value for name, value in info.get_parameters().items() if name in TLS}
        return Database(url, info.host, info.port, info.dbname, info.user, info.password, tls)


def run(settings: Settings, database: Database, stopped: Event) -> None:
    """Capture changes until `stopped`.

    Raises UserError when that fails for longer than PATIENCE_S, or when changes are lost.
    """
    client = clients.kafka_in_java(settings, clients.KAFKA)
    secrets = {"password": database.password}
    if database.offsets.exists() and not database.offsets.stat().st_size:  # killed as it was written
        raise UserError(f"{database.offsets} is empty: {_remedy(database)}")
    _measure(database)
    producer = Producer(settings.kafka_client())
    _end_deleted(settings, database, producer)
    with connect.started(database.folder, client, connector(database), secrets) as worker:
        patience, segments = Patience(), forgetting.Segments(producer)
        while not stopped.wait(POLL_S):
            segments.touch(time.monotonic())
            try:
                RUNS.set(worker.runs())
                _measure(database)
            except connect.ConnectorError as error:
                RUNS.set(0)
                if not patience.lasts(time.monotonic()):
                    raise UserError(f"{error} (log: {worker.log})") from error
                LOG.warning("%s; tried again", error)
                stopped.wait(random.uniform(*RETRY_S))
                worker.restart()


@dataclass
class Patience:
    """Says whether to try again after a failure."""

    _since_s: float = 0
    _last_s: float = -math.inf

    def lasts(self, now_s: float) -> bool:
        """Whether failures, none longer than GOOD_S after the one before, have gone on for less than PATIENCE_S."""
        if now_s - self._last_s > GOOD_S:
            self._since_s = now_s
        self._last_s = now_s
        return now_s - self._since_s < PATIENCE_S


def _end_deleted(settings: Settings, database: Database, producer: Producer) -> None:
    for topic in USERS:
        with one_line():
            found = forgetting.on(settings, topic)
        with _connected(database.url) as connection:  # after the topic: what is on it and not here has been deleted
            kept = connection.execute(sql.SQL("select id from {}").format(sql.Identifier(*topic.split(".")[:2])))
            forgetting.end(producer, topic, found, (row for (row,) in kept))


def _measure(database: Database) -> None:
    """Show how far capturing is behind. A server that does not answer is the connector's to notice.

    Raises UserError when the log was not kept from where it has been read to.
    """
    try:
        with _connected(database.url) as connection:
            status, lag = connection.execute(SLOT, [database.slot]).fetchone() or (None, None)
    except UserError:
        return
    if status == "lost" or (status is None and database.offsets.exists()):
        reason = "PostgreSQL has not kept all changes (max_slot_wal_keep_size)"
        raise UserError(f"{reason}: {_remedy(database)}")
    LAG.set(lag or 0)


def _remedy(database: Database) -> str:
    """What makes the topics equal to the tables again, also without rows that were deleted unseen."""
    forgotten = f"delete {database.folder} and the topics {', '.join(TOPICS)}"
    return f"drop the slot {database.slot}, {forgotten}, and start again"


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            yield connection
    except psycopg.Error as error:
        raise UserError(f"PostgreSQL: {' '.join(str(error).split())}") from error


def connector(database: Database) -> dict[str, object]:
    """Debezium's settings."""
    return {
        "name": "reference",
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": 1,
        "plugin.name": "pgoutput",
        "database.hostname": database.host,
        "database.port": database.port,
        "database.dbname": database.name,
        "database.user": database.user,
        "database.password": connect.secret(database.folder, "password"),
        **{f"database.{name}": value for name, value in database.tls.items()},
        "slot.name": database.slot,
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",  # the migration has made it
        "topic.prefix": PREFIX,
        "table.include.list": _patterns(ROUTES),
        "column.include.list": rf"reference\..*,{_patterns(users.DECLARED)}",
        "snapshot.mode": "initial",
        "snapshot.include.collection.list": _patterns(TABLES),
        "decimal.handling.mode": "string",
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "heartbeat.action.query": f"update {HEARTBEAT} set at = now()",
        "poll.interval.ms": 50,
        "errors.max.retries": 0,  # `run` tries again, and tells
        "errors.log.include.messages": "false",  # rows may be personal
        **_routes(),
    }


def _routes() -> dict[str, object]:
    """The topic of each table; Debezium's own heartbeats, which are of no table, go nowhere.

    What a user's row was before a change is left out: the last message of its key would keep it.
    """
    routes: dict[str, object] = {
        "transforms": ",".join(["drop", "forget", *ROUTES]),
        "transforms.drop.type": f"{TRANSFORMS}.Filter",
        "transforms.drop.predicate": "beat",
        "transforms.forget.type": f"{TRANSFORMS}.ReplaceField$Value",
        "transforms.forget.exclude": "before",
        "transforms.forget.predicate": "users",
        "predicates": "beat,users",
        "predicates.beat.type": f"{TRANSFORMS}.predicates.TopicNameMatches",
        "predicates.beat.pattern": "__debezium-heartbeat.*",
        "predicates.users.type": f"{TRANSFORMS}.predicates.TopicNameMatches",
        "predicates.users.pattern": rf"{PREFIX}\.users\..*",
    }
    for table, topic in ROUTES.items():
        routes |= {
            f"transforms.{table}.type": f"{TRANSFORMS}.RegexRouter",
            f"transforms.{table}.regex": re.escape(f"{PREFIX}.{table}"),
            f"transforms.{table}.replacement": topic,
        }
    return routes


def _patterns(names: Iterable[str]) -> str:
    return ",".join(map(re.escape, names))
