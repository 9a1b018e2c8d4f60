"""Kafka transactions left open: who holds back readers of committed records, and ending them by hand."""
