# What a newcomer needs: make demo, make test. Everything is set up in this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := tests/interop/node
ARGS ?=
# BullMQ is optional for users, so the tests of it run when node and npm are here.
HAVE_NODE := $(shell command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && echo 1)
NODE_STAMP := $(if $(HAVE_NODE),$(NODE)/node_modules/.installed)

.PHONY: compatibility help demo test differential lint bench bench-add bench-all bench-peers clean redis chromium screenshots bench-dashboard

help:
	@echo "make demo   a small shop: web request, e-mail, images, retries, Node and Python on one queue"
	@echo "make test   every test, against a real Redis and real Node BullMQ (ARGS='-k word' chooses)"
	@echo "make differential N=10000   random programs, on Node BullMQ and on bullrush, all of Redis compared"
	@echo "make oracle N=500          random canvases, on Celery and on bullrush, what they give compared"
	@echo "make lint   ruff and mypy --strict"
	@echo "make compatibility   docs/celery-compatibility.md from the code"
	@echo "make bench  workers, beside Node BullMQ (ARGS='latency --rounds 5' chooses); make bench-add: adding jobs"
	@echo "make bench-all  every workload and every peer, tables and plots (make bench-peers installs the Python ones)"
	@echo "make bench-dashboard   what the first look at 100,000 jobs costs; make screenshots: its pictures in docs"
	@echo "make clean  remove what the other targets made"

demo: $(VENV)/.installed $(NODE_STAMP)
	@$(BIN)/python examples/shop/run.py

test: $(VENV)/.installed $(NODE_STAMP) redis chromium
	@BULLRUSH_REQUIRE_NODE=$(HAVE_NODE) $(BIN)/python -m pytest -n auto $(ARGS)

N ?= 1000
# ARGS='--seed 7 --mode compare' repeats a search that failed.
differential: $(VENV)/.installed $(NODE_STAMP) redis
	@$(BIN)/python -m tests.interop.differential --programs $(N) $(ARGS)

# The table of what works of Celery, from the code.
compatibility: $(VENV)/.installed
	@$(BIN)/python -m bullrush.compatibility > docs/celery-compatibility.md

# Random canvases, on Celery and on bullrush; other ones every time.
oracle: $(VENV)/.installed redis
	@BULLRUSH_ORACLE_EXAMPLES=$(N) $(BIN)/python -m pytest -s tests/oracle $(ARGS)

lint: $(VENV)/.lint-installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@rm -rf .lint && $(BIN)/python -m pip install --quiet --no-deps --target .lint .
	@rm -rf build && MYPYPATH=.lint $(BIN)/mypy --strict -p bullrush

bench: $(VENV)/.bench-installed $(NODE_STAMP) redis
	@$(BIN)/python benchmarks/workers.py $(ARGS)

bench-add: $(VENV)/.installed $(NODE_STAMP) redis
	@$(BIN)/python benchmarks/run.py $(ARGS)

RESULTS ?= .cache/bench/results.jsonl
bench-all: bench-peers $(NODE_STAMP) redis
	@rm -f $(RESULTS)
	@$(BIN)/python benchmarks/workers.py --all --json $(RESULTS) $(ARGS)
	@$(BIN)/python benchmarks/plots.py $(RESULTS) docs

bench-peers: $(VENV)/.bench-installed
	@$(BIN)/python benchmarks/environments.py

clean:
	rm -rf $(VENV) .lint build *.egg-info $(NODE)/node_modules .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing bullrush and what its tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[flask,dev,demo,test]" \
		|| { echo "pip could not install the packages; is there a way to the package index?"; exit 1; }
	@touch $@

$(VENV)/.lint-installed: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[lint]"
	@touch $@

$(VENV)/.bench-installed: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@touch $@

$(NODE)/node_modules/.installed: $(NODE)/package-lock.json
	@echo "installing Node BullMQ for the tests and the demo"
	@cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error \
		|| { echo "npm could not install BullMQ; is there a way to the registry?"; exit 1; }
	@touch $@

# From PATH, else from the system's packages when we may install them; the extra "dev" carries one in a wheel as well.
redis:
	@command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
			&& echo "installing redis-server" && apt-get install -qq -y redis-server >/dev/null 2>&1; } \
		|| $(BIN)/python -c "from bullrush.core.drivers.server_binary import find_server as f; raise SystemExit(not f())" \
		|| { echo "no redis-server: install one, for example with apt-get install redis-server"; exit 1; }

# How fast the first look at the dashboard is with 50 queues and 100,000 jobs.
bench-dashboard: $(VENV)/.installed redis
	@BULLRUSH_BENCH_JOBS=100000 $(BIN)/python -m pytest -q tests/flask_ext/test_dashboard_cost.py -k first_look

# Pictures of the dashboard in docs/.
screenshots: $(VENV)/.installed $(NODE_STAMP) redis chromium
	@$(BIN)/python -m tests.browser.screenshots docs

# The browser that the tests of the dashboard use.
chromium:
	@{ command -v chromium && command -v chromedriver; } >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
			&& echo "installing chromium" \
			&& { apt-get install -qq -y chromium chromium-driver || { apt-get update -qq \
				&& apt-get install -qq -y chromium chromium-driver; }; } >/dev/null 2>&1; } \
		|| { echo "no chromium: install one, for example with apt-get install chromium chromium-driver"; exit 1; }
