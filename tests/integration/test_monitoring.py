"""What alerts and dashboards ask for is what a running stack tells."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy import audit_metrics
from deploy.audit import Report
from deploy.monitoring import panels
from deploy.stack import Stack, ports
from services.oracle import CandleKey
from services.projections.agreement import Difference
from services.projections.postgres import Postgres
from tests.deploy.monitoring.promql import (
    CAPTURE,
    INTAKE,
    QUALITY,
    expressions,
    naming,
    strangers,
    unanswered,
    unknown,
)
from tests.integration import stacks
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.services.candles import candle
from tests.services.tape import trade

pytestmark = pytest.mark.integration


def scrape(address: str) -> list[Metric]:
    """What a target tells now."""
    text = httpx.get(f"http://{address}/metrics", timeout=20, trust_env=False).raise_for_status().text
    return list(text_string_to_metric_families(text))


def addresses(stack: Stack) -> list[str]:
    return [f"{ports.HOST}:{port}" for port in (stack.ports.jobmanager_metrics, stack.ports.taskmanager_metrics)]


@pytest.fixture
def fresh(stack_folder: Path) -> Stack:
    """A stack without the jobs and the candles of other tests."""
    return stacks.up(stack_folder)


@pytest.fixture
def candle_job(fresh: Stack) -> Iterator[list[Metric]]:
    """What the cluster tells of a job that has read trades and something else, and committed candles."""
    feed = Feed(fresh)
    with CandleJob.submit(fresh, settings(fresh, feed)):
        for number in range(100):
            feed.send(number % 2, trade(START_NS + number * 10**8, symbol=feed.symbol("A")))
        feed.send_bytes(0, b"no trade")
        feed.flush()
        told = list[Metric]()

        def committed() -> bool:
            told[:] = [metric for address in addresses(fresh) for metric in scrape(address)]
            counted = total(told, "flink_taskmanager_job_task_operator_successfulCommittables")
            return counted > 0 and total(told, "flink_taskmanager_job_task_operator_rejectedTrades") == 1

        wait_until(committed, "a commit that is told")
        yield told


def total(metrics: list[Metric], name: str) -> float:
    return sum(sample.value for metric in metrics for sample in metric.samples if sample.name == name)


@pytest.fixture
def projection(fresh: Stack) -> Iterator[list[Metric]]:
    """What a projection tells that has written nothing yet."""
    (port,) = ports.free(1)
    process = subprocess.Popen(
        stacks.command("project", "run", "postgres", f"--metrics-port={port}"),
        env=stacks.environment(fresh.folder),
    )
    told = list[Metric]()

    def measured() -> bool:
        try:
            told[:] = scrape(f"{ports.HOST}:{port}")
        except httpx.HTTPError:
            return False
        return not unknown("tickloom_projection_lag_records", told)

    try:
        wait_until(measured, "a projection that tells its lag")
        yield told
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def audit(tmp_path: Path) -> list[Metric]:
    """What an audit leaves for node exporter."""
    report = Report(messages=3, accounted=2, accepted=2, duplicates=0, changes=0, rejected=0)
    report.stores["postgres"] = [Difference(CandleKey.of(candle()), "missing")]
    audit_metrics.write(tmp_path / "audit.prom", report)
    return list(text_string_to_metric_families((tmp_path / "audit.prom").read_text()))


@pytest.mark.thorough
def test_every_metric_of_alerts_and_dashboards_is_told(
    candle_job: list[Metric], projection: list[Metric], audit: list[Metric]
) -> None:
    told = [*candle_job, *projection, *audit]
    elsewhere = {each for names in (QUALITY, CAPTURE, INTAKE) for each in naming(names)}
    assert unanswered(set(expressions()) - elsewhere, told) == {}
    misspelt = 'sum(rate(flink_taskmanager_job_task_operator_tradez[1m])) > tickloom_projection_lag{projection="x"}'
    assert unknown(misspelt, told) == [
        "flink_taskmanager_job_task_operator_tradez",
        'tickloom_projection_lag{projection="x"}',
    ]
    assert unknown('flink_taskmanager_job_task_operator_trades{operator_name="flod"}', told)
    assert total(audit, "tickloom_audit_messages_unaccounted") == 1
    assert total(audit, "tickloom_audit_store_differences") == 1


def test_every_metric_is_flinks_or_ours() -> None:
    assert {each: other for each in expressions() if (other := strangers(each))} == {}
    assert strangers('sum by (job_name) (rate(flik_trades{a="b"}[5m])) > 1') == {"flik_trades"}


@pytest.mark.parametrize(
    ("name", "panel"),
    [(name, panel) for name, each in panels.described().items() for panel in each.panels if panel.sql],
    ids=lambda each: each if isinstance(each, str) else each.title,
)
def test_the_sql_of_a_panel_finds_candles(name: str, panel: panels.Panel, url: str) -> None:
    with Postgres(url) as store:
        store.prepare()
        store.write([candle(number, revision=number % 2, resolution="1m") for number in range(3)])
    with psycopg.connect(url) as connection:
        found = connection.execute(expanded(panel.sql))
        rows, columns = found.fetchall(), [column.name for column in found.description or ()]
    assert rows
    assert panel.kind == "table" or columns[0] == "time", f"{name}: Grafana draws along a column called time"


def test_what_a_reader_may_choose_is_what_there_is(url: str) -> None:
    with Postgres(url) as store:
        store.prepare()
        store.write([candle(resolution="1m"), candle(resolution="1s", symbol="B")])
    found = {}
    with psycopg.connect(url) as connection:
        for variable in panels.described()["market"].variables:
            found[variable.name] = [row[0] for row in connection.execute(variable.sql)]
    assert found == {"symbol": ["A", "B"], "resolution": ["1s", "1m"]}


def expanded(sql: str) -> str:
    """As Grafana does: its macro becomes a period, a variable a choice."""
    chosen = {"${symbol:sqlstring}": "'A'", "${resolution:sqlstring}": "'1m'"}
    for name, value in chosen.items():
        sql = sql.replace(name, value)
    return sql.replace("$__timeFilter(window_start)", "window_start BETWEEN '2023-11-01Z' AND '2023-12-01Z'")


def test_the_command_writes_what_prometheus_and_grafana_read(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "monitoring"
    stacks.tickloom(stack.folder, "monitoring", str(folder), "--target=projection=127.0.0.1:9100")
    groups = json.loads((folder / "targets" / "tickloom.json").read_text())
    assert {each["labels"]["service"]: each["targets"] for each in groups} == {
        **{service: [each] for service, each in zip(("jobmanager", "taskmanager"), addresses(stack), strict=True)},
        "projection": ["127.0.0.1:9100"],
    }
    (folder / "alertmanager.yml").write_text("# mine\n")
    stacks.tickloom(stack.folder, "monitoring", str(folder))
    assert (folder / "alertmanager.yml").read_text() == "# mine\n"
    assert {file.stem for file in (folder / "grafana" / "dashboards").iterdir()} == {"business", "market", "pipeline"}


def test_without_a_stack_and_a_target_there_is_nothing_to_write(tmp_path: Path) -> None:
    refused = stacks.tickloom(tmp_path, "monitoring", str(tmp_path / "monitoring"), check=False)
    assert refused.returncode == 1
    assert "`tickloom up`, or name what is to be scraped" in refused.stderr
