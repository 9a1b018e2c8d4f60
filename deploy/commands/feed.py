"""`tickloom feed`: trades of a venue as they happen."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
from prometheus_client import start_http_server

from deploy.errors import UserError
from deploy.options import Speed, brokers_option, load, metrics_port_option, registry_option
from jobs.settings import SettingsError
from jobs.topics import create_missing
from schemas.registry import RegistryError
from schemas.topics import BOOKS, QUOTES
from services import logs
from services.feeds import VENUES
from services.feeds.capture import CaptureError, Line, Recorder, lines
from services.feeds.feed import Feed
from services.feeds.gateway import Gateway
from services.feeds.history import Archive, History
from services.feeds.publisher import Publisher, PublishError
from services.feeds.snapshots import BookArchive, Snapshots
from services.feeds.venue import CHANNELS, BeginAnewError, Channel, RefusedError, Venue
from services.pacing import Pace
from services.traces import traced

venue_argument = click.argument("venue", type=click.Choice(list(VENUES), case_sensitive=False))
symbols_option = click.option("--symbols", required=True, help="Pairs, separated by commas: BTC-USD,ETH-USD.")


def _channels(_context: click.Context, _option: click.Parameter, value: str) -> tuple[Channel, ...]:
    named = [each.strip() for each in value.split(",")]
    for each in named:
        if each not in CHANNELS:
            raise click.BadParameter(f"no channel {each}: {', '.join(CHANNELS)}")
    return tuple(each for each in CHANNELS if each in named)


channels_option = click.option(
    "--channels", default="trades", show_default=True, callback=_channels, help="What to follow: trades,quotes,books."
)
url_option = click.option("--url", help="Another address than the venue's, such as a proxy's.")
history_option = click.option("--history-url", help="Likewise, of its HTTP interface.")
topic_option = click.option("--topic", "trades_topic", help="Topic of the trades.  [default: the setting]")
quotes_topic_option = click.option("--quotes-topic", default=QUOTES, show_default=True, help="Topic of the quotes.")
books_topic_option = click.option("--books-topic", default=BOOKS, show_default=True, help="Topic of the order books.")

Work = Coroutine[Any, Any, Any]


@click.group()
def feed() -> None:
    """Trades, quotes and order books of Coinbase, Kraken, Binance and Bitstamp, from their public channels.

    A trade of BTC-USD at Coinbase has the symbol BTC-USD.COINBASE. Two feeds of the same venue may run side by side:
    jobs count a trade once, by its id.
    """


@feed.command()
@venue_argument
@symbols_option
@channels_option
@url_option
@history_option
@metrics_port_option
@topic_option
@quotes_topic_option
@books_topic_option
@brokers_option
@registry_option
def run(
    venue: str,
    symbols: str,
    channels: tuple[Channel, ...],
    url: str | None,
    history_url: str | None,
    metrics_port: int | None,
    quotes_topic: str,
    books_topic: str,
    **flags: str | None,
) -> None:
    """Send the trades of VENUE to Kafka until Ctrl-C, its quotes, which are the best bid and offer at every change, and
    its order books: each whole, then what changes in it.

    A connection that is lost is opened again; what was traded meanwhile is asked for over HTTP, where the venue numbers
    its trades (not at Bitstamp). While Kafka is slow or away the venue's connection waits: nothing is dropped here.
    Ctrl-C ends once everything is delivered.

    \b
      tickloom feed run coinbase --symbols BTC-USD,ETH-USD
      tickloom feed run kraken --symbols BTC-USD --channels trades,quotes
    """
    found = VENUES[venue]
    logs.start(f"feed-{venue}")
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")

    def follow(feed: Feed) -> Iterator[Work]:
        yield Gateway(found, _pairs(symbols), channels, feed.take, url, feed.connected).run()
        if isinstance(found, Archive):
            yield History(found, feed.holes, feed.publish, history_url).run()
        if isinstance(found, BookArchive):
            yield Snapshots(found, feed.books_wanted, feed.take_book, history_url).run()

    topics = {"quote": quotes_topic, "book_update": books_topic}
    click.echo(_delivered(asyncio.run(_published(found, flags, topics, follow)), found))


@feed.command()
@venue_argument
@symbols_option
@channels_option
@url_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File; .xz compresses it.")
def record(venue: str, symbols: str, channels: tuple[Channel, ...], url: str | None, out: Path) -> None:
    """Write the messages of VENUE to a file as they come, until Ctrl-C.

    \b
      tickloom feed record kraken --symbols BTC-USD --out kraken.ndjson.xz
    """
    logs.start(f"feed-{venue}")
    count = 0

    async def take(line: Line) -> None:
        nonlocal count
        recorder.write(line)
        count += 1

    try:
        with closing(Recorder(out)) as recorder:
            asyncio.run(_until_stopped(Gateway(VENUES[venue], _pairs(symbols), channels, take, url).run()))
    except CaptureError as error:
        raise UserError(str(error)) from error
    click.echo(f"{count:,} messages in {out}")


@feed.command()
@venue_argument
@click.argument("capture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--speed", type=Speed(), default="max", show_default=True, help="Times the original timing.")
@topic_option
@quotes_topic_option
@books_topic_option
@brokers_option
@registry_option
def replay(
    venue: str, capture: Path, speed: float | None, quotes_topic: str, books_topic: str, **flags: str | None
) -> None:
    """Send the trades, quotes and order books of a CAPTURE of VENUE to Kafka, read as a live feed reads them.

    A capture has no books of Binance and Bitstamp, which tell them whole over HTTP alone.

    \b
      tickloom feed replay kraken kraken.ndjson.xz --speed 10
    """
    logs.start(f"feed-{venue}")
    pace = Pace(speed)

    async def play(feed: Feed) -> None:
        for line in lines(capture):
            await asyncio.sleep(pace.seconds_until(line.received_ns))
            with suppress(BeginAnewError):  # nobody else can be asked
                await feed.take(line)

    try:
        topics = {"quote": quotes_topic, "book_update": books_topic}
        found = asyncio.run(_published(VENUES[venue], flags, topics, lambda feed: [play(feed)]))
    except ValueError as error:
        raise UserError(str(error)) from error
    click.echo(_delivered(found, VENUES[venue]))


def _pairs(symbols: str) -> list[str]:
    return [each.strip().upper() for each in symbols.split(",") if each.strip()]


def _delivered(feed: Feed, venue: Venue) -> str:
    counts = {"quotes": feed.quotes, "updates of books": feed.book_updates}
    more = "".join(f", {count:,} {what}" for what, count in counts.items() if count)
    return f"{feed.trades:,} trades{more} of {venue.name} delivered"


async def _published(
    venue: Venue, flags: dict[str, str | None], more: dict[str, str], works: Callable[[Feed], Iterable[Work]]
) -> Feed:
    """Publish what works bring to a feed until one of them ends or Ctrl-C. Raises UserError.

    `more` are the topics by schema, but for that of the trades, which is a setting.
    """
    settings = load(flags)
    topics = {"trade": settings.trades_topic, **more}
    try:
        create_missing(settings, list(topics.values()))
        with traced(f"feed-{venue.name.lower()}") as traces:
            publisher = Publisher(settings.kafka_client(), settings.registry_client(), topics, traces)
            found = Feed(venue, publisher)
            click.echo(f"{venue.name} goes to {', '.join(topics.values())} of {settings.brokers}; Ctrl-C stops")
            try:
                await _until_stopped(publisher.run(), *works(found))
            finally:
                await publisher.close()
    except (PublishError, RegistryError, RefusedError, SettingsError) as error:
        raise UserError(str(error)) from error
    return found


async def _until_stopped(*works: Work) -> None:
    """Wait until a work ends, or Ctrl-C; then all end. Raises what ended it."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    tasks = [asyncio.create_task(work) for work in (stopped.wait(), *works)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
