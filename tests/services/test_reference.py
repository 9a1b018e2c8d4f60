"""A file of reference data is read whole, or refused with the file, the line and the reason."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.reference import CorporateAction, Instrument, ReferenceFileError, ReferenceRow, read

ACTION = "symbol,effective,type,ratio,per,amount,close_before"
INSTRUMENT = "symbol,valid_from,type,currency,underlying,expiry,strike,option_right"


def written(folder: Path, *lines: str) -> Path:
    file = folder / "rows.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_splits_and_dividends_are_read_exactly(tmp_path: Path) -> None:
    lines = "ACME,2026-01-05T00:00:00Z,split,1,15,,", "ACME,2026-02-02T09:30:00-05:00,dividend,,,0.08,24.96"
    assert read(written(tmp_path, ACTION, *lines), CorporateAction) == [
        CorporateAction(
            symbol="ACME",
            effective=datetime(2026, 1, 5, tzinfo=UTC),
            type="split",
            ratio=Decimal(1),
            per=Decimal(15),
        ),
        CorporateAction(
            symbol="ACME",
            effective=datetime(2026, 2, 2, 14, 30, tzinfo=UTC),
            type="dividend",
            amount=Decimal("0.08"),
            close_before=Decimal("24.96"),
        ),
    ]


def test_an_instrument_has_a_multiplier_of_one_unless_it_is_told(tmp_path: Path) -> None:
    (acme,) = read(written(tmp_path, INSTRUMENT, "ACME,2026-01-05T00:00:00Z,equity,USD,,,,"), Instrument)
    assert acme.multiplier == 1


@pytest.mark.parametrize(
    ("model", "lines", "told"),
    [
        (CorporateAction, ["symbol,effective"], "1: no column type; corporate_actions have symbol, effective, type"),
        (CorporateAction, [f"{ACTION},venue"], "1: unknown column venue; "),
        (CorporateAction, [ACTION, "A,2026-01-05,split,4,,,"], "2: effective: '2026-01-05' is not ISO-8601"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00,split,4,,,"], "2: effective: .* has no zone"),
        (CorporateAction, [ACTION, ",2026-01-05T00:00:00Z,split,4,,,"], "2: symbol: Field required"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,split,4,,"], "2: has 6 cells, the header 7"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,merger,4,,,"], "2: type: Input should be 'split'"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,split,0,,,"], "2: ratio: must be above 0, was 0"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,split,,,1,"], "2: a split has a ratio"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,dividend,2,,1,"], "2: a dividend has an amount"),
        (CorporateAction, [ACTION, "A,2026-01-05T00:00:00Z,dividend,,,1,1"], "2: close_before must be above amount"),
        (
            CorporateAction,
            [ACTION, *["A,2026-01-05T00:00:00Z,split,4,,,", "A,2026-01-05T01:00:00+01:00,split,5,,,"]],
            "3: has the same symbol, effective, type as line 2",
        ),
        (Instrument, [INSTRUMENT, "A,2026-01-05T00:00:00.0001Z,equity,USD,,,,"], "2: valid_from: event time has milli"),
        (Instrument, [INSTRUMENT, "ES,2026-01-05T00:00:00Z,future,USD,,,,"], "2: the future has no underlying, expiry"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_with_its_place(
    tmp_path: Path, model: type[ReferenceRow], lines: list[str], told: str
) -> None:
    file = written(tmp_path, *lines)
    with pytest.raises(ReferenceFileError, match=f"^{file}:{told}") as raised:
        read(file, model)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReferenceFileError, match=r"none\.csv: cannot be read"):
        read(tmp_path / "none.csv", Instrument)
