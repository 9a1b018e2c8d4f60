"""Candles over HTTP: pages, latest prices, streams of what is committed, GraphQL, and the dashboard's page."""
