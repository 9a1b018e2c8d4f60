"""Where Kafka's Java clients put a key: murmur2 of its bytes, positive, modulo the number of partitions."""

_M = 0x5BD1E995
_SEED = 0x9747B28C
_MASK = 0xFFFFFFFF


def partition_of(symbol: str, partitions: int) -> int:
    """The partition of a symbol in a topic with so many partitions."""
    return (murmur2(symbol.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2, unsigned."""
    whole = len(data) - len(data) % 4
    digest = (_SEED ^ len(data)) & _MASK
    for i in range(0, whole, 4):
        word = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        digest = (digest * _M & _MASK) ^ ((word ^ word >> 24) * _M & _MASK)
    if whole < len(data):
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    digest = (digest ^ digest >> 13) * _M & _MASK
    return digest ^ digest >> 15
