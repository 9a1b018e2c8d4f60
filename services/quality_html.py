"""A quality report as a page: one file with its pictures in it, that asks the network for nothing."""

from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from schemas.exact import floor_instant
from services import quality_pictures as pictures
from services.pages import templates
from services.quality_report import Report
from services.quality_series import bins
from services.quality_style import GRADES
from services.quality_summary import MEASURES, lowest_measure, percent

TEMPLATE = "quality_report.html.jinja"
GAPS_SHOWN = 100


def html(report: Report) -> str:
    """The page of a report. Raises ValueError where it has no minute."""
    over = bins(report.start, report.end)
    lag = pictures.lag(report, over)
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            report=report,
            shown=len(pictures.shown(report)),
            bin_minutes=over.minutes,
            gaps=report.gaps[:GAPS_SHOWN],
            heat_map=Markup(pictures.heat_map(report, over)),
            measures=Markup(pictures.measures(report, over)),
            lag=Markup(lag) if lag else None,
            counts=Markup(pictures.counts(report)),
        )
    )


def _environment() -> Environment:
    made = templates(Path(__file__).parent)
    made.globals |= {"GRADES": GRADES, "MEASURES": MEASURES}
    made.filters |= {
        "percent": lambda share: "–" if share is None else percent(share),
        "number": lambda count: "–" if count is None else f"{count:,}",
        "colour": _colour,
        "lowest": lambda judged: lowest_measure(judged) or "",
        "minute": lambda at: f"{floor_instant(at):%Y-%m-%d %H:%M}",
        "time": lambda at: f"{floor_instant(at):%Y-%m-%d %H:%M:%S.%f}"[:-3],
    }
    return made


def _colour(score: float | None) -> str:
    return "transparent" if score is None else next(grade.colour for grade in GRADES if score >= grade.least)
