"""The API answers what is in the database and in the topics: exactly, page by page, and to whom it may."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from deploy.stack import Stack
from schemas.exact import nanoseconds
from services.api.access import Caller, KeysError, digest, load_keys
from services.candle_json import KEPT, instant_text, plain
from services.projections.postgres import Postgres
from services.projections.redis import Redis
from tests.integration.served import served, sources
from tests.services.candles import START_NS, candle

pytestmark = pytest.mark.integration

FINE = Decimal("99999999999999999999999999.999999999999")
DAY = [
    *(candle(number, symbol="A") for number in range(10)),
    candle(3, 1, symbol="A"),
    candle(3, 2, symbol="A"),
    candle(0, symbol="B", high=FINE, open=None, first_ts_event=START_NS + 123_456_789),
    candle(0, symbol="A", resolution="1m"),
]
CURRENT = [each for each in DAY if each["resolution"] == "1s" and not (each["revision"] < 2 and each is DAY[3])]


@pytest.fixture(scope="module")
def store(module_url: str) -> Iterator[Postgres]:
    with Postgres(module_url) as store:
        store.prepare()
        store.write(DAY)
        yield store


@pytest.fixture(scope="module")
def api(stack: Stack, module_url: str, store: Postgres) -> Iterator[httpx.Client]:
    with served(sources(stack, module_url)) as client:
        yield client


def asked(api: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seconds_of(candles: list[dict[str, Any]]) -> list[int]:
    return [(nanoseconds(each["window_start"]) - START_NS) // 10**9 for each in candles]


def test_a_range_holds_the_highest_revision_of_each_window_and_begins_but_does_not_end_with_its_bounds(
    api: httpx.Client,
) -> None:
    bounds = {"start": instant_text(START_NS + 2 * 10**9), "end": instant_text(START_NS + 5 * 10**9)}
    found = asked(api, "/v1/candles", symbol="A", resolution="1s", **bounds)
    assert found == {"candles": [plain(DAY[2]), plain(DAY[11]), plain(DAY[4])], "next": None}


@pytest.mark.parametrize(("revision", "price"), [(0, "100"), (1, "101"), (2, "102")])
def test_every_revision_can_be_asked_for(api: httpx.Client, revision: int, price: str) -> None:
    start = instant_text(START_NS + 3 * 10**9)
    (found,) = asked(api, "/v1/candles", symbol="A", resolution="1s", start=start, limit=1, revision=revision)[
        "candles"
    ]
    assert (found["open"], found["revision"]) == (price, revision)


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_pages_of_any_size_in_either_order_hold_every_candle_once(
    api: httpx.Client, order: str, limit: int
) -> None:
    found, cursor = list[int](), ""
    for _ in range(20):
        more: dict[str, str] = {"cursor": cursor} if cursor else {}
        page = asked(api, "/v1/candles", symbol="A", resolution="1s", order=order, limit=limit, **more)
        found += seconds_of(page["candles"])
        cursor = page["next"] or ""
        if not cursor:
            break
    assert found == (list(range(10)) if order == "asc" else list(reversed(range(10))))


def test_a_link_leads_to_the_next_page_in_every_form(api: httpx.Client) -> None:
    first = api.get("/v1/candles", params={"symbol": "A", "resolution": "1s", "limit": 8, "format": "csv"})
    following = api.get(first.links["next"]["url"])
    assert len(following.text.splitlines()) == 3
    assert "next" not in following.links


def test_csv_and_arrow_hold_the_same_exact_values(api: httpx.Client) -> None:
    question = {"symbol": "B", "resolution": "1s"}
    text = api.get("/v1/candles", params={**question, "format": "csv"}).text
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["high"], row["open"], row["first_ts_event"]) == (f"{FINE:f}", "", str(START_NS + 123_456_789))
    body = api.get("/v1/candles", params={**question, "format": "arrow"}).content
    (record,) = pa.ipc.open_stream(body).read_all().to_pylist()
    assert record == {name: DAY[12][name] for name in KEPT}


def test_an_answer_changes_with_the_next_revision_and_not_before(api: httpx.Client, store: Postgres) -> None:
    store.write([candle(0, symbol="C")])
    bounds = {"start": instant_text(START_NS), "end": instant_text(START_NS + 60 * 10**9)}
    question = {"symbol": "C", "resolution": "1s", **bounds}
    first = api.get("/v1/candles", params=question)
    again = api.get("/v1/candles", params=question, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    store.write([candle(0, 1, symbol="C")])
    revised = api.get("/v1/candles", params=question, headers={"If-None-Match": first.headers["etag"]})
    assert [each["revision"] for each in revised.json()["candles"]] == [1]


def test_the_latest_candle_of_each_symbol_that_has_one(api: httpx.Client) -> None:
    found = api.get("/v1/latest", params={"symbol": ["B", "nobody", "A"], "resolution": "1s"}).json()
    assert {each["symbol"]: seconds_of([each]) for each in found} == {"A": [9], "B": [0]}


def test_the_latest_candle_comes_from_redis_where_that_knows_it(
    stack: Stack, module_url: str, redis_url: str, store: Postgres
) -> None:
    with closing(Redis(redis_url)) as cache:
        cache.write([candle(50, symbol="A")])
    with served(sources(stack, module_url, redis_url)) as api:
        found = api.get("/v1/latest", params={"symbol": ["A", "B"], "resolution": "1s"}).json()
        metrics = api.get("/metrics").text
    assert {each["symbol"]: seconds_of([each]) for each in found} == {"A": [50], "B": [0]}
    assert 'tickloom_cache_requests_total{result="hit"} 1.0' in metrics


def test_symbols_and_their_resolutions(api: httpx.Client) -> None:
    found = {each["symbol"]: each["resolutions"] for each in asked(api, "/v1/symbols")}
    assert (found["A"], found["B"]) == (["1s", "1m"], ["1s"])


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"resolution": "1s"}, "symbol"),
        ({"symbol": "A", "resolution": "7s"}, "no resolution 7s: 1s, 1m, 1h, 1d"),
        ({"symbol": "A", "resolution": "1s", "start": "2026-01-05T00:00:00"}, "has no zone"),
        ({"symbol": "A", "resolution": "1s", "limit": 10_001}, "10000"),
        ({"symbol": "A", "resolution": "1s", "order": "asc; drop table candles"}, "asc"),
        ({"symbol": "A\x00", "resolution": "1s"}, "pattern"),
        ({"symbol": "A" * 5_000, "resolution": "1s"}, "256"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(api: httpx.Client, parameters: dict[str, str], told: str) -> None:
    answer = api.get("/v1/candles", params=parameters)
    assert answer.status_code == 422
    assert told in answer.text


def test_graphql_gives_the_same_candles(api: httpx.Client) -> None:
    query = """{
      candles(symbol: "A", resolution: "1s", order: DESC, first: 7) { candles { windowStart open revision } next }
      latest(symbols: ["B"], resolution: "1s") { high }
      symbols
    }"""
    data = api.post("/graphql", json={"query": query}).json()["data"]
    found = data["candles"]["candles"]
    assert [(each["open"], each["revision"]) for each in found][-1] == ("102", 2)
    assert data["candles"]["next"] == instant_text(START_NS + 3 * 10**9)
    assert data["latest"] == [{"high": f"{FINE:f}"}]
    assert {"A", "B"} <= set(data["symbols"])


def test_graphql_refuses_what_is_out_of_all_proportion(api: httpx.Client) -> None:
    many = " ".join(f"a{number}: symbols" for number in range(20))
    answer = api.post("/graphql", json={"query": f"{{ {many} }}"}).json()
    assert "aliases" in answer["errors"][0]["message"]
    assert answer.get("data") is None


def test_without_a_key_nobody_reads_and_only_operators_see_the_pipeline(stack: Stack, module_url: str) -> None:
    keys = {digest("r" * 20): Caller("desk", "read"), digest("o" * 20): Caller("ops", "operate")}
    with served(sources(stack, module_url, keys=keys)) as api:
        statuses = {
            (path, key): api.get(path, headers={"Authorization": f"Bearer {key * 20}"} if key else {}).status_code
            for path in ("/v1/symbols", "/v1/pipeline", "/metrics", "/health", "/")
            for key in ("", "x", "r", "o")
        }
    assert statuses == {
        **{("/v1/symbols", key): status for key, status in {"": 401, "x": 401, "r": 200, "o": 200}.items()},
        **{
            (path, key): status
            for path in ("/v1/pipeline", "/metrics")
            for key, status in {"": 401, "x": 401, "r": 403, "o": 200}.items()
        },
        **{(path, key): 200 for path in ("/health", "/") for key in ("", "x", "r", "o")},
    }


def test_a_key_that_asks_too_often_is_told_to_wait_and_others_are_not(stack: Stack, module_url: str) -> None:
    keys = {digest(name): Caller(name, "read") for name in ("eager", "calm")}
    with served(sources(stack, module_url, keys=keys, limit="5/hour")) as api:
        eager = [api.get("/v1/symbols", headers={"Authorization": "Bearer eager"}) for _ in range(7)]
        calm = api.get("/v1/symbols", headers={"Authorization": "Bearer calm"})
    assert [each.status_code for each in eager] == [200] * 5 + [429] * 2
    assert eager[-1].headers["retry-after"] == "3600"
    assert calm.status_code == 200


@pytest.mark.parametrize("text", ["", "[]", '{"desk": {"role": "read"}}', '{"desk": {"sha256": "", "role": "own"}}'])
def test_a_file_that_holds_no_keys_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(KeysError, match=r"keys\.json: .*role") as raised:
        load_keys(tmp_path / "keys.json")
    assert "\n" not in str(raised.value)


def test_the_file_of_keys_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"desk": {"sha256": digest("secret"), "role": "read"}}))
    assert load_keys(tmp_path / "keys.json") == {hashlib.sha256(b"secret").hexdigest(): Caller("desk", "read")}


def test_a_database_that_is_away_is_said_so_and_the_rest_goes_on(stack: Stack) -> None:
    with served(sources(stack, "postgresql://tickloom:hidden@127.0.0.1:1/postgres")) as api:
        answer = api.get("/v1/symbols")
        health = api.get("/health")
    assert (answer.status_code, answer.json()["detail"].partition(";")[0]) == (503, "the database does not answer")
    assert health.status_code == 503
    assert {part["name"]: part["healthy"] for part in health.json()["parts"]} == {"postgres": False, "kafka": True}
    assert "hidden" not in answer.text + health.text


def test_the_metrics_count_what_was_asked(api: httpx.Client) -> None:
    asked(api, "/v1/symbols")
    assert 'tickloom_api_request_seconds_count{route="/v1/symbols",status="200"}' in api.get("/metrics").text
