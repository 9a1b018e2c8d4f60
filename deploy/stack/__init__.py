"""The local stack: Kafka, a schema registry, a Flink cluster, PostgreSQL and Redis, as supervised processes."""

from deploy.stack.state import Stack, running

__all__ = ["Stack", "running"]
