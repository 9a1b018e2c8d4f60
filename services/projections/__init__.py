"""Idempotent projections of committed candles into stores that people query."""
