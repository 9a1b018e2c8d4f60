"""A job whose step in Python fails on the third row, in every life of the job: what a crash loop is made of."""

from pyflink.table.udf import udf

from jobs.environment import run, with_functions
from jobs.settings import Settings


@udf(result_type="BIGINT")  # type: ignore[untyped-decorator]
def unless_three(number: int) -> int:
    """The number itself."""
    if number >= 3:
        raise LookupError(f"row {number}: no calendar")
    return number


def main() -> None:
    """Count up to the row that fails."""
    env = with_functions(Settings.load(), "poisoned")
    env.create_temporary_function("unless_three", unless_three)
    env.execute_sql("""
        CREATE TEMPORARY TABLE numbers (number BIGINT) WITH (
          'connector' = 'datagen', 'rows-per-second' = '10',
          'fields.number.kind' = 'sequence', 'fields.number.start' = '1', 'fields.number.end' = '1000'
        )
    """)
    env.execute_sql("CREATE TEMPORARY TABLE nowhere (number BIGINT) WITH ('connector' = 'blackhole')")
    statements = env.create_statement_set()
    statements.add_insert_sql("INSERT INTO nowhere SELECT unless_three(number) FROM numbers")
    run(statements)


if __name__ == "__main__":
    main()
