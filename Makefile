# Two commands: `make demo` trains on real data, `make test` checks everything. Each sets itself up.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench-eager clean

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

bench-eager: .venv/installed benchmarks/.original
	$(BIN)/python benchmarks/eager.py

benchmarks/.original:
	$(BIN)/python -m pip install --quiet --no-deps --target $@ micrograd==0.1.0

clean:
	rm -rf .venv build dist *.egg-info demo
