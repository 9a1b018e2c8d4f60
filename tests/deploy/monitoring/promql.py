"""The metrics that PromQL names, and whether they are among the samples of a scrape."""

import re
from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from ruamel.yaml import YAML

from deploy import paths
from deploy.monitoring import panels

SELECTOR = re.compile(r"\b((?:flink|tickloom)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')
QUALITY = ("judgedMinutes", "poorMinutes", "scoreBasisPoints")
CAPTURE = ("tickloom_reference_",)
INTAKE = ("tickloom_signals_",)
"""Of the quality job, of `reference run` and of `signals run`, whose tests look for them."""
OTHER = {"up", "ALERTS"}
"""Prometheus' own."""


def expressions() -> Iterator[str]:
    """All there are, of alerts and of dashboards."""
    for group in YAML(typ="safe").load(paths.ROOT / "deploy" / "monitoring" / "alerts.yml")["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for dashboard in panels.described().values():
        for panel in dashboard.panels:
            yield from panel.metrics.values()


def naming(metrics: Iterable[str]) -> list[str]:
    """The expressions that have one of these in a metric's name."""
    found = [each for each in expressions() if any(name in each for name in metrics)]
    assert found, f"nothing asks for {metrics}"
    return found


def unanswered(expressions: Iterable[str], metrics: Iterable[Metric]) -> dict[str, list[str]]:
    """The selectors that nothing answers to, by expression."""
    told = list(metrics)
    return {each: nobody for each in expressions if (nobody := unknown(each, told))}


def unknown(expression: str, metrics: Iterable[Metric]) -> list[str]:
    """The selectors of an expression that nothing answers to."""
    samples = [(sample.name, sample.labels) for metric in metrics for sample in metric.samples]
    found = []
    for name, matchers in SELECTOR.findall(expression):
        wanted = MATCHER.findall(matchers)
        if not any(
            name == each and all(_fits(labels.get(key, ""), *how) for key, *how in wanted) for each, labels in samples
        ):
            found.append(f"{name}{{{matchers}}}" if matchers else name)
    return found


def strangers(expression: str) -> set[str]:
    """Names of metrics that begin as none of ours does."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring) \([^)]*\)', " ", expression)
    words = set(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare))
    keywords = {"by", "on", "and", "or", "unless", "sum", "max", "min", "without", "ignoring"}
    return {word for word in words - keywords - OTHER if not SELECTOR.fullmatch(word)}


def _fits(value: str, operator: str, wanted: str) -> bool:
    match operator:
        case "=":
            return value == wanted
        case "!=":
            return value != wanted
    return re.fullmatch(wanted, value) is not None
