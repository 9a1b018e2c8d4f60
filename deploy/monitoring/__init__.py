"""Monitoring as code: what Prometheus scrapes, its alerts and where they go, Grafana's dashboards, runbooks."""
