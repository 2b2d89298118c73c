# Two commands: `make demo` trains on real data, `make test` checks everything. Each sets itself up.
PYTHON ?= python3
BIN := .venv/bin
BENCH := benchmarks/.venv/bin
QUESTIONS := limits call_overhead demo_step demo_step_avx2 examples microgpt mlp black_scholes \
	determinant per_sample growth compile_time training larger_than_memory accuracy

.PHONY: demo test lint bench performance bench-eager clean

demo: .venv/installed
	$(BIN)/micrograd demo

test: .venv/installed lint
	$(BIN)/pytest -n auto --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MicroGrad needs Python 3.11 or newer; make PYTHON=... names one")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group test
	touch $@

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
	rm -rf .venv benchmarks/.venv build dist *.egg-info demo
