"""What the rules say of trades: one table that Python and the JVM core are both held to."""

from dataclasses import dataclass, field
from typing import Any

from schemas.models import Trade

AT = 1_700_000_000 * 10**9
SECOND_NS = 10**9
RULES = """
version = 1

[[rules]]
name = "future"
kind = "future"
ahead_ms_max = 1_000
severity = "reject"

[[rules]]
name = "price"
kind = "range"
field = "price"
above = "0"
severity = "reject"

[[rules]]
name = "price"
kind = "range"
field = "price"
symbols = ["$SPREAD*", "$*-OIL-?"]
severity = "off"

[[rules]]
name = "price"
kind = "range"
field = "price"
symbols = ["$SPREAD-BOUNDED"]
at_least = "-1.5"
at_most = "1.5"
severity = "reject"

[[rules]]
name = "dear"
kind = "range"
field = "price"
below = "1000000"
severity = "flag"

[[rules]]
name = "lot"
kind = "range"
field = "size"
symbols = ["$LOT"]
at_least = "100"
at_most = "10000.5"
severity = "reject"

[[rules]]
name = "stale"
kind = "stale"
age_ms_max = 60_000
severity = "flag"

[[rules]]
name = "venue"
kind = "allowed"
field = "venue"
values = ["XNAS", "XNYS", "Börse"]
severity = "reject"

[[rules]]
name = "conditions"
kind = "allowed"
field = "conditions"
values = ["@", "odd lot"]
severity = "flag"

[[rules]]
name = "listed"
kind = "allowed"
field = "symbol"
values = ["$SPREAD*", "$*-OIL-?", "$LOT", "$A", "$É?", "$NEEDS-*", "$X[1]", "$LATER"]
severity = "flag"

[[rules]]
name = "no-venue"
kind = "required"
field = "venue"
symbols = ["$NEEDS-VENUE"]
severity = "reject"

[[rules]]
name = "no-id"
kind = "required"
field = "trade_id"
symbols = ["$NEEDS-ID"]
severity = "flag"

[[rules]]
name = "no-sequence"
kind = "required"
field = "sequence"
symbols = ["$NEEDS-SEQUENCE"]
severity = "reject"

[[rules]]
name = "no-receipt"
kind = "required"
field = "ts_recv"
symbols = ["$NEEDS-RECEIPT"]
severity = "reject"

[[rules]]
name = "no-conditions"
kind = "required"
field = "conditions"
symbols = ["$NEEDS-CONDITIONS"]
severity = "reject"

[[rules]]
name = "late-in-the-file"
kind = "range"
field = "price"
symbols = ["$LATER"]
below = "1"
severity = "reject"
"""


def rules_text(prefix: str = "") -> str:
    """The rules, for symbols that begin with a prefix."""
    return RULES.replace("$", prefix)


@dataclass(frozen=True)
class Case:
    """A trade, and the rule and severity by which it is reported, or None."""

    says: str
    expected: tuple[str, str] | None
    price: str = "1"
    size: str = "1"
    symbol: str = "A"
    ts_event: int = AT
    kafka_after_ms: int = 0
    """The Kafka timestamp, from AT."""
    fields: dict[str, Any] = field(default_factory=dict)

    def trade(self, prefix: str = "") -> Trade:
        """The trade of the case; its symbol, if it has one, begins with the prefix."""
        symbol = self.symbol and prefix + self.symbol
        amounts = {"price": self.price, "size": self.size}
        return Trade.from_avro({"symbol": symbol, "ts_event": self.ts_event, **amounts, **self.fields})

    @property
    def ts_kafka(self) -> int:
        """The Kafka timestamp in nanoseconds."""
        return AT + self.kafka_after_ms * 10**6


