"""Peers are named, and told what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.comparison import peers
from bench.peers.systems import PEERS, PythonPeer
from deploy import paths
from deploy.errors import UserError


def test_a_peer_that_is_not_known_is_told_with_those_that_are() -> None:
    result = CliRunner().invoke(peers, ["storm"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "no peer storm: jet, streams, limit, bytewax, quix"


def test_a_peer_that_is_not_installed_says_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "STATE", tmp_path)
    for peer in PEERS.values():
        if isinstance(peer, PythonPeer):
            with pytest.raises(UserError, match=f"{peer.name} is not installed: `make bench-peers` installs it"):
                peer.commands(tmp_path)


def test_every_peer_says_what_it_guarantees() -> None:
    assert all(peer.guarantee for peer in PEERS.values())
    assert PEERS["bytewax"].guarantee == "at least once"
