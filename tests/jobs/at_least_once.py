"""The candle job with sinks that are only at-least-once: what the invariants must catch when it fails."""

from jobs import kafka, topics
from jobs.candles import NAME, define
from jobs.environment import run_plan, streaming
from jobs.settings import Settings


def sink(topic: str, schema: str, settings: Settings) -> dict[str, str]:
    """The job's sink without its transactions."""
    options = kafka.sink(NAME, topic, schema, settings)
    transactional = ("sink.transactional-id-prefix", "sink.transaction-naming-strategy")
    plain = {name: value for name, value in options.items() if name not in transactional}
    return {**plain, "sink.delivery-guarantee": "at-least-once"}


def main() -> None:
    """Run on Kafka with settings from the environment."""
    settings = Settings.load()
    topics.prepare(settings, "candles")
    env = streaming(settings, "at-least-once")
    kafka.create_trades(env, settings)
    for table, topic, schema in kafka.candle_sinks(settings):
        kafka.create(env, table, kafka.sink_columns(schema), sink(topic, schema, settings))
    run_plan(env, define(env, settings.resolutions), settings)


if __name__ == "__main__":
    main()
