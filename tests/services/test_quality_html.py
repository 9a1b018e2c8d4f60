"""The page of a quality report is whole in itself, and shows the worst."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.models import Quality
from services.quality_html import html
from services.quality_report import Period, report
from services.quality_series import BINS_MAX, Bins, bins, lags, measure, scores
from tests.services.quality_records import MINUTE, filled, gap, minute

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
LOADING = {"script", "link", "iframe", "object", "embed", "img", "base", "audio", "video", "form"}
HOSTILE = "<script>alert('$x$')</script>\"&"


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


@pytest.fixture(scope="module")
def page() -> str:
    """Two symbols, one with a hostile name, a gap that is partly filled and a finding."""
    minutes = [minute(number, symbol) for number in range(5) for symbol in ("AAPL", HOSTILE)]
    bad = minute(5, HOSTILE, trades=90, missing=6, completeness=90 / 96, consistency=0.5, finding="<b>no sum</b>")
    events = [of(first, last, symbol=HOSTILE, venue="<i>") for of, first, last in ((gap, 5, 10), (filled, 7, 8))]
    return html(report([*minutes, bad, *events], Period()))


def test_the_page_asks_the_network_for_nothing(page: str) -> None:
    parsed = Page(page)
    assert not LOADING & set(parsed.tags)
    loads = [
        value or "" for name, value in parsed.attributes if name in ("src", "href", "xlink:href", "srcset", "data")
    ]
    assert loads
    assert all(each.startswith(("#", "data:image/png;base64,")) for each in loads)
    assert set(re.findall(r"https?://[^\s\"'<>]+", page)) == NAMESPACES
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_the_page_has_its_pictures_with_text_as_text(page: str) -> None:
    parsed = Page(page)
    assert parsed.tags.count("svg") == 4
    assert parsed.text.count("AAPL") == 3  # heat map, bars, table of symbols
    for title in ("completeness", "uniqueness", "validity", "timeliness", "consistency", "accuracy", "missing", "late"):
        assert title in parsed.text


def test_names_and_findings_are_text_whatever_they_look_like(page: str) -> None:
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert not {"b", "i"} & set(parsed.tags)
    assert parsed.text.count(HOSTILE) == 3  # tables of symbols, gaps and worst minutes
    assert "<script>alert('$x…" in parsed.text  # cut short in pictures, and no formula
    assert {"<i>", "<b>no sum</b>", "partly filled"} <= set(parsed.text)


def test_glyphs_that_our_fonts_lack_are_left_to_the_reader() -> None:
    assert "币安😀" in html(report([minute(0, "币安😀")], Period()))


def test_the_same_report_is_the_same_page() -> None:
    records = [minute(number, late=number) for number in range(3)]
    assert html(report(records, Period())) == html(report(records, Period()))


def test_pictures_show_the_40_worst_symbols_and_the_page_says_so() -> None:
    records = [minute(0, f"S{number:02}", timeliness=number / 100) for number in range(42)]
    parsed = Page(html(report(records, Period())))
    assert parsed.text.count("The 40 worst of 42 symbols.") == 2
    assert [parsed.text.count(symbol) for symbol in ("S39", "S40")] == [3, 1]  # the table has all


def test_without_a_known_lag_there_is_no_picture_of_it() -> None:
    source = html(report([minute(0, lag_p50_ms=None, lag_p99_ms=None)], Period()))
    assert (source.count("<svg"), "Lag over time" in source) == (3, False)


@given(st.integers(-(10**6), 10**7), st.integers(1, 10**7))
def test_bins_cover_the_period_and_are_not_too_many(first: int, length: int) -> None:
    start, end = first * MINUTE, (first + length) * MINUTE
    found = bins(start, end)
    edges = [found.start + number * found.minutes * MINUTE for number in range(found.count + 1)]
    assert edges[0] <= start < edges[1]
    assert edges[-2] < end <= edges[-1]
    assert found.count <= BINS_MAX
    assert (found.of(start), found.of(end - MINUTE)) == (0, found.count - 1)


def test_two_hours_are_shown_minute_by_minute_and_six_in_steps_of_three() -> None:
    assert bins(0, 120 * MINUTE) == Bins(0, 1, 120)
    assert bins(0, 360 * MINUTE) == Bins(0, 3, 120)


MINUTES: list[Quality] = [
    minute(0, "A", timeliness=0.9, lag_p50_ms=10, lag_p99_ms=30),
    minute(1, "A", timeliness=0.4, lag_p50_ms=30, lag_p99_ms=90),
    minute(1, "B", timeliness=0.8, lag_p50_ms=50, lag_p99_ms=60),
    minute(4, "B", timeliness=None, lag_p50_ms=None, lag_p99_ms=None),
]
OF_TWO = Bins(0, 2, 3)


def test_a_cell_is_the_worst_of_its_minutes_and_empty_where_none_was_judged() -> None:
    nan = np.nan
    np.testing.assert_array_equal(scores(MINUTES, ["B", "A"], OF_TWO), [[0.8, nan, 1.0], [0.4, nan, nan]])


def test_a_line_is_the_lowest_and_the_mean_of_all_symbols() -> None:
    lowest, mean = measure(MINUTES, "timeliness", OF_TWO)
    np.testing.assert_array_equal(lowest, [0.4, np.nan, np.nan])
    np.testing.assert_allclose(mean, [0.7, np.nan, np.nan])


def test_the_lag_over_time_is_the_median_and_the_worst() -> None:
    middle, worst = lags(MINUTES, OF_TWO)
    np.testing.assert_array_equal(middle, [30, np.nan, np.nan])
    np.testing.assert_array_equal(worst, [90, np.nan, np.nan])
