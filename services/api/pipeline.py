"""What the Flink cluster says of its jobs, for people who look at the pipeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT_S = 10
COUNTERS = ("trades", "duplicates", "lateTrades", "rejectedTrades")
"""Of the fold of the candle job: udfs/jvm/tickloom/Fold.java."""
RUNS = 20
"""Latest runs of jobs that are told; each is a mark on the time line."""


@dataclass(frozen=True)
class Pipeline:
    """The jobs of a cluster whose REST API is at `client`'s base URL."""

    client: httpx.AsyncClient

    async def jobs(self) -> list[dict[str, Any]]:
        """Running jobs first, then the latest that have ended. Raises httpx.HTTPError when the cluster is away."""
        found = (await self._get("/jobs/overview"))["jobs"]
        found.sort(key=lambda job: (job["state"] != "RUNNING", -job["start-time"]))
        return [await self._job(job) for job in found[:RUNS]]

    async def _job(self, job: dict[str, Any]) -> dict[str, Any]:
        told = {
            "id": job["jid"],
            "name": job["name"],
            "state": job["state"],
            "started_ms": job["start-time"],
            "ended_ms": job["end-time"] if job["end-time"] > 0 else None,
        }
        return told | (await self._running(job["jid"]) if job["state"] == "RUNNING" else {})

    async def _running(self, job: str) -> dict[str, Any]:
        checkpoints = await self._get(f"/jobs/{job}/checkpoints")
        latest = checkpoints["latest"]["completed"] or {}
        vertices = (await self._get(f"/jobs/{job}"))["vertices"]
        return {
            "checkpoints": checkpoints["counts"]["completed"],
            "failed_checkpoints": checkpoints["counts"]["failed"],
            "latest_checkpoint_ms": latest.get("latest_ack_timestamp"),
            "latest_checkpoint_took_ms": latest.get("end_to_end_duration"),
            "restarts": int(await self._metric(f"/jobs/{job}/metrics?get=numRestarts")),
            "watermark_ms": await self._watermark(job, vertices),
            **await self._counters(job, vertices),
        }

    async def _watermark(self, job: str, vertices: list[dict[str, Any]]) -> int | None:
        """Of the slowest subtask of the first vertex that has one."""
        for vertex in vertices[1:]:
            found = await self._get(f"/jobs/{job}/vertices/{vertex['id']}/watermarks")
            values = [int(each["value"]) for each in found if int(each["value"]) > -(2**63)]
            if values:
                return min(values)
        return None

    async def _counters(self, job: str, vertices: list[dict[str, Any]]) -> dict[str, int]:
        source = f"/jobs/{job}/vertices/{vertices[0]['id']}/subtasks/metrics"
        known = [each["id"] for each in await self._get(source)]
        wanted = [name for name in known if name.endswith(tuple(f"fold.{counter}" for counter in COUNTERS))]
        if not wanted:
            return {}
        found = await self._get(f"{source}?get={','.join(wanted)}&agg=sum")
        return {counter: _sum(found, f".{counter}") for counter in COUNTERS}

    async def _metric(self, path: str) -> float:
        return float((await self._get(path) or [{"value": 0}])[0]["value"])

    async def _get(self, path: str) -> Any:
        answer = await self.client.get(path, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()


def _sum(metrics: Iterable[dict[str, Any]], ending: str) -> int:
    return int(sum(float(each["sum"]) for each in metrics if each["id"].endswith(ending)))
