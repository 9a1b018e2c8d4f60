"""The benchmark's own stack."""

from pathlib import Path

import pytest

from bench import cluster
from deploy.errors import UserError
from deploy.locks import hold


def test_a_second_benchmark_leaves_the_stack_of_the_first_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bench"
    monkeypatch.setattr(cluster, "FOLDER", folder)
    folder.mkdir()
    with folder.with_suffix(".lock").open("a+") as lock:
        hold(lock, folder)
        print(4711, file=lock, flush=True)
        with (
            pytest.raises(UserError, match=f"process 4711 works in {folder} already: end it first"),
            cluster.fresh_stack(False, lambda part, seconds: None),
        ):
            pytest.fail("two stacks in one folder")
    assert folder.is_dir()
