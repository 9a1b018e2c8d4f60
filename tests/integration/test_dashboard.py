"""The dashboard in a real browser: what it draws, how soon, and what it says when something is wrong."""

import io
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import matplotlib.image
import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from playwright.sync_api import Browser, Page, expect, sync_playwright

from deploy import paths
from deploy.stack import Stack, ports
from schemas import topics
from schemas.codec import Encoder
from schemas.exact import floor_instant
from schemas.models import QuoteCandle
from services.api.access import Caller, digest
from services.api.app import Sources
from services.candle_json import instant_text
from services.oracle import SECOND_NS
from services.projections.postgres import Postgres
from services.reference import CorporateAction
from tests.integration import stacks
from tests.integration.alerting import alertmanager
from tests.integration.candle_job import wait_until
from tests.integration.served import served, sources
from tests.integration.test_projections import Sink, Topic, projecting
from tests.integration.test_replay import register
from tests.integration.test_streams import topic_of
from tests.services.candles import candle

pytestmark = pytest.mark.integration

SCREENSHOTS = paths.STATE / "artefacts"
CHROMIUM = shutil.which("chromium")
UP, DOWN, REVISED = (0x26, 0xA6, 0x9A), (0xEF, 0x53, 0x50), (0xE3, 0xB3, 0x41)
HISTORY = 1_500
LENGTHS = iter(length for length in range(61, 86_400) if 86_400 % length == 0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def resolution() -> str:
    """A length that no other test has, and so a topic of the test's own."""
    return f"{next(LENGTHS)}s"


@pytest.fixture
def topic(stack: Stack, resolution: str) -> Topic:
    return topic_of(stack, topics.candles(resolution))


@pytest.fixture
def filled(url: str, resolution: str) -> str:
    """URL of a database with candles that go up and down, the last of which is not revised."""
    with Postgres(url) as store:
        store.prepare()
        store.write(wave(number, resolution) for number in range(HISTORY))
    return url


@pytest.fixture
def told(stack: Stack, filled: str, topic: Topic, resolution: str) -> Sources:
    """What an API of these candles knows; its topic is there."""
    return sources(stack, filled, resolutions=(resolution,), candle_names=(resolution,))


def wave(number: int, resolution: str, revision: int = 0) -> dict[str, object]:
    price = 100 + number % 7 - number % 3
    close = price + (1 if number % 2 else -1)
    prices = {"open": price, "high": price + 2, "low": price - 2, "close": close}
    return candle(number, revision, resolution=resolution, symbol="BTC-USD", **prices)


@contextmanager
def shown(browser: Browser, api: httpx.Client, **context: object) -> Iterator[Page]:
    """The page with its data. What it reports on its console as an error fails the test."""
    complaints = list[str]()
    page = browser.new_page(**context)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(str(api.base_url))
        yield page
        assert complaints == []
    finally:
        page.close()


def await_chart(page: Page) -> None:
    wait_until(lambda: int(page.locator("#chart").get_attribute("data-candles") or 0) >= 1_000, "candles", 20)


@contextmanager
def drawn(browser: Browser, told: Sources, **context: object) -> Iterator[Page]:
    """The page of an API of its own, once its chart is drawn."""
    with served(told) as api, shown(browser, api, **context) as page:
        await_chart(page)
        yield page


def pixels(page: Page, colour: tuple[int, int, int], name: str) -> int:
    """How many points of the chart have about this colour. The picture is kept."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"dashboard-{name}.png")
    picture = matplotlib.image.imread(io.BytesIO(page.locator("#chart").screenshot()))[:, :, :3] * 255
    return int((np.abs(picture - np.array(colour)).max(axis=2) < 12).sum())


def test_candles_that_rise_and_fall_and_late_revisions_are_drawn(
    browser: Browser, told: Sources, filled: str, topic: Topic, resolution: str
) -> None:
    with drawn(browser, told) as page:
        assert min(pixels(page, UP, "desktop"), pixels(page, DOWN, "desktop")) > 200
        assert pixels(page, REVISED, "desktop") == 0
        with Postgres(filled) as store:
            store.write([wave(HISTORY - 3, resolution, revision=1)])
        topic.commit(wave(HISTORY - 3, resolution, revision=1))
        page.wait_for_timeout(1_500)
        assert pixels(page, REVISED, "revised") > 10


def publish(stack: Stack, topic: str, schema: str, record: dict[str, Any]) -> None:
    """To a topic that all have in common."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    if topic not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
    producer.produce(topic, Encoder(register(stack, topic, schema), schema).encode(record))
    assert producer.flush(10) == 0


def depth(second: int, bid_size: str) -> dict[str, Any]:
    """Bids of 100 and 99.5, asks of 101 and 102, then."""
    told = (("bid", "100", bid_size), ("bid", "99.5", "1"), ("ask", "101", "2"), ("ask", "102", "4"))
    levels = [{"side": side, "price": Decimal(price), "size": Decimal(size)} for side, price, size in told]
    figures = dict.fromkeys(("mid", "microprice", "bid_liquidity", "ask_liquidity"))
    ratio = {"spread": Decimal(1), "imbalance": Decimal("0.25"), "update_count": 1, "sequence": None}
    return {"symbol": "BTC-USD", "venue": None, "window_end": second * SECOND_NS, "levels": levels, **figures, **ratio}


def test_the_book_of_the_symbol_and_the_best_of_its_venues_are_drawn_and_followed(
    stack: Stack, browser: Browser, told: Sources
) -> None:
    none = {name: None for name in QuoteCandle.model_fields if QuoteCandle.model_fields[name].default is None}
    spans = {"window_start": 0, "window_end": SECOND_NS, "quoted_ns": 1, "locked_ns": 0, "crossed_ns": 0}
    best = {"bid_close": Decimal("100.25"), "ask_close": Decimal("100.5"), "quote_count": 3, "venue_count": 2}
    quote = {"symbol": "BTC-USD", "resolution": "1s", **none, **spans, **best}
    publish(stack, topics.quote_candles("1s"), "quote_candle", quote)
    publish(stack, topics.DEPTH, "book_depth", depth(60, "3"))
    with drawn(browser, told) as page:
        rows = page.locator("#levels tr")
        expect(rows).to_have_text(["1024", "1012", "1003", "99.51"], timeout=20_000)
        expect(page.locator("#quote")).to_have_text("100.25 bid, offered at 100.5, best of 2 venues")
        expect(page.locator("#figures")).to_have_text("spread 1 · imbalance 25 % · 00:01:00")
        publish(stack, topics.DEPTH, "book_depth", depth(61, "7"))
        expect(rows.nth(2)).to_have_text("1007", timeout=5_000)
        page.screenshot(path=SCREENSHOTS / "dashboard-book.png")


def test_what_has_no_book_and_no_quote_is_not_found(told: Sources) -> None:
    with served(told) as api:
        for path in ("/v1/depth", "/v1/quote"):
            answer = api.get(path, params={"symbol": "NOBODY"})
            assert (answer.status_code, answer.json()) == (404, {"detail": "nothing is known of NOBODY"})


def test_a_candle_is_seen_within_two_seconds_of_its_commit(
    browser: Browser, told: Sources, topic: Topic, resolution: str
) -> None:
    with drawn(browser, told) as page:
        expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=10_000)
        committed = wave(HISTORY, resolution)
        topic.commit(committed)
        start = instant_text(int(committed["window_start"]))  # type: ignore[call-overload]
        expect(page.locator("#legend")).to_have_attribute("data-window-start", start, timeout=2_000)


