"""The lake: Iceberg tables of what is committed on Kafka, their columns from the Avro schemas.

Their catalog is a PostgreSQL database: a commit is one conditional update of a row, so those of a job and of its
compaction cannot overwrite each other, on any storage. Iceberg in Java (Flink, Spark) and in Python know it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from schemas import avro

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

CATALOG = "lake"
"""Name of the catalog in its database."""
NAMESPACE = "md"
BUCKETS = 8
EVENT_TIME = "event_time"
PLACE = ("kafka_partition", "kafka_offset")
"""Of the record in its topic: with the topic they name a row."""
LEFT_OUT = ("accumulator",)
"""Fields that readers of the lake need not have."""
PROPERTIES = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "hash",  # one writer a partition: fewer files
    "write.metadata.delete-after-commit.enabled": "true",
    "commit.retry.num-retries": "10",
}


class LakeError(Exception):
    """The lake cannot be reached, or does not hold what was asked for: one line."""


@dataclass(frozen=True)
class LakeTable:
    """A table, the Avro schema of its rows, and the field of nanoseconds that its days follow."""

    name: str
    schema: str
    time: str

    @property
    def identifier(self) -> str:
        """Its name in the catalog."""
        return f"{NAMESPACE}.{self.name}"

    @property
    def fields(self) -> list[str]:
        """The fields of the Avro schema that it has."""
        return [field["name"] for field in avro.load(self.schema)["fields"] if field["name"] not in LEFT_OUT]


TRADES = LakeTable("trades", "trade", "ts_event")
CANDLES = LakeTable("candles", "candle", "window_start")
REJECTED = LakeTable("rejected", "rejected_trade", "ts_kafka")
TABLES = (TRADES, CANDLES, REJECTED)


def java_catalog(warehouse: str, url: str) -> dict[str, str]:
    """Properties of Iceberg's JDBC catalog, the password included, for `postgresql://user:password@host:port/name`."""
    parts = urlsplit(url)
    login = {"jdbc.user": parts.username, "jdbc.password": parts.password}
    query = f"?{parts.query}" if parts.query else ""
    return {
        "uri": f"jdbc:postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}{query}",
        "warehouse": warehouse,
        "jdbc.schema-version": "V1",
        **{name: unquote(value) for name, value in login.items() if value},
    }


def connect(warehouse: str, url: str) -> "SqlCatalog":
    """The catalog, as Python has it. Raises LakeError when its database does not answer."""
    from pyiceberg.catalog.sql import SqlCatalog

    with one_line():
        return SqlCatalog(CATALOG, uri=url.replace("postgresql://", "postgresql+psycopg://", 1), warehouse=warehouse)


def create_missing(catalog: "SqlCatalog") -> None:
    """Create the tables that are missing; give those that are there the fields that their schema has gained.

    Raises LakeError, also when the catalog keeps a lake in another place.
    """
    from pyiceberg.partitioning import PartitionSpec

    with one_line():
        catalog.create_namespace_if_not_exists(NAMESPACE)
        for each in TABLES:
            schema = columns(each)
            table = catalog.create_table_if_not_exists(
                each.identifier, schema, partition_spec=PartitionSpec(*_partitions(schema)), properties=PROPERTIES
            )
            warehouse = catalog.properties["warehouse"]
            if not table.location().startswith(warehouse):
                raise LakeError(
                    f"{each.identifier} of this catalog is at {table.location()}, not under {warehouse}: another lake "
                    "needs a database of its own (lake_catalog)"
                )
            if set(schema.column_names) - set(table.schema().column_names):
                with table.update_schema() as update:
                    update.union_by_name(schema)


def columns(table: LakeTable) -> "Schema":
    """The columns: the event time to the microsecond, the fields of the Avro schema, the place in Kafka."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import IntegerType, LongType, NestedField, TimestamptzType

    numbers = count(1)
    fields = {field["name"]: field["type"] for field in avro.load(table.schema)["fields"]}
    optional = isinstance(fields[table.time], list)
    listed = [NestedField(next(numbers), EVENT_TIME, TimestamptzType(), required=not optional)]
    for name in table.fields:
        nullable = isinstance(fields[name], list)
        number = next(numbers)
        listed.append(NestedField(number, name, _type(fields[name], numbers), required=not nullable))
    for name, kind in zip(PLACE, (IntegerType(), LongType()), strict=True):
        listed.append(NestedField(next(numbers), name, kind, required=True))
    return Schema(*listed)


@contextmanager
def one_line() -> Iterator[None]:
    """Turns what Iceberg and the catalog's database raise into a LakeError."""
    from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except NoSuchTableError as error:
        raise LakeError(f"the lake has no such table: {error}; `tickloom submit lake` makes it") from error
    except SQLAlchemyError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise LakeError(f"the catalog of the lake does not answer: {reason}; check lake_catalog") from error
    except (CommitFailedException, OSError) as error:
        raise LakeError(f"lake: {' '.join(str(error).split())}") from error


def _partitions(schema: "Schema") -> Iterator["PartitionField"]:
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField
    from pyiceberg.transforms import BucketTransform, DayTransform

    time, symbol = schema.find_field(EVENT_TIME).field_id, schema.find_field("symbol").field_id
    yield PartitionField(time, PARTITION_FIELD_ID_START, DayTransform(), "day")
    yield PartitionField(symbol, PARTITION_FIELD_ID_START + 1, BucketTransform(BUCKETS), "symbol_bucket")


def _type(avro_type: Any, numbers: Iterator[int]) -> "IcebergType":
    from pyiceberg import types

    simple = {
        "string": types.StringType,
        "enum": types.StringType,
        "long": types.LongType,
        "int": types.IntegerType,
        "bytes": types.BinaryType,
        "boolean": types.BooleanType,
        "double": types.DoubleType,
    }
    match avro_type:
        case ["null", present] | [present, "null"]:
            return _type(present, numbers)
        case {"logicalType": "decimal", "precision": precision, "scale": scale}:
            return types.DecimalType(precision, scale)
        case {"type": "array", "items": items}:
            return types.ListType(next(numbers), _type(items, numbers), element_required=True)
        case {"type": str(kind)} | str(kind):
            return simple[kind]()
    raise ValueError(f"no type of Iceberg for {avro_type}")
