# Everything below needs Python 3.11 or 3.12 and make, nothing else.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
RUNS ?= 360

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast faults lint bench bench-peers bench-full profile lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.synced  ## install everything: environment, Java runtime, jars, JVM core
	@$(BIN)/tickloom jars sync

demo: setup  ## stream 100,000 real trades through Kafka and Flink and check every candle
	@$(BIN)/tickloom demo

test: setup  ## all tests, on a real broker, registry and Flink cluster
	@$(BIN)/pytest

test-fast: .venv/.synced  ## the unit tests: seconds, no JVM
	@$(BIN)/pytest -m "not integration"

faults: setup  ## let faults happen to a running job, at every moment; RUNS=24 for a part of the hours it takes
	@$(BIN)/python -m tests.faults --runs $(RUNS)

lint: .venv/.synced  ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: setup  ## the candle job beside stock Flink SQL, on the same topic; the jobs on quotes and order books; latency and the API beside a live feed; ten minutes
	@$(BIN)/python -m bench jobs
	@$(BIN)/python -m bench messages --messages 4000000 --repeats 1
	@$(BIN)/python -m bench latency
	@$(BIN)/python -m bench service

bench-peers: setup  ## the candle job beside Hazelcast Jet, Kafka Streams, Bytewax, Quix Streams and no engine at all; an hour
	@$(BIN)/python -m bench peers

bench-full: bench bench-peers  ## both, one thing changed at a time (symbols, parallelism, disorder, checkpoints, …), and steps in Python; hours
	@$(BIN)/python -m bench sweep
	@$(BIN)/python -m bench indicators

profile: setup  ## a flame graph of the candle job's TaskManager
	@$(BIN)/python -m bench profile

lock: .venv/.synced  ## resolve Python packages and jars anew
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade pyproject.toml --extra dev -o requirements.lock
	@$(BIN)/tickloom jars lock

clean:  ## remove the environment, downloads and local state
	rm -rf .venv .tickloom

# uv comes with its hash from the same lock; it then installs the rest.
.venv/.synced: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "tickloom needs Python 3.11 or 3.12 with venv; none was found. Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@mkdir -p .tickloom
	@test -x $(BIN)/python || { echo "tickloom: creating .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .tickloom/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .tickloom/uv.txt \
		|| { echo "tickloom: could not install uv; the reason is above (network, proxy or certificate settings of pip)" >&2; exit 1; }
	@echo "tickloom: installing Python packages (about 2 GB on disk)"
	@$(BIN)/uv pip sync --require-hashes requirements.lock \
		|| { echo "tickloom: could not install the packages of requirements.lock; the reason is above" >&2; exit 1; }
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
