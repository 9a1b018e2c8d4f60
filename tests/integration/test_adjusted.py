"""The API adjusts candles for the splits and dividends that are loaded, in every form, or says why it cannot."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyarrow as pa
import pytest
from click.testing import CliRunner

from deploy.cli import cli
from deploy.errors import UserError
from deploy.stack import Stack
from schemas.exact import floor_instant
from services.candle_json import instant_text
from services.projections.postgres import Postgres
from services.reference import CorporateAction
from tests.integration.served import served, sources
from tests.services.candles import candle

pytestmark = pytest.mark.integration

COLUMNS = "symbol,effective,type,ratio,amount,close_before"
CHANGED = ("open", "high", "low", "close", "volume", "vwap", "notional")


@pytest.fixture(scope="module")
def store(module_url: str) -> Iterator[Postgres]:
    with Postgres(module_url) as store:
        store.prepare()
        yield store


@pytest.fixture(scope="module")
def api(stack: Stack, module_url: str, store: Postgres) -> Iterator[httpx.Client]:
    with served(sources(stack, module_url)) as client:
        yield client


def day(symbol: str, number: int, revision: int = 0) -> dict[str, Any]:
    return candle(number, revision, symbol=symbol, resolution="1d")


def start(number: int) -> datetime:
    return floor_instant(int(day("", number)["window_start"]))


def effective(store: Postgres, symbol: str, when: datetime, **told: str) -> None:
    kind = "split" if "ratio" in told else "dividend"
    action = {"symbol": symbol, "effective": when, "type": kind, **told}
    assert store.upsert([CorporateAction.model_validate(action)]) == 1


def ask(api: httpx.Client, symbol: str, adjusted: str = "all", **more: Any) -> httpx.Response:
    question = {"symbol": symbol, "resolution": "1d", "adjusted": adjusted, **more}
    return api.get("/v1/candles", params=question)


def closes(api: httpx.Client, symbol: str, adjusted: str = "all", **more: Any) -> list[str]:
    answer = ask(api, symbol, adjusted, **more)
    assert answer.status_code == 200, answer.text
    return [each["close"] for each in answer.json()["candles"]]


@pytest.fixture(scope="module")
def acme(store: Postgres) -> str:
    """Three days at 100, the first revised to 102; 4 for 1 at the third, and 1 paid at the second on a close of 100."""
    store.write([day("ACME", 0), day("ACME", 0, 1), day("ACME", 0, 2), day("ACME", 1), day("ACME", 2)])
    effective(store, "ACME", start(2), ratio="4")
    effective(store, "ACME", start(1), amount="1", close_before="100")
    return "ACME"


@pytest.mark.parametrize(
    ("adjusted", "expected"),
    [("raw", ["102", "100", "100"]), ("splits", ["25.5", "25", "100"]), ("all", ["25.245", "25", "100"])],
)
def test_every_form_has_the_same_adjusted_candles(
    api: httpx.Client, acme: str, adjusted: str, expected: list[str]
) -> None:
    as_json = ask(api, acme, adjusted).json()["candles"]
    as_csv = [*csv.DictReader(io.StringIO(ask(api, acme, adjusted, format="csv").text))]
    as_arrow = pa.ipc.open_stream(ask(api, acme, adjusted, format="arrow").content).read_all().to_pylist()
    query = f"""{{ candles(symbol: "{acme}", resolution: "1d", adjusted: {adjusted.upper()}) {{
        candles {{ {" ".join(CHANGED)} tradeCount }} }} }}"""
    as_graph = api.post("/graphql", json={"query": query}).json()["data"]["candles"]["candles"]
    assert [each["close"] for each in as_json] == expected
    for name in CHANGED:
        told = [each[name] for each in as_json]
        assert [each[name] for each in as_csv] == told
        assert [each[name] for each in as_graph] == told
        assert [each[name] for each in as_arrow] == [Decimal(each) for each in told]


def test_candles_are_raw_unless_it_is_asked_for_and_the_rest_of_them_stays(api: httpx.Client, acme: str) -> None:
    (raw, *_), (adjusted, *_) = (ask(api, acme, adjusted).json()["candles"] for adjusted in ("raw", "all"))
    unasked = api.get("/v1/candles", params={"symbol": acme, "resolution": "1d"})
    assert unasked.content == ask(api, acme, "raw").content
    assert {name for name in raw if raw[name] != adjusted[name]} == set(CHANGED)
    assert (adjusted["volume"], adjusted["notional"]) == ("4", "100.98")


def test_pages_and_revisions_are_adjusted_alike(api: httpx.Client, acme: str) -> None:
    first = ask(api, acme, order="desc", limit=2)
    following = api.get(first.links["next"]["url"]).json()
    told = [each["close"] for each in [*first.json()["candles"], *following["candles"]]]
    assert told == ["100", "25", "25.245"]
    assert [closes(api, acme, revision=revision)[0] for revision in (0, 1)] == ["24.75", "24.9975"]


def test_an_answer_that_is_kept_changes_with_an_action_that_is_added_or_changed(
    api: httpx.Client, store: Postgres
) -> None:
    store.write([day("KEPT", 0), day("KEPT", 1)])
    bounds = {"start": instant_text(day("", 0)["window_start"]), "end": instant_text(day("", 9)["window_start"])}
    seen = [ask(api, "KEPT", **bounds)]
    for ratio in ("2", "5"):
        effective(store, "KEPT", start(1), ratio=ratio)
        tag = {"If-None-Match": seen[-1].headers["etag"]}
        question = {"symbol": "KEPT", "resolution": "1d", "adjusted": "all", **bounds}
        seen.append(api.get("/v1/candles", params=question, headers=tag))
        tag = {"If-None-Match": seen[-1].headers["etag"]}
        assert api.get("/v1/candles", params=question, headers=tag).status_code == 304
    assert [each.json()["candles"][0]["close"] for each in seen] == ["100", "50", "20"]
    assert len({each.headers["etag"] for each in seen}) == 3
    assert ask(api, "KEPT", "raw", **bounds).headers["etag"] == seen[0].headers["etag"]


def test_a_close_that_is_not_stated_is_that_of_the_last_day_before_as_it_is_known_now(
    api: httpx.Client, store: Postgres
) -> None:
    store.write([day("PAYS", 0), day("PAYS", 1), day("PAYS", 2)])
    effective(store, "PAYS", start(2) + timedelta(hours=9), amount="10")
    assert closes(api, "PAYS") == ["90", "90", "90"]
    bounds = {"start": instant_text(day("", 0)["window_start"]), "end": instant_text(day("", 9)["window_start"])}
    before = ask(api, "PAYS", **bounds)
    store.write([candle(1, 1, symbol="PAYS", resolution="1d", close=Decimal(50))])
    assert closes(api, "PAYS", **bounds) == ["80", "40", "80"]
    assert ask(api, "PAYS", **bounds).headers["etag"] != before.headers["etag"]
    (told,) = api.get("/v1/corporate-actions", params={"symbol": "PAYS"}).json()
    assert (told["amount"], told["close_before"]) == ("10", "50")


@pytest.mark.parametrize(("split", "status"), [(0, 200), (1, 409)])
def test_a_close_from_before_a_split_does_not_serve_and_nothing_is_guessed(
    api: httpx.Client, store: Postgres, split: int, status: int
) -> None:
    symbol = f"SPLIT{split}"
    store.write([day(symbol, 0), day(symbol, 3)])
    effective(store, symbol, start(split), ratio="2")
    effective(store, symbol, start(3), amount="1")
    assert ask(api, symbol).status_code == status


def test_a_dividend_that_cannot_be_applied_is_said_so_and_what_does_not_need_it_is_answered(
    api: httpx.Client, store: Postgres
) -> None:
    store.write([candle(0, symbol="NEW")])
    effective(store, "NEW", start(2), amount="1")
    answer = ask(api, "NEW", resolution="1s")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("NEW: the dividend of 1, effective ")
    assert "close_before" in answer.text
    assert closes(api, "NEW", "splits", resolution="1s") == ["100"]
    query = '{ candles(symbol: "NEW", resolution: "1s", adjusted: ALL) { next } }'
    assert api.post("/graphql", json={"query": query}).json()["errors"][0]["message"] == answer.json()["detail"]


def test_what_is_not_effective_yet_is_listed_and_changes_nothing(api: httpx.Client, store: Postgres) -> None:
    store.write([day("SOON", 0)])
    effective(store, "SOON", datetime.now(UTC) + timedelta(days=1), ratio="2")
    effective(store, "SOON", start(1), ratio="5")
    assert closes(api, "SOON") == ["20"]
    told = api.get("/v1/corporate-actions", params={"symbol": "SOON"}).json()
    assert [each["ratio"] for each in told] == ["5", "2"]


def load(url: str, kind: str, file: Path, *lines: str) -> str:
    file.write_text("\n".join(lines) + "\n")
    result = CliRunner().invoke(cli, ["reference", "load", kind, str(file)], env={"TICKLOOM_POSTGRES_URL": url})
    if result.exception:
        raise result.exception
    return result.output


def test_a_file_may_be_loaded_again_and_tells_what_it_changed(
    module_url: str, api: httpx.Client, tmp_path: Path
) -> None:
    file, rows = (
        tmp_path / "actions.csv",
        [f"FILE,{start(1).isoformat()},split,2,,", f"FILE,{start(2).isoformat()},split,3,,"],
    )
    assert load(module_url, "actions", file, COLUMNS, *rows) == f"{file}: 2 actions, 2 of them new or changed\n"
    assert load(module_url, "actions", file, COLUMNS, *rows) == f"{file}: 2 actions, 0 of them new or changed\n"
    rows[1] = rows[1].replace("split,3", "split,5")
    assert load(module_url, "actions", file, COLUMNS, *rows) == f"{file}: 2 actions, 1 of them new or changed\n"
    told = api.get("/v1/corporate-actions", params={"symbol": "FILE"}).json()
    assert [each["ratio"] for each in told] == ["2", "5"]


def test_of_a_file_with_a_wrong_row_nothing_is_loaded(module_url: str, api: httpx.Client, tmp_path: Path) -> None:
    rows = [f"WRONG,{start(1).isoformat()},split,2,,", f"WRONG,{start(2).isoformat()},split,-3,,"]
    with pytest.raises(UserError, match=r"wrong\.csv:3: ratio: must be above 0"):
        load(module_url, "actions", tmp_path / "wrong.csv", COLUMNS, *rows)
    assert api.get("/v1/corporate-actions", params={"symbol": "WRONG"}).json() == []


def test_instruments_are_kept_by_symbol_and_the_time_from_which_they_hold(module_url: str, tmp_path: Path) -> None:
    columns = "symbol,valid_from,type,currency,name,multiplier,underlying,expiry,strike,option_right"
    option = "ACME260619C100,2026-01-05T00:00:00Z,option,USD,,100,ACME,2026-06-19T20:00:00Z,100,call"
    rows = (
        "ACME,1990-01-02T00:00:00Z,equity,USD,Acme,,,,,",
        "ACME,2020-01-02T00:00:00Z,equity,USD,Acme Inc,,,,,",
        option,
    )
    assert ", 3 of them new" in load(module_url, "instruments", tmp_path / "instruments.csv", columns, *rows)
    with psycopg.connect(module_url) as connection:
        found = connection.execute(
            "select symbol, name, multiplier, strike from reference.instruments order by 1, valid_from"
        )
        assert found.fetchall() == [
            ("ACME", "Acme", 1, None),
            ("ACME", "Acme Inc", 1, None),
            ("ACME260619C100", None, 100, 100),
        ]
