"""Messages in flight: everything that may happen next is the delivery of the first message of some channel."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

TASKS: Final = "tasks"
CLIENTS: Final = "clients"
COORDINATOR: Final = "coordinator"
BROKER: Final = "broker"
"""Who receives: tasks, tasks that need the broker for it, the coordinator, the broker and the readers of its logs."""


class Channel:
    """Messages to one receiver in their order. It is among the `ready` while it has one and is not blocked."""

    __slots__ = ("blocked", "messages", "name", "ready", "receive")

    def __init__(self, name: str, receive: Callable[[Any], object], ready: list["Channel"]) -> None:
        self.name, self.receive, self.ready = name, receive, ready
        self.messages: deque[Any] = deque()
        self.blocked = False

    def put(self, message: Any) -> None:
        """Send a message."""
        if not self.messages and not self.blocked:
            self.ready.append(self)
        self.messages.append(message)

    def take(self) -> Any:
        """The first message, to be handed to `receive`."""
        message = self.messages.popleft()
        if not self.messages:
            self.ready.remove(self)
        return message

    def block(self) -> None:
        """Deliver nothing until released."""
        if self.messages and not self.blocked:
            self.ready.remove(self)
        self.blocked = True

    def release(self) -> None:
        """Deliver again."""
        if self.messages and self.blocked:
            self.ready.append(self)
        self.blocked = False


class Network:
    """The channels of all receivers."""

    def __init__(self) -> None:
        self.ready: list[Channel] = []
        self.down: set[str] = set()
        self.channels: dict[str, list[Channel]] = defaultdict(list)

    def channel(self, receiver: str, name: str, receive: Callable[[Any], object]) -> Channel:
        """A new channel; blocked when what it needs is down."""
        channel = Channel(name, receive, self.ready)
        channel.blocked = receiver in self.down
        self.channels[receiver].append(channel)
        return channel

    def close(self, *receivers: str) -> None:
        """These are no more: nothing that was sent, or will be, reaches them."""
        for receiver in receivers:
            for channel in self.channels.pop(receiver, ()):
                channel.block()

    def block(self, *receivers: str) -> None:
        """Messages to these wait."""
        self.down.update(receivers)
        for channel in self.of(receivers):
            channel.block()

    def release(self, *receivers: str) -> None:
        """Messages to these are delivered again."""
        self.down.difference_update(receivers)
        for channel in self.of(receivers):
            channel.release()

    def of(self, receivers: Iterable[str]) -> list[Channel]:
        """All channels to these."""
        return [channel for receiver in receivers for channel in self.channels[receiver]]
