"""The tables of the candle job on Kafka: their transactional ids and client options."""

from itertools import permutations

from jobs import kafka
from jobs.settings import Settings
from schemas.topics import LATE, REJECTED, candles

RESOLUTIONS = "1s,1m,5m,15m,1h,1d"


def test_no_transactional_id_prefix_is_the_beginning_of_another() -> None:
    prefixes = [
        kafka.transactional_id_prefix(job, topic, Settings.load({"transactional_id_prefix": deployment}))
        for deployment in ("tickloom", "tickloom-2", "tick")
        for job in ("candles", "candles-2")
        for topic in (REJECTED, LATE, *map(candles, RESOLUTIONS.split(",")))
    ]
    assert [pair for pair in permutations(prefixes, 2) if pair[0].startswith(pair[1])] == []


def test_every_sink_is_exactly_once_and_pools_its_transactions() -> None:
    settings = Settings.load({"resolutions": RESOLUTIONS, "transaction_timeout": "20min"})
    options = [kafka.sink("candles", topic, schema, settings) for _, topic, schema in kafka.candle_sinks(settings)]
    assert len(options) == 8
    assert {each["sink.delivery-guarantee"] for each in options} == {"exactly-once"}
    assert {each["sink.transaction-naming-strategy"] for each in options} == {"POOLING"}
    assert {each["properties.transaction.timeout.ms"] for each in options} == {"1200000"}
    assert len({each["sink.transactional-id-prefix"] for each in options}) == 8


def test_what_has_a_symbol_is_keyed_by_it() -> None:
    settings = Settings.load({})
    keyed = {
        topic: kafka.sink("candles", topic, schema, settings).get("key.fields")
        for _, topic, schema in kafka.candle_sinks(settings)
    }
    assert keyed.pop(REJECTED) is None
    assert set(keyed.values()) == {"symbol"}


def test_a_quote_in_an_option_does_not_end_it() -> None:
    assert kafka.quoted("it's") == "it''s"
