"""Operators with state keep their number while what they hold stays the same, and what would lose rows is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from jobs import plans
from jobs.plans import Operator

TRADES = ("symbol", "venue", "price")
CANDLE = "ROW<volume DECIMAL(38, 12)>"


@dataclass
class Sketch:
    """A compiled plan with what matters here, as Flink prints it."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, columns: Sequence[str], *inputs: int, **told: Any) -> int:
        number = len(self.nodes) + 1
        fields = [{"name": column} for column in columns]
        described = {"id": number, "type": f"stream-exec-{kind}_1", "outputType": {"fields": fields}}
        self.nodes.append({**described, **told})
        self.edges += [{"source": each, "target": number} for each in inputs]
        return number

    def source(self, table: str = "trades", columns: Sequence[str] = TRADES) -> int:
        return self.add("table-source-scan", columns, scanTableSource=_table(table))

    def calc(self, before: int, *indexes: int) -> int:
        columns = [self.nodes[before - 1]["outputType"]["fields"][index]["name"] for index in indexes]
        return self.add("calc", columns, before, projection=[_input(index) for index in indexes])

    def window(self, before: int, size: str, key: int = 0, result: str = CANDLE) -> int:
        exchange = self.add("exchange", [each["name"] for each in self._fields(before)], before)
        windowing = {"window": {"type": "TumblingWindow", "size": size}}
        calls = [{"name": "candle", "class": "tickloom.MergeCandles", "type": result}]
        column = self._fields(before)[key]["name"]
        return self.add(
            "window-aggregate", [column, "candle"], exchange, grouping=[key], aggCalls=calls, windowing=windowing
        )

    def join(self, left: int, right: int, *columns: str, key: int = 0) -> int:
        """As of the left's time; `columns` are those of both."""
        join = self.add("temporal-join", columns, left, right, joinSpec={"leftKeys": [key], "rightKeys": [0]})
        for column in self._fields(join):
            column["fieldType"] = "STRING"
        return join

    def sink(self, table: str, before: int) -> int:
        return self.add("sink", [], before, dynamicTableSink=_table(table))

    def _fields(self, node: int) -> list[dict[str, str]]:
        return list(self.nodes[node - 1]["outputType"]["fields"])

    @property
    def plan(self) -> plans.Plan:
        return {"flinkVersion": "2.3", "nodes": self.nodes, "edges": self.edges}


def _table(name: str) -> dict[str, Any]:
    return {"table": {"identifier": f"`default_catalog`.`default_database`.`{name}`"}}


def _input(index: int) -> dict[str, Any]:
    return {"kind": "INPUT_REF", "inputIndex": index}


def candles(*sizes: str, key: int = 0, result: str = CANDLE, filtered: bool = False) -> list[Operator]:
    """trades → windows, each from the one before, each with a sink."""
    sketch = Sketch()
    before = sketch.source()
    if filtered:
        before = sketch.calc(before, 2, 1, 0)
        key = 2 - key
    for size in sizes:
        before = sketch.window(before, size, key, result)
        sketch.sink(f"candles_{size}", before)
        key = 0
    return plans.operators(sketch.plan)


def test_a_plan_tells_its_state_and_where_rows_go_next() -> None:
    merges = (f"tickloom.MergeCandles {CANDLE}",)
    assert candles("PT1M", "PT5M") == [
        Operator("source trades", feeds=("tumbling PT1M",)),
        Operator("tumbling PT1M", ("symbol",), merges, ("sink candles_PT1M", "tumbling PT5M")),
        Operator("sink candles_PT1M"),
        Operator("tumbling PT5M", ("symbol",), merges, ("sink candles_PT5M",)),
        Operator("sink candles_PT5M"),
    ]


def test_numbers_follow_from_roles_and_edges_follow_the_numbers() -> None:
    sketch = Sketch()
    sketch.sink("late", sketch.calc(sketch.source(), 0))
    numbered = plans.numbered(sketch.plan)
    source, calc, sink = (node["id"] for node in numbered["nodes"])
    assert (source, sink) == (Operator("source trades").id, Operator("sink late").id)
    assert calc == 1
    assert numbered["edges"] == [{"source": source, "target": 1}, {"source": 1, "target": sink}]
    assert sketch.plan["nodes"][0]["id"] == 1, "the plan that was given stays as it is"


