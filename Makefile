# Two commands: `make demo` trains on real data, `make test` checks everything. Each sets itself up.
# `make test-all` runs every test as on all other machines; TESTS="tests/test_ops.py ..." only these.
PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13 python3.14
LOWEST ?= python3.11
TESTS ?=
BIN := .venv/bin
PYTEST := -m pytest -n auto --dist worksteal
BENCH := benchmarks/.venv/bin
QUESTIONS := limits call_overhead demo_step demo_step_avx2 examples microgpt mlp black_scholes \
	implied_volatility determinant per_sample linear take opaque growth long_traces recurrences \
	control_flow compile_time training fits minima optimisation larger_than_memory readers accuracy estimators \
	tables pictures

.PHONY: demo test lint page browser test-browser docs test-all test-twice test-machines test-lowest test-newest \
	bench performance bench-eager clean

.DELETE_ON_ERROR:

demo: .venv/installed-demo
	$(BIN)/micrograd demo

test: .venv/installed lint
	$(BIN)/python $(PYTEST)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The script of the page that `draw` writes, from its TypeScript; the package carries what is built.
page: page/node_modules/installed
	cd page && npm run check && npm test && npm run build

page/node_modules/installed: page/package-lock.json
	cd page && npm ci --no-audit --no-fund
	touch $@

# What drives Chromium and the kernel of a notebook: with it, `make test` tries these as well.
browser: .venv/installed
	$(BIN)/python -m pip install --quiet --group browser

test-browser: browser
	$(BIN)/python -m pytest tests/pictures tests/test_tutorial.py tests/test_pyodide.py

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MicroGrad needs Python 3.11 or newer; make PYTHON=... names one")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

.venv/installed-demo: pyproject.toml | .venv/bin/python
	@echo 'Once, into .venv: NumPy, LLVM, pyarrow, matplotlib; 550 MB on disk.'
	$(BIN)/python -m pip install --editable '.[tables,plot]'
	touch $@

.venv/installed: pyproject.toml | .venv/bin/python
	@echo 'Once, into .venv: all that the package can use, and what tests it; 900 MB on disk.'
	$(BIN)/python -m pip install --editable '.[all]' --group test --group lint
	touch $@

# The documents and the reference as a site; a link or a name that is not there is an error.
docs: docs/.venv/installed
	docs/.venv/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs docs/site
	@echo 'Open docs/site/index.html in a browser.'

docs/.venv/installed: pyproject.toml
	$(PYTHON) -m venv docs/.venv
	docs/.venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	docs/.venv/bin/python -m pip install --editable . --group docs
	touch $@

test-all: test test-twice test-machines test-lowest test-newest

# In the same processes, so that the second round meets what the first has left.
test-twice: .venv/installed
	$(BIN)/python $(PYTEST) --keep-duplicates $(foreach round,1 2,$(or $(TESTS),micrograd tests))

test-machines: .venv/installed
	$(BIN)/python tests/machines.py $(TESTS)

# The lowest versions that pyproject.toml admits; what is deprecated since is not their fault.
test-lowest:
	mkdir -p .envs
	$(PYTHON) tests/lowest.py > .envs/lowest.txt
	$(call suite-with,$(LOWEST),lowest,--constraint .envs/lowest.txt,-W ignore::DeprecationWarning)

# The newest versions, on each Python.
test-newest: $(PYTHONS:%=test-newest-%)

$(PYTHONS:%=test-newest-%): test-newest-%:
	$(call suite-with,$*,$(subst /,-,$*),,)

# An environment of that interpreter and that name, with options of pip and of pytest.
define suite-with
	@if ! $(1) -c '' 2> /dev/null; then echo 'skipped: there is no $(1) here'; exit 0; fi; set -ex; \
	$(1) -m venv .envs/$(2); \
	.envs/$(2)/bin/python -m pip install --quiet --upgrade pip; \
	.envs/$(2)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager $(3) --editable '.[all]' --group test; \
	.envs/$(2)/bin/python $(PYTEST) $(4) $(TESTS)
endef

# Each question prints a table; a bar that is missed fails at the end.
bench: benchmarks/.venv/installed
	@for question in $(QUESTIONS); do $(BENCH)/python benchmarks/$$question.py || missed=1; done; exit $${missed:-0}

# The answers to the questions of docs/performance.md, written into it.
performance: benchmarks/.venv/installed
	$(BENCH)/python benchmarks/report.py

benchmarks/.venv/installed: benchmarks/requirements.txt pyproject.toml
	$(PYTHON) -m venv benchmarks/.venv
	$(BENCH)/python -m pip install --quiet torch==2.13.0
	$(BENCH)/python -m pip install --quiet --requirement benchmarks/requirements.txt --editable .
	touch $@

bench-eager: .venv/installed benchmarks/.original
	$(BIN)/python benchmarks/eager.py

benchmarks/.original:
	$(BIN)/python -m pip install --quiet --no-deps --target $@ micrograd==0.1.0

clean:
	rm -rf .venv .envs benchmarks/.venv docs/.venv docs/site build dist *.egg-info demo
