"""The pictures of a quality report: SVG whose text is text, in colours for every kind of colour vision."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from io import StringIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from services import quality_series as series
from services.quality_report import Report
from services.quality_style import BLUE, GRADES, RED, SLATE, STYLE
from services.quality_summary import MEASURES, Summary, percent

SYMBOLS_SHOWN = 40
NAME_WIDTH = 18
WIDTH_IN = 11.4
ROW_IN = 0.21
DATES = ["UTC", "%Y UTC", "%Y-%m UTC", "%Y-%m-%d UTC", "%Y-%m-%d UTC", "%Y-%m-%d %H:%M UTC"]
"""Under the end of an axis, by what its ticks are: years, months, days, hours, minutes, seconds."""


def shown(report: Report) -> list[Summary]:
    """The symbols that pictures with a row each show: the worst."""
    return report.symbols[:SYMBOLS_SHOWN]


def heat_map(report: Report, over: series.Bins) -> str:
    """SVG: the lowest score by symbol and time."""
    rows = shown(report)
    found = series.scores(report.minutes, [each.symbol for each in rows], over)
    with _figure("heat", len(rows) * ROW_IN + 0.6) as (figure, svg):
        axes = figure.add_subplot()
        left, right = over.edges_days[[0, -1]]
        colours = ListedColormap([grade.colour for grade in reversed(GRADES)])
        norm = BoundaryNorm([*(grade.least for grade in reversed(GRADES)), 1.0], colours.N, clip=True)
        extent = (left, right, len(rows) - 0.5, -0.5)
        axes.imshow(found, cmap=colours, norm=norm, aspect="auto", interpolation="none", extent=extent)
        _name_rows(axes, rows)
        axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
        axes.grid(which="minor", axis="y", color="white", linewidth=1.5)
        axes.grid(which="major", visible=False)
        axes.tick_params(which="minor", length=0)
        axes.spines[:].set_visible(False)
        _score_rows(axes, rows)
        _time_axis(axes, over)
    return svg.getvalue()


def measures(report: Report, over: series.Bins) -> str:
    """SVG: every measure over time, the lowest minute and the mean of all."""
    with _figure("measures", 4.4) as (figure, svg):
        for place, name in enumerate(MEASURES, 1):
            _measure(figure.add_subplot(2, 3, place), name, report, over)
        _legend(figure)
    return svg.getvalue()


def lag(report: Report, over: series.Bins) -> str | None:
    """SVG: milliseconds until a candle can be read, over time; None where none is known."""
    middle, worst = series.lags(report.minutes, over)
    if np.isnan(middle).all() and np.isnan(worst).all():
        return None
    with _figure("lag", 2.5) as (figure, svg):
        axes = figure.add_subplot()
        # A logarithm has no zero.
        _steps(axes, over, np.maximum(worst, 1), RED, "p99, worst of the minutes")
        _steps(axes, over, np.maximum(middle, 1), BLUE, "p50, median of the minutes")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda lag_ms, _: f"{lag_ms:,.0f} ms"))
        axes.yaxis.set_minor_locator(NullLocator())
        _time_axis(axes, over)
        _legend(figure)
    return svg.getvalue()


def counts(report: Report) -> str:
    """SVG: what is missing, came twice, was rejected or came late, by symbol."""
    rows = shown(report)
    with _figure("counts", len(rows) * ROW_IN + 0.5) as (figure, svg):
        first = None
        for place, name in enumerate(("missing", "duplicates", "rejected", "late"), 1):
            axes = figure.add_subplot(1, 4, place, sharey=first)
            numbers = [getattr(each, name) or 0 for each in rows]
            axes.set_title(name)
            bars = axes.barh(range(len(rows)), numbers, height=0.62, color=SLATE)
            axes.bar_label(bars, [f"{number:,}" if number else "" for number in numbers], padding=3, fontsize=8)
            axes.set_xlim(0, max(*numbers, 1) * 1.25)
            axes.set_xticks([])
            axes.grid(visible=False)
            axes.spines["bottom"].set_visible(False)
            if first is None:
                first = axes
                _name_rows(axes, rows)
                axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.tick_params(axis="y", length=0, labelleft=axes is first)
    return svg.getvalue()


def _measure(axes: Axes, name: str, report: Report, over: series.Bins) -> None:
    lowest, mean = series.measure(report.minutes, name, over)
    axes.set_title(name)
    if np.isnan(lowest).all():
        axes.text(0.5, 0.5, "not known", ha="center", va="center", color=SLATE, transform=axes.transAxes)
        axes.set_axis_off()
        return
    _steps(axes, over, lowest, RED, "lowest of the minutes")
    _steps(axes, over, mean, BLUE, "mean")
    least = min(float(np.nanmin(lowest)), 0.99)
    axes.set_ylim(least - (1 - least) * 0.05, 1 + (1 - least) * 0.05)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.4g} %"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    _time_axis(axes, over, ticks=4)


@contextmanager
def _figure(name: str, height_in: float) -> Iterator[tuple[Figure, StringIO]]:
    """A figure to draw on; its SVG, from the element on, is there afterwards."""
    svg = StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The reader's fonts show what ours do not have.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        yield figure, svg
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg.write(drawn.getvalue()[drawn.getvalue().index("<svg") :])


def _steps(axes: Axes, over: series.Bins, line: series.Floats, colour: str, label: str) -> None:
    axes.stairs(line, over.edges_days, color=colour, label=label, baseline=None, linewidth=1.3)


def _time_axis(axes: Axes, over: series.Bins, ticks: int = 9) -> None:
    locator = AutoDateLocator(tz=UTC, minticks=2, maxticks=ticks)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC, offset_formats=DATES))
    axes.set_xlim(*over.edges_days[[0, -1]])


def _legend(figure: Figure) -> None:
    labelled = (axes.get_legend_handles_labels() for axes in figure.axes)
    found = next(((handles, labels) for handles, labels in labelled if handles), None)
    if found:
        figure.legend(*found, loc="outside upper right", ncols=2, frameon=False)


def _name_rows(axes: Axes, rows: Sequence[Summary]) -> None:
    names = [each.symbol or "(no symbol)" for each in rows]
    axes.set_yticks(range(len(rows)), [_short(name) for name in names])


def _short(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"


def _score_rows(axes: Axes, rows: Sequence[Summary]) -> None:
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(range(len(rows)), ["" if each.score is None else percent(each.score) for each in rows])
    beside.tick_params(length=0)
    beside.spines[:].set_visible(False)
