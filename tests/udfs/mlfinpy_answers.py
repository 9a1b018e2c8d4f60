"""Records what mlfinpy 0.1.2 makes of the tape. It needs a numpy older than ours, so it runs in an environment apart:

uv run --no-project --python 3.11 --with "mlfinpy[optionals]==0.1.2" \\
    python -m tests.udfs.mlfinpy_answers > tests/udfs/mlfinpy_answers.json

Each answer is the number of trades up to the end of every bar. mlfinpy keeps to the book but for these points:
- A bar must exceed its threshold; the book says reach. In `whole_history` thresholds are lower by a trillionth.
- Its means forget all but the last `span` values, and shrink the span while there are fewer: where `whole_history`
  stands, its two mean methods are replaced by ones over the whole history, and the sampling stays as it is.
- Its run bars start when both buys and sells have been seen `size` times, which a one-sided symbol never does: here, as
  in its imbalance bars, after `size` trades.
"""

import json
from importlib import import_module
from typing import Any

import numpy as np

from tests.udfs.bar_tape import tape

STANDARD = {"tick": 100, "volume": 200, "dollar": 300_000}
SIZE = 40
SPAN_TICKS, SPAN_BARS = 60, 5
REACH = 1 - 1e-12


def ends(sampler: Any) -> list[int]:
    """Trades up to the end of each bar."""
    rows = [(tick.ts_event, float(tick.price), float(tick.size)) for tick in tape()]
    return [int(bar[1]) for bar in sampler.run(rows)]


def mean(values: Any, span: int) -> float:
    """Exponentially weighted over all values."""
    weights = (1 - 2 / (span + 1)) ** np.arange(len(values))[::-1]
    return float(np.dot(values, weights) / weights.sum()) if len(values) else 0.0


def whole_history(library: type, spans: tuple[int, int]) -> type:
    """The sampler with means over the whole history."""

    class WholeHistory(library):  # type: ignore[misc]
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.thresholds["exp_num_ticks"] = SIZE * REACH

        def _get_expected_imbalance(self, *given: Any, warm_up: bool = True) -> float:
            values = given[0] if len(given) == 2 else self.imbalance_tick_statistics["imbalance_array"]
            if not self.imbalance_tick_statistics["num_ticks_bar"] and self.cum_statistics["cum_ticks"] < SIZE:
                return np.nan
            return mean(values, spans[0])

        def _get_exp_num_ticks(self) -> float:
            return REACH * mean(self.imbalance_tick_statistics["num_ticks_bar"], spans[1])

    return WholeHistory


def main() -> None:
    """Print the answers as JSON."""
    standard = import_module("mlfinpy.data_structure.standard_bars").StandardBars
    imbalance = import_module("mlfinpy.data_structure.imbalance_bars").EMAImbalanceBars
    run = import_module("mlfinpy.data_structure.run_bars").EMARunBars
    names = {"tick": "cum_ticks", "volume": "cum_volume", "dollar": "cum_dollar_value"}
    answers = {f"{unit}={size}": ends(standard(names[unit], size)) for unit, size in STANDARD.items()}
    for unit in STANDARD:
        kind = f"{unit}_imbalance"
        own = whole_history(imbalance, (SPAN_TICKS, SPAN_BARS))
        answers[f"{kind}={SIZE} {SPAN_TICKS} {SPAN_BARS}"] = ends(own(kind, SPAN_BARS, SPAN_TICKS, SIZE))
        bounded = own(kind, SPAN_BARS, SPAN_TICKS, SIZE)
        bounded._get_exp_num_ticks = lambda sampler=bounded: min(max(type(sampler)._get_exp_num_ticks(sampler), 20), 60)
        answers[f"{kind}={SIZE}:20:60 {SPAN_TICKS} {SPAN_BARS}"] = ends(bounded)
        kind = f"{unit}_run"
        own = whole_history(run, (SPAN_TICKS, 1))  # its share of buys forgets all but the last `span` bars: one
        answers[f"{kind}={SIZE} {SPAN_TICKS} 1"] = ends(own(kind, 1, SPAN_TICKS, SIZE))
    for unit in ("volume", "dollar"):  # as it is: with spans of one, nothing is forgotten too early
        answers[f"{unit}_imbalance={SIZE} 1 1"] = ends(imbalance(f"{unit}_imbalance", 1, 1, SIZE))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