@pytest.mark.parametrize(
    ("changed", "new", "dropped"),
    [
        (candles("PT1M", "PT5M", "PT1H"), ["tumbling PT1H", "sink candles_PT1H"], []),
        (candles("PT1M", "PT2M", "PT5M"), ["tumbling PT2M", "sink candles_PT2M"], []),
        (candles("PT1M"), [], ["tumbling PT5M", "sink candles_PT5M"]),
        (candles("PT1M", "PT5M", filtered=True), [], []),
    ],
    ids=["a longer resolution", "one between", "the longest no more", "a filter that moves the columns"],
)
def test_state_is_kept_around_what_changes(changed: list[Operator], new: list[str], dropped: list[str]) -> None:
    found = plans.difference(candles("PT1M", "PT5M"), changed)
    assert (list(found.new), list(found.dropped), found.refused) == (new, dropped, ())
    assert set(found.kept) == {each.role for each in changed} - set(new)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (candles("PT5M"), "tumbling PT1M would be dropped with rows that tumbling PT5M has not seen yet"),
        (candles("PT1M", "PT5M", key=1), "tumbling PT1M keeps its state by symbol, not by venue"),
        (
            candles("PT1M", "PT5M", result="BIGINT"),
            f"tumbling PT1M holds tickloom.MergeCandles {CANDLE}, not tickloom.MergeCandles BIGINT",
        ),
    ],
    ids=["a resolution that feeds another", "another key", "another result"],
)
def test_what_would_lose_or_misread_state_is_refused(changed: list[Operator], reason: str) -> None:
    assert reason in plans.difference(candles("PT1M", "PT5M"), changed).refused


def enriched(*of_instrument: str, key: int = 0) -> list[Operator]:
    """trades, each with these columns of its instrument."""
    sketch = Sketch()
    trades, instruments = sketch.source(), sketch.source("instruments", ("symbol", *of_instrument))
    right = sketch.add("drop-update-before", ("symbol", *of_instrument), instruments)
    sketch.sink("enriched", sketch.join(trades, right, *TRADES, "symbol0", *of_instrument, key=key))
    return plans.operators(sketch.plan)


def test_a_join_is_known_by_what_it_joins_and_holds_the_columns_of_both() -> None:
    columns = ("symbol STRING", "venue STRING", "price STRING", "symbol0 STRING", "expiry STRING")
    assert enriched("expiry") == [
        Operator("source trades", feeds=("join trades, instruments",)),
        Operator("source instruments", feeds=("join trades, instruments",)),
        Operator("join trades, instruments", ("symbol",), columns, ("sink enriched",)),
        Operator("sink enriched"),
    ]


def test_a_join_of_other_columns_or_by_another_key_is_refused() -> None:
    kept = enriched("expiry")
    assert plans.difference(kept, enriched("expiry")).refused == ()
    (columns,) = plans.difference(kept, enriched("strike")).refused
    assert columns.startswith("join trades, instruments holds ")
    assert (
        "join trades, instruments keeps its state by symbol, not by venue"
        in plans.difference(kept, enriched("expiry", key=1)).refused
    )


def test_an_operator_that_may_have_state_of_an_unknown_kind_is_an_error() -> None:
    sketch = Sketch()
    sketch.sink("pairs", sketch.add("join", ["symbol"], sketch.source(), sketch.source("quotes")))
    with pytest.raises(plans.PlanError, match="join: it is not known here"):
        plans.operators(sketch.plan)


def test_two_operators_of_one_role_are_an_error() -> None:
    sketch = Sketch()
    source = sketch.source()
    for table in ("all", "some"):
        sketch.sink(table, sketch.window(source, "PT1M"))
    with pytest.raises(plans.PlanError, match="tumbling PT1M: two operators"):
        plans.operators(sketch.plan)


def test_operators_are_the_same_after_a_way_through_json() -> None:
    for each in candles("PT1M"):
        assert Operator.from_dict(each.to_dict()) == each
