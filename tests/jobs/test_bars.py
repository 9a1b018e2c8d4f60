"""What the bar job writes, and which settings of it are refused."""

from pathlib import Path

import pytest

from jobs import kafka
from jobs.settings import Settings, SettingsError
from schemas import topics


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder: no tickloom.toml."""
    monkeypatch.chdir(tmp_path)


def test_each_kind_has_a_topic_and_what_is_late_has_one_of_the_jobs_own() -> None:
    settings = Settings.load({"bars": "tick=100, dollar_imbalance=500:50:5000"})
    assert kafka.bar_sinks(settings) == [
        ("bars_tick", "md.bars.tick.v1", "bar"),
        ("bars_dollar_imbalance", "md.bars.dollar_imbalance.v1", "bar"),
        ("late_ticks", "md.bars.late.v1", "late_trades"),
    ]
    assert all(topics.schema_of(topics.subject(topic)) == schema for _, topic, schema in kafka.bar_sinks(settings))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "bars: one size of each kind of bar, and at least one kind"),
        ("tick=1,tick=2", "bars: one size of each kind of bar"),
        ("tick", "bars: 'tick': '' is no exact number"),
        ("minute=1", "bars: 'minute=1' is no bar: give kind and size, such as tick=1000; kinds: tick, volume"),
    ],
)
def test_bars_that_cannot_be_made_are_refused_before_the_job_starts(wrong: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"^{said}"):
        Settings.load({"bars": wrong})
