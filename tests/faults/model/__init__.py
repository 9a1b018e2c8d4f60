"""A job from Kafka to Kafka in pure Python: sources, barriers, two-phase commit, recovery, and what can befall them."""