def test_candles_are_adjusted_as_it_is_picked_and_what_the_stream_revises_too(
    browser: Browser, told: Sources, filled: str, topic: Topic, resolution: str
) -> None:
    with Postgres(filled) as store:
        after = floor_instant(int(wave(HISTORY, resolution)["window_start"]))  # type: ignore[call-overload]
        action = {"symbol": "BTC-USD", "effective": after}
        store.upsert([CorporateAction.model_validate({**action, "type": "split", "ratio": "2"})])
        store.upsert([CorporateAction.model_validate({**action, "type": "dividend", "amount": "1"})])
    with drawn(browser, told) as page:
        legend, picked = page.locator("#legend"), page.locator("#adjusted [aria-checked=true]")
        expect(legend).to_contain_text("O 99 ")
        page.locator("#chart").focus()
        page.keyboard.press("a")
        expect(picked).to_have_text("splits")
        expect(legend).to_contain_text("O 49.5 ")
        revised = wave(HISTORY - 1, resolution, revision=1) | {"high": Decimal(300)}
        topic.commit(revised)
        with Postgres(filled) as store:
            store.write([revised])
        expect(legend).to_contain_text("H 150 ", timeout=10_000)
        topic.commit(wave(HISTORY, resolution))
        expect(legend).to_contain_text("O 102 ", timeout=10_000)
        pixels(page, UP, "adjusted")
        page.get_by_role("radio", name="all", exact=True).click()
        expect(page.locator("#notice")).to_contain_text("BTC-USD: the dividend of 1, effective")
        expect(legend).to_have_text("")
        page.get_by_role("radio", name="raw", exact=True).click()
        expect(page.locator("#notice")).to_be_hidden()
        expect(legend).to_contain_text("H 300 ")


