"""Compiled plans of SQL jobs, whose operators with state are known by what the state is.

Flink finds an operator's state by its uid, and the planner's uids count operators: one more resolution would shift
the numbers of those behind it, and lose their state. Here the number follows from the operator's role, so that a
job may change around it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

Plan = Mapping[str, Any]
"""A compiled plan as Flink prints it: `nodes`, and `edges` between them."""

STATELESS = ("calc", "exchange", "union", "watermark-assigner", "drop-update-before")
FIRST_ID, LAST_ID = 1_000, 99_999_999
"""Numbers of operators with state; those without are counted from 1 on."""


class PlanError(ValueError):
    """A plan has an operator that this module cannot name."""


@dataclass(frozen=True)
class Operator:
    """An operator with state. `feeds` are the roles of those that get its rows next."""

    role: str
    """Such as `source trades`, `tumble PT1M`, `join ticks, instrument_changes` or `sink candles_1m`."""
    keys: tuple[str, ...] = ()
    """Columns of the source that its state is kept by."""
    functions: tuple[str, ...] = ()
    """Aggregates with the type of their result, or the columns that a join keeps with their types."""
    feeds: tuple[str, ...] = ()

    @property
    def id(self) -> int:
        """The number of its node."""
        digest = int.from_bytes(hashlib.sha256(self.role.encode()).digest()[:8])
        return FIRST_ID + digest % (LAST_ID - FIRST_ID)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The reverse of `to_dict`."""
        lists = ("keys", "functions", "feeds")
        return cls(given["role"], **{name: tuple(given[name]) for name in lists})


@dataclass(frozen=True)
class Difference:
    """What becomes of the state of a job when another plan goes on with it, by roles."""

    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    refused: tuple[str, ...]
    """Why it cannot go on; empty when it can."""


def operators(plan: Plan) -> list[Operator]:
    """Its operators with state, in the plan's order. Raises PlanError for kinds unknown here, or twice the same."""
    found = [each for _, each in _Graph(plan).operators()]
    roles = [each.role for each in found]
    if len({each.id for each in found}) != len(found):
        raise PlanError(f"{max(roles, key=roles.count)}: two operators of a plan have this role, or its number")
    return found


def numbered(plan: Plan) -> dict[str, Any]:
    """The plan with the ids of its operators. Raises PlanError as `operators` does."""
    operators(plan)
    named = {node: operator.id for node, operator in _Graph(plan).operators()}
    others = (node["id"] for node in plan["nodes"] if node["id"] not in named)
    ids = named | {node: number for number, node in enumerate(others, 1)}
    return {
        **plan,
        "nodes": [{**node, "id": ids[node["id"]]} for node in plan["nodes"]],
        "edges": [{**edge, "source": ids[edge["source"]], "target": ids[edge["target"]]} for edge in plan["edges"]],
    }


def difference(old: list[Operator], new: list[Operator]) -> Difference:
    """What a job with the operators `new` finds of the state of one with the operators `old`."""
    before, after = {each.role: each for each in old}, {each.role: each for each in new}
    kept = tuple(role for role in after if role in before)
    dropped = tuple(role for role in before if role not in after)
    changed = (reason for role in kept for reason in _changed(before[role], after[role]))
    lost = (reason for role in dropped for reason in _lost(before[role], after))
    return Difference(kept, tuple(role for role in after if role not in before), dropped, (*changed, *lost))


def _changed(old: Operator, new: Operator) -> Iterator[str]:
    if old.keys != new.keys:
        yield f"{old.role} keeps its state by {_list(old.keys)}, not by {_list(new.keys)}"
    if old.functions != new.functions:
        yield f"{old.role} holds {_list(old.functions)}, not {_list(new.functions)}"


def _lost(dropped: Operator, after: Mapping[str, Operator]) -> Iterator[str]:
    """Rows that wait in a dropped operator never reach one behind it that stays, unless that only writes them."""
    for role in dropped.feeds:
        if role in after and not role.startswith("sink "):
            yield f"{dropped.role} would be dropped with rows that {role} has not seen yet"
    if dropped.role.startswith("source "):
        yield f"{dropped.role} would be dropped with its offsets"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


