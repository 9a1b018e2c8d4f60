"""The local stack: a Kafka broker, a schema registry and a Flink cluster, as supervised processes."""

from deploy.stack.state import Stack, running

__all__ = ["Stack", "running"]
