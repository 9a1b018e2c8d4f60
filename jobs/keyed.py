"""Rows on their way to a step in Python, by key."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflink.common import TypeInformation
    from pyflink.datastream import DataStream, KeyedStream


def by_first_column(rows: "DataStream", key_type: "TypeInformation") -> "KeyedStream":
    """Rows by the value of their first column, as PyFlink's `key_by` has them.

    `key_by` asks a function in Python for the key: each row goes to Python and back once more. Here the JVM reads it.
    """
    from pyflink.common import Types
    from pyflink.datastream import KeyedStream
    from pyflink.java_gateway import get_gateway

    jvm, row_type = get_gateway().jvm, rows.get_type()
    pairs = rows._j_data_stream.map(jvm.tickloom.WithKey(), Types.ROW([key_type, row_type]).get_java_type_info())
    by_key = pairs.keyBy(jvm.KeyByKeySelector(), Types.ROW([key_type]).get_java_type_info())
    return KeyedStream(by_key, row_type, rows)