class _Graph:
    def __init__(self, plan: Plan) -> None:
        self.nodes = {node["id"]: node for node in plan["nodes"]}
        self.inputs: dict[int, list[int]] = {node: [] for node in self.nodes}
        self.outputs: dict[int, list[int]] = {node: [] for node in self.nodes}
        for edge in plan["edges"]:
            self.inputs[edge["target"]].append(edge["source"])
            self.outputs[edge["source"]].append(edge["target"])

    def operators(self) -> Iterator[tuple[int, Operator]]:
        """Each with the id of its node."""
        for node in self.nodes:
            role = self._role(node)
            if role:
                yield node, Operator(role, self._keys(node), self._functions(node), tuple(self._feeds(node)))

    def _role(self, node: int) -> str | None:
        """What it is; none when it has no state."""
        kind = self._kind(node)
        if kind == "table-source-scan":
            return f"source {_table(self.nodes[node]['scanTableSource'])}"
        if kind == "sink":
            return f"sink {_table(self.nodes[node]['dynamicTableSink'])}"
        if kind == "window-aggregate":
            return _window(self.nodes[node]["windowing"]["window"])
        if kind == "temporal-join":
            return f"join {_list(tuple(self._sources(node)))}"
        if kind in STATELESS:
            return None
        raise PlanError(f"{kind}: it is not known here whether such an operator has state")

    def _kind(self, node: int) -> str:
        return str(self.nodes[node]["type"]).removeprefix("stream-exec-").rpartition("_")[0]

    def _keys(self, node: int) -> tuple[str, ...]:
        described = self.nodes[node]
        grouping = described.get("grouping") or described.get("joinSpec", {}).get("leftKeys", ())
        return tuple(self._column(self.inputs[node][0], index) for index in grouping)

    def _column(self, node: int, index: int) -> str:
        """The column of a source that a node's column is, or the expression that makes it."""
        kind, described = self._kind(node), self.nodes[node]
        if kind == "calc":
            made = described["projection"][index]
            if made["kind"] != "INPUT_REF":
                return str(made.get("internalName", made["kind"]))
            index = int(made["inputIndex"])
        if kind == "window-aggregate" and index < len(described["grouping"]):
            index = described["grouping"][index]
        if self.inputs[node]:
            return self._column(self.inputs[node][0], index)
        return str(described["outputType"]["fields"][index]["name"])

    def _functions(self, node: int) -> tuple[str, ...]:
        if "joinSpec" in self.nodes[node]:
            return tuple(f"{field['name']} {_type(field)}" for field in self.nodes[node]["outputType"]["fields"])
        calls = self.nodes[node].get("aggCalls", ())
        return tuple(f"{call.get('class', call.get('internalName', call['name']))} {call['type']}" for call in calls)

    def _sources(self, node: int) -> Iterator[str]:
        if not self.inputs[node]:
            yield _table(self.nodes[node]["scanTableSource"])
        for each in self.inputs[node]:
            yield from self._sources(each)

    def _feeds(self, node: int) -> Iterator[str]:
        for output in self.outputs[node]:
            role = self._role(output)
            yield from [role] if role else self._feeds(output)


def _table(described: Mapping[str, Any]) -> str:
    return str(described["table"]["identifier"]).split(".")[-1].strip("`")


def _type(field: Mapping[str, Any]) -> str:
    """Of a column; that of event time is described in parts."""
    described = field["fieldType"]
    return described if isinstance(described, str) else str(described["type"])


def _window(window: Mapping[str, Any]) -> str:
    """As `tumble PT1M`: its kind and every length that it has."""
    kind = str(window["type"]).removesuffix("Window").lower()
    lengths = (str(value) for name, value in sorted(window.items()) if name not in ("type", "isRowtime"))
    return " ".join([kind, *lengths])
