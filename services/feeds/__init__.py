"""Live feeds of venues: one small module a venue over one connection."""

from collections.abc import Mapping

from services.feeds.binance import Binance
from services.feeds.bitstamp import Bitstamp
from services.feeds.coinbase import Coinbase
from services.feeds.kraken import Kraken
from services.feeds.venue import Venue

VENUES: Mapping[str, Venue] = {venue.name.lower(): venue for venue in (Coinbase(), Kraken(), Binance(), Bitstamp())}
