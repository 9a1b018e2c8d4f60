"""What the broker's storage is formatted with."""

from deploy.stack.kafka import cluster_id


def test_no_cluster_id_looks_like_an_option() -> None:
    ids = {cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert {len(each) for each in ids} == {22}
    assert not [each for each in ids if each.startswith("-")]
