"""The bar job on a file: writes its tables as folders of CSV. Arguments: input file, output folder."""

import sys

from jobs import bars, kafka
from jobs.environment import bounded
from jobs.settings import Settings
from schemas import ddl
from udfs import rules


def main(trades: str, out: str) -> None:
    """Run to the end of the file, with settings from the environment."""
    settings = Settings.load()
    env = bounded(settings, "test-bars")
    bars.create_bars(env, settings, {"connector": "tickloom", "rules": rules.load().for_connector(), "files": trades})
    for table, _, schema in kafka.bar_sinks(settings):
        files = {"connector": "filesystem", "path": f"file://{out}/{table}", "format": "csv"}
        kafka.create(env, table, ddl.columns(schema), files)
    bars.define(env, settings.bar_kinds).execute().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
