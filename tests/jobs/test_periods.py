"""Two deployments side by side publish every window once, whatever its start."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.periods import Period
from jobs.settings import Settings, SettingsError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOON_NS = 1_795_262_400 * 10**9


def holds(period: Period, start: int) -> bool:
    sql = period.holds("start")
    return bool(eval(sql.replace("AND", "and").replace("TRUE", "True"), {"start": start}))


@given(st.integers(NOON_NS - 3, NOON_NS + 3))
def test_every_window_is_published_by_one_of_two_deployments(start: int) -> None:
    before, after = Period.between(None, NOON), Period.between(NOON, None)
    assert [holds(before, start), holds(after, start)] == [start < NOON_NS, start >= NOON_NS]


def test_without_bounds_all_are_published() -> None:
    assert Settings.load().period.holds("start") == "TRUE"


@pytest.mark.parametrize("name", ["publish_from", "publish_until"])
def test_a_bound_that_no_window_of_some_resolution_starts_at_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: a window of every resolution must start then, not at 2026-11-21"):
        Settings.load({name: "2026-11-21T12:00:00Z", "resolutions": "1s,1d"})


def test_a_bound_reaches_the_job_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings.load({"publish_from": NOON, "resolutions": "1s,1h"})
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.load().period == given.period == Period(NOON_NS)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(SettingsError, match="publish_until: it must be later than publish_from"):
        Settings.load({"publish_from": NOON, "publish_until": NOON, "resolutions": "1s,1h"})
