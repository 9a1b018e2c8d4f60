"""The demo's tape, from a small archive of the same layout; the real one is read in the integration tests."""

import zipfile
from decimal import Decimal
from pathlib import Path

from services.demo_data import ENTRY, write_trades
from services.trades_file import Row, TradesFile


def test_the_tape_becomes_a_trades_file_with_every_row_in_order(tmp_path: Path) -> None:
    tape = "timestamp,price,amount\n1385337613,800.05,0.10\n1385337613,800.010000000000,0.000000000000\n"
    with zipfile.ZipFile(tmp_path / "examples.jar", "w") as jar:
        jar.writestr(ENTRY, tape)
    assert write_trades(tmp_path / "examples.jar", tmp_path / "trades.csv") == 2
    found = [row for row in TradesFile(tmp_path / "trades.csv").rows() if isinstance(row, Row)]
    assert [(row.trade["ts_event"], row.trade["price"], row.trade["size"]) for row in found] == [
        (1_385_337_613_000_000_000, Decimal("800.05"), Decimal("0.1")),
        (1_385_337_613_000_000_000, Decimal("800.01"), Decimal(0)),
    ]
    assert {row.trade["symbol"] for row in found} == {"BTC-USD.BITSTAMP"}
    assert [(row.trade["trade_id"], row.trade["sequence"]) for row in found] == [(None, None)] * 2
