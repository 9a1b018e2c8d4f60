"""The topics of a job: created before it starts, and the broker asked whether it allows the job's transactions."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from jobs import access
from jobs.settings import Settings, SettingsError, format_duration, milliseconds
from schemas import broker
from schemas.topics import REFERENCE, USERS

TIMEOUT_S = 10
COMPACTED = {
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": "60000",  # longer than a heartbeat says how far a reader is: see jobs.instruments
    "segment.ms": "3600000",
    "segment.bytes": str(16 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
}
"""Of a topic that keeps the last change of every row."""
FORGETTING = {"cleanup.policy": "compact", "max.compaction.lag.ms": "600000"}
"""Of one whose deleted rows are gone soon. The segment that is written is not compacted, and ends only when a record
comes after so long: `deploy.forgetting` sends one."""


def prepare(settings: Settings, job: str) -> list[str]:
    """Create the topics that a job reads or writes and that are missing; returns their names.

    They have `partitions` partitions and keep records for `retention` by event time: with Kafka's default of seven
    days a replay of older trades would be deleted within minutes. Raises SettingsError when the broker does not answer
    or allows shorter transactions than `transaction_timeout`.
    """
    admin = _admin(settings)
    try:
        _check_transaction_timeout(admin, settings)
        return _create_missing(admin, settings, access.of(job, settings).creates)
    except KafkaException as error:
        raise SettingsError(f"brokers: {settings.brokers}: {broker.reason(settings.kafka_client(), error)}") from error


def create_missing(settings: Settings, wanted: Sequence[str]) -> list[str]:
    """Create those of the topics that are missing, as `prepare` does, and return their names.

    Raises SettingsError when the broker does not answer.
    """
    try:
        return _create_missing(_admin(settings), settings, wanted)
    except KafkaException as error:
        raise SettingsError(f"brokers: {settings.brokers}: {broker.reason(settings.kafka_client(), error)}") from error


def _admin(settings: Settings) -> AdminClient:
    return AdminClient(settings.kafka_client())


def _create_missing(admin: AdminClient, settings: Settings, wanted: Sequence[str]) -> list[str]:
    existing = admin.list_topics(timeout=TIMEOUT_S).topics
    missing = [name for name in wanted if name not in existing]
    wanted_topics = [new_topic(name, settings) for name in missing]
    for future in admin.create_topics(wanted_topics, request_timeout=TIMEOUT_S).values() if missing else ():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another job may have been quicker
                raise
    return missing


def new_topic(name: str, settings: Settings) -> NewTopic:
    """What a topic of this name is created as."""
    if name in REFERENCE:  # one partition: changes in the order of their commits
        return NewTopic(name, 1, settings.replication, config=COMPACTED)
    if name in USERS:
        return NewTopic(name, 1, settings.replication, config=FORGETTING)
    retention_ms = milliseconds(settings.retention) if settings.retention else -1
    return NewTopic(name, settings.partitions, settings.replication, config={"retention.ms": str(retention_ms)})


def _check_transaction_timeout(admin: AdminClient, settings: Settings) -> None:
    number = next(iter(admin.list_topics(timeout=TIMEOUT_S).brokers))
    resource = ConfigResource(ResourceType.BROKER, str(number))
    config = admin.describe_configs([resource], request_timeout=TIMEOUT_S)[resource].result()
    allowed_ms = int(config["transaction.max.timeout.ms"].value)
    if milliseconds(settings.transaction_timeout) > allowed_ms:
        raise SettingsError(
            f"transaction_timeout: {format_duration(settings.transaction_timeout)} is more than the broker's "
            f"transaction.max.timeout.ms = {allowed_ms}: lower the first or raise the second"
        )
