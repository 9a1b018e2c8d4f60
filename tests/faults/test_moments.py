"""Which requests are let pass, and which are kept back, to come between the commits of two sinks."""

import time

from tests.faults import wire
from tests.faults.moments import QUIET_S, FirstSinkPasses
from tests.faults.test_proxy import end_txn
from tests.faults.wire import Request


def commit(topic: str, subtask: int = 0) -> Request:
    return wire.request(end_txn(1, f"p/candles/{topic}/-{subtask}-1"))


def abort(topic: str) -> Request:
    return wire.request(end_txn(1, f"p/candles/{topic}/-0-1", commit=False))


def test_the_first_sink_passes_with_all_its_subtasks_and_others_are_kept_back() -> None:
    kept_back = FirstSinkPasses()
    assert not kept_back(commit("1s"))
    assert kept_back(commit("1m"))
    assert not kept_back(commit("1s", subtask=1))
    assert kept_back(commit("5m"))
    assert kept_back.passed == "1s"


def test_what_comes_later_is_of_another_checkpoint() -> None:
    kept_back = FirstSinkPasses()
    assert not kept_back(commit("1s"))
    time.sleep(2 * QUIET_S)
    assert not kept_back(commit("1m"))
    assert kept_back.passed == "1m"


def test_aborts_and_other_requests_pass() -> None:
    kept_back = FirstSinkPasses()
    assert not kept_back(commit("1s"))
    assert not kept_back(abort("1m"))
    assert not kept_back(commit("1m")._replace(api=wire.INIT_PRODUCER_ID))