REJECT, FLAG = "reject", "flag"
BUST = {"original_trade_id": "7", "original_ts_event": AT}
CASES = (
    Case("a good trade", None),
    Case("every field is good", None, fields={"venue": "Börse", "conditions": ["@", "odd lot"], "ts_recv": AT}),
    Case("price 0", ("price", REJECT), price="0"),
    Case("the smallest price", None, price="0.000000000001"),
    Case("a price below 0", ("price", REJECT), price="-1"),
    Case("a spread below 0", None, price="-1", symbol="SPREAD-1"),
    Case("a spread below its own bound", ("price", REJECT), price="-1.500000000001", symbol="SPREAD-BOUNDED"),
    Case("a spread at its own bound", None, price="-1.5", symbol="SPREAD-BOUNDED"),
    Case("a spread above its own bound", ("price", REJECT), price="1.500000000001", symbol="SPREAD-BOUNDED"),
    Case("one character where the pattern has one", None, price="-1", symbol="WTI-OIL-M"),
    Case("two characters where the pattern has one", ("price", REJECT), price="-1", symbol="WTI-OIL-MM"),
    Case("a character of four bytes is one", None, price="-1", symbol="WTI-OIL-😀"),
    Case("a line end is text", None, price="-1", symbol="WTI\n-OIL-M"),
    Case("a price just dear", ("dear", FLAG), price="1000000"),
    Case("a price not yet dear", None, price="999999.999999999999"),
    Case("a price of 38 digits", ("dear", FLAG), price="99999999999999999999999999.999999999999"),
    Case("a lot too small", ("lot", REJECT), size="99.999999999999", symbol="LOT"),
    Case("the smallest lot", None, size="100", symbol="LOT"),
    Case("the largest lot", None, size="10000.5", symbol="LOT"),
    Case("a lot too large", ("lot", REJECT), size="10000.500000000001", symbol="LOT"),
    Case("size 0", ("size", REJECT), size="0"),
    Case("a size below 0", ("size", REJECT), size="-1"),
    Case("the largest size", None, size="999999999999999999.999999999999"),
    Case("a size too large", ("size", REJECT), size="1000000000000000000"),
    Case("as far ahead of its receipt as may be", None, fields={"ts_recv": AT - SECOND_NS}),
    Case("ahead of its receipt", ("future", REJECT), fields={"ts_recv": AT - SECOND_NS - 1}),
    Case("received before 1970", ("future", REJECT), fields={"ts_recv": -1}),
    Case("as far ahead of its Kafka timestamp as may be", None, kafka_after_ms=-1_000),
    Case("ahead of its Kafka timestamp", ("future", REJECT), kafka_after_ms=-1_001),
    Case("as old as may be", None, kafka_after_ms=60_000),
    Case("too old", ("stale", FLAG), kafka_after_ms=60_001),
    Case("received too late", ("stale", FLAG), fields={"ts_recv": AT + 60 * SECOND_NS + 1}),
    Case("too old and of a wrong venue: a rejection goes before a flag", ("venue", REJECT), kafka_after_ms=60_001,
         fields={"venue": "X"}),
    Case("two flags: the first is named", ("stale", FLAG), kafka_after_ms=60_001, fields={"conditions": ["?"]}),
    Case("two rejections: the first is named", ("price", REJECT), price="0", fields={"venue": "X"}),
    Case("another venue", ("venue", REJECT), fields={"venue": "XNA"}),
    Case("a venue that is empty", ("venue", REJECT), fields={"venue": ""}),
    Case("no venue", None),
    Case("another condition", ("conditions", FLAG), fields={"conditions": ["@", "T"]}),
    Case("no conditions", None, fields={"conditions": []}),
    Case("a symbol nobody lists", ("listed", FLAG), symbol="B"),
    Case("a listed symbol with a letter of two bytes", None, symbol="ÉÉ"),
    Case("what regular expressions give a meaning stands for itself", None, symbol="X[1]"),
    Case("and not for what it would match", ("listed", FLAG), symbol="X1"),
    Case("no venue where one is required", ("no-venue", REJECT), symbol="NEEDS-VENUE"),
    Case("a venue where one is required", None, symbol="NEEDS-VENUE", fields={"venue": "XNAS"}),
    Case("no id where one is required", ("no-id", FLAG), symbol="NEEDS-ID"),
    Case("an empty id where one is required", ("no-id", FLAG), symbol="NEEDS-ID", fields={"trade_id": ""}),
    Case("an id where one is required", None, symbol="NEEDS-ID", fields={"trade_id": "0"}),
    Case("no sequence where one is required", ("no-sequence", REJECT), symbol="NEEDS-SEQUENCE"),
    Case("sequence 0 where one is required", None, symbol="NEEDS-SEQUENCE", fields={"sequence": 0}),
    Case("no receipt where one is required", ("no-receipt", REJECT), symbol="NEEDS-RECEIPT"),
    Case("a receipt where one is required", None, symbol="NEEDS-RECEIPT", fields={"ts_recv": AT}),
    Case("no conditions where they are required", ("no-conditions", REJECT), symbol="NEEDS-CONDITIONS"),
    Case("conditions where they are required", None, symbol="NEEDS-CONDITIONS", fields={"conditions": ["@"]}),
    Case("a flag, then a rejection further down", ("late-in-the-file", REJECT), price="1000000", symbol="LATER"),
    Case("a symbol too long", ("symbol", REJECT), symbol="x" * 257),
    Case("a symbol with a NUL", ("symbol", REJECT), symbol="A\0"),
    Case("a venue too long", ("venue", REJECT), fields={"venue": "é" * 129}),
    Case("an id too long", ("trade_id", REJECT), fields={"trade_id": "x" * 257}),
    Case("no symbol", ("symbol", REJECT), symbol=""),
    Case("a time before 1970", ("ts_event", REJECT), ts_event=0),
    Case("a cancel needs no price and no size", None, "0", "0", fields={"action": "cancel", **BUST}),
    Case("a correction needs a price", ("price", REJECT), "0", fields={"action": "correct", **BUST}),
    Case("a correction needs a size", ("size", REJECT), size="0", fields={"action": "correct", **BUST}),
    Case("a cancel of nothing", ("original", REJECT), fields={"action": "cancel", "original_ts_event": AT}),
    Case("a cancel of no time", ("original", REJECT), fields={"action": "cancel", "original_trade_id": "7"}),
    Case("a cancel of another venue", ("venue", REJECT), fields={"action": "cancel", "venue": "X", **BUST}),
)  # fmt: skip
