"""The matrix: a cell is a fault at a moment."""

from typing import NamedTuple

MOMENTS = {
    "inside-window": "anywhere between two checkpoints",
    "barrier": "a checkpoint has just begun",
    "pre-committed": "all tasks have acknowledged a checkpoint, the JobManager has not heard it",
    "completed": "a checkpoint is completed, no transaction committed",
    "between-commits": "the transactions of one sink are committed, those of others not",
    "committed": "all transactions of a checkpoint are committed",
    "restore": "a restarted job is about to take over its transactions",
    "savepoint": "a stop with a savepoint has begun",
    "stopped": "the savepoint of a stop is written, no transaction of it committed",
}


class Fault(NamedTuple):
    """What happens, and the longest time from it to the next completed checkpoint."""

    says: str
    recovery_s_max: float
    jobmanager: bool = False
    """Whether the JobManager is lost: only a cluster that keeps jobs elsewhere can come back."""


FAULTS = {
    "kill-taskmanager": Fault("SIGKILL to the TaskManager", 30),
    "kill-broker": Fault("SIGKILL to the broker", 45),
    "kill-registry": Fault("SIGKILL to the schema registry", 30),
    "freeze-taskmanager": Fault("SIGSTOP to the TaskManager for longer than its heartbeat may fail", 60),
    "freeze-registry": Fault("SIGSTOP to the schema registry for as long as a job takes to start again", 30),
    "delay": Fault("every request and answer between Flink and the broker takes a third of a second more", 30),
    "reset": Fault("all connections between Flink and the broker are reset", 30),
    "half-close": Fault("answers of the broker are lost, then it closes its half of the connections", 45),
    "full-checkpoints": Fault("no room on the disk of JobManager and TaskManager for seconds", 30),
    "full-broker": Fault("no room on the disk of the broker, which gives up then", 45),
    "poison": Fault("a flood of messages that are no trades", 30),
    "jump-within": Fault("a trade as far in the future as the rules allow", 30),
    "jump-beyond": Fault("a trade farther in the future", 30),
    "kill-jobmanager": Fault("SIGKILL to the JobManager", 60, jobmanager=True),
    "kill-both": Fault("SIGKILL to JobManager and TaskManager", 60, jobmanager=True),
}


class Cell(NamedTuple):
    """A fault at a moment, written `moment/fault`."""

    moment: str
    fault: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Read `moment/fault`. Raises ValueError naming what there is."""
        moment, _, fault = text.partition("/")
        if moment not in MOMENTS or fault not in FAULTS:
            raise ValueError(f"no cell {text}: MOMENT/FAULT with one of {', '.join(MOMENTS)} / {', '.join(FAULTS)}")
        return cls(moment, fault)


CELLS = [Cell(moment, fault) for fault in FAULTS for moment in MOMENTS]
