"""Messages in flight: everything that may happen next is the delivery of the first message of some channel."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

TASKS: Final = "tasks"
CLIENTS: Final = "clients"
COORDINATOR: Final = "coordinator"
BROKER: Final = "broker"
"""Kinds of receivers: tasks, tasks that need the broker for it, the coordinator, the broker with its readers."""


class Channel:
    """Messages to one receiver in their order. It is among the `ready` while it has one and is not blocked."""

    __slots__ = ("blocked", "messages", "name", "ready", "receive", "receiver")

    def __init__(
        self, receiver: str, name: str, receive: Callable[[Any], object], ready: list["Channel"], blocked: bool
    ) -> None:
        self.receiver, self.name, self.receive, self.ready, self.blocked = receiver, name, receive, ready, blocked
        self.messages: deque[Any] = deque()

    def put(self, message: Any) -> None:
        """Send a message."""
        if not (self.messages or self.blocked):
            self.ready.append(self)
        self.messages.append(message)

    def deliver(self) -> Any:
        """Hand the first message to the receiver."""
        message = self.messages.popleft()
        if not self.messages:
            self.ready.remove(self)
        self.receive(message)
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

    def close(self) -> None:
        """Deliver nothing any more, whoever releases."""
        self.block()
        self.ready = []


class Network:
    """The channels of a cluster."""

    def __init__(self) -> None:
        self.ready: list[Channel] = []
        self.channels: dict[str, list[Channel]] = {kind: [] for kind in (TASKS, CLIENTS, COORDINATOR, BROKER)}
        self.broker_up = True

    def channel(self, kind: str, receiver: str, name: str, receive: Callable[[Any], object]) -> Channel:
        """A new channel to a kind of receiver. It is blocked when the broker is down and has a part in it."""
        blocked = not self.broker_up and kind in (CLIENTS, BROKER)
        channel = Channel(receiver, name, receive, self.ready, blocked)
        self.channels[kind].append(channel)
        return channel

    def close(self, *kinds: str) -> None:
        """These receivers are no more: nothing that was sent, or will be, reaches them."""
        for kind in kinds:
            for channel in self.channels[kind]:
                channel.close()
            self.channels[kind] = []

    def stop_broker(self) -> None:
        """What needs the broker waits."""
        self.broker_up = False
        for channel in self.channels[CLIENTS] + self.channels[BROKER]:
            channel.block()

    def start_broker(self) -> None:
        """What has waited for the broker goes on."""
        self.broker_up = True
        for channel in self.channels[CLIENTS] + self.channels[BROKER]:
            channel.release()
