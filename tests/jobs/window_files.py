"""The candle job with updating and sliding candles, streaming from a file to CSV. Arguments: input, output folder."""

import sys

from jobs import backfill, candles, kafka
from jobs.environment import TRADES_COLUMNS, streaming
from jobs.settings import Settings
from udfs import rules


def main(trades: str, out: str) -> None:
    """Run to the end of the file, with settings from the environment."""
    settings = Settings.load()
    env = streaming(settings, "test-windows")
    kafka.create(
        env, "trades", TRADES_COLUMNS, {"connector": "tickloom", "rules": rules.load().for_connector(), "files": trades}
    )
    backfill.create_files(env, settings, out, [name.replace(".", "_") for name in settings.candle_names])
    updating, sliding = settings.updating, settings.sliding
    candles.define(env, settings.resolutions, updating=updating, sliding=sliding, stamped=False).execute().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
