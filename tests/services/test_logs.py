"""What a service says: for people a line, for machines an object."""

import io
import json
import logging

from services import logs


def said(for_people: bool, text: str, **about: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("projection-redis", for_people))
    log = logging.Logger("tickloom.projection")
    log.addHandler(handler)
    log.warning(text, extra=about)
    return stream.getvalue()


def test_a_line_is_an_object_with_its_service_its_run_and_what_it_is_about() -> None:
    found = json.loads(said(False, "no\ncandle", topic="md.candles.1s.v1", symbol="ACME"))
    assert found["message"] == "no\ncandle"
    assert (found["level"], found["logger"]) == ("WARNING", "tickloom.projection")
    assert (found["service"], found["topic"], found["symbol"]) == ("projection-redis", "md.candles.1s.v1", "ACME")
    assert len(found["run"]) == 32
    assert found["timestamp"].endswith("+00:00")


def test_in_a_terminal_it_is_a_line_to_read() -> None:
    assert said(True, "no candle", topic="t").endswith(" WARNING no candle\n")
