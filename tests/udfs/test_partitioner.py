"""Keys go where Kafka's Java clients put them."""

import pytest

from udfs.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed_hash"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_hashes_known_from_the_java_client(key: bytes, signed_hash: int) -> None:
    assert murmur2(key) == signed_hash % 2**32


def test_a_negative_hash_loses_its_sign_and_nothing_else() -> None:
    assert partition_of("foobar", 10) == (-790332482 & 0x7FFFFFFF) % 10 == 6