@pytest.mark.thorough
def test_history_comes_when_it_is_scrolled_to(browser: Browser, told: Sources) -> None:
    with drawn(browser, told) as page:
        page.locator("#chart").focus()

        def scrolled_to_the_begin() -> bool:
            page.keyboard.press("ArrowLeft")
            return page.locator("#chart").get_attribute("data-candles") == str(HISTORY)

        wait_until(scrolled_to_the_begin, "the whole history")


@pytest.mark.thorough
def test_it_says_that_data_is_old_and_what_the_keyboard_does(
    browser: Browser, told: Sources, topic: Topic, resolution: str
) -> None:
    with drawn(browser, told) as page:
        page.clock.install()
        topic.commit(wave(HISTORY, resolution))
        expect(page.locator("#connection")).to_have_text("live", timeout=5_000)
        page.clock.fast_forward(31_000)
        expect(page.locator("#connection")).to_contain_text("no new candle since")
        page.keyboard.press("/")
        expect(page.locator("#symbol")).to_be_focused()
        page.locator("#chart").focus()
        page.keyboard.press("1")
        expect(page.locator("#resolutions [aria-checked=true]")).to_have_text(resolution)


@pytest.mark.parametrize(("name", "width", "scheme"), [("phone", 390, "light"), ("dark", 1280, "dark")])
@pytest.mark.thorough
def test_it_fits_a_phone_and_the_dark(browser: Browser, told: Sources, name: str, width: int, scheme: str) -> None:
    how = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with drawn(browser, told, **how) as page:
        assert pixels(page, UP, name) > 200
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(19, 23, 34)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.thorough
def test_it_asks_for_the_key_where_one_is_needed(browser: Browser, told: Sources) -> None:
    keys = {digest("secret"): Caller("desk", "read")}
    with served(replace(told, keys=keys)) as api, shown(browser, api) as page:
        page.get_by_label("This server asks for a key").fill("secret")
        page.get_by_role("button", name="Use it").click()
        await_chart(page)
        expect(page.locator("#alerts")).not_to_contain_text("needs operate")


def test_alerts_that_fire_are_shown_and_an_alertmanager_that_is_away_too(
    browser: Browser, told: Sources, tmp_path: Path
) -> None:
    with alertmanager(tmp_path) as routes, drawn(browser, replace(told, alertmanager_url=routes.url)) as page:
        routes.fire(alertname="CandleJobMissing", severity="critical")
        fires = page.locator("#alerts .bad", has_text="what is wrong (for")
        expect(fires).to_be_visible(timeout=20_000)
        pixels(page, UP, "alerts")
        routes.process.terminate()
        expect(page.locator("#alerts .warn", has_text="does not tell its alerts")).to_be_visible(timeout=20_000)
        expect(fires).to_be_hidden()


@pytest.mark.thorough
def test_it_comes_back_after_the_server_was_killed_and_shows_what_was_committed_meanwhile(
    stack: Stack, browser: Browser, filled: str, topic: Topic, resolution: str
) -> None:
    (port,) = ports.free(1)
    command = stacks.command(
        "api", f"--port={port}", f"--resolutions=1s,{resolution}", f"--brokers={stack.bootstrap_servers}"
    )
    environment = {**stacks.environment(stack.folder), "TICKLOOM_POSTGRES_URL": filled}

    def start() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(command, env=environment)
        wait_until(lambda: _answers(port), "the API")
        return process

    server = start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as api, shown(browser, api) as page:
            await_chart(page)
            server.send_signal(signal.SIGKILL)
            expect(page.locator("#connection")).to_contain_text("connection lost", timeout=10_000)
            committed = [wave(HISTORY, resolution), wave(HISTORY + 1, resolution)]
            with projecting(topic, Sink("postgres", filled), uuid4().hex):
                topic.commit(*committed)
                server = start()
                start_text = instant_text(int(committed[-1]["window_start"]))  # type: ignore[call-overload]
                expect(page.locator("#legend")).to_have_attribute("data-window-start", start_text, timeout=20_000)
            expect(page.locator("#connection")).not_to_contain_text("lost")
    finally:
        server.kill()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.HTTPError:
        return False
