"""Colours and type of the quality report's pictures."""

from typing import Any, NamedTuple

from matplotlib.typing import RcKeyType

BLUE, RED, SLATE, INK, RULE = "#0072b2", "#d55e00", "#7f9bb3", "#1f2933", "#dde2e8"
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#eef1f4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.3,
}


class Grade(NamedTuple):
    """Scores from `least` on, up to the next grade."""

    least: float
    label: str
    colour: str


GRADES = (
    Grade(0.999, "99.9 % and better", "#d6e6f4"),
    Grade(0.99, "99 to 99.9", "#fee8a0"),
    Grade(0.95, "95 to 99", "#fdbf45"),
    Grade(0.80, "80 to 95", "#ea7317"),
    Grade(0.50, "50 to 80", "#ad3c06"),
    Grade(0.0, "below 50", "#541b05"),
)
"""From light to dark, and blue apart from brown."""
