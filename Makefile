# `make serve` starts the private endpoint, `make test` proves it. Both set up everything they need inside .venv.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PORT ?= 8400
# TORCH_BACKEND=cpu takes PyTorch's own index of CPU builds, cu130 one for a GPU; without it the registry decides.
TORCH ?= torch==2.13.0

.PHONY: help install serve test check docs lock bench clean

help:
	@echo "make serve    private endpoint with the embedded model on 127.0.0.1:$(PORT)"
	@echo "make test     every check CI runs: lint, types, layers, tests"
	@echo "make install  .venv with Privet, every extra and the tests' tools"
	@echo "make bench    speed, side by side with LiteLLM (own environment .venv-bench)"

install: $(STAMP)

# --without-pip: Debian splits ensurepip from python3, so a machine with python3 and pip alone has only that way.
$(STAMP): pyproject.toml requirements/bootstrap.txt requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "privet needs Python 3.11 or newer: set PYTHON=/path/to/python3" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements/lock.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-config $(TORCH) $(if $(PIP_FIND_LINKS),--find-links "$(PIP_FIND_LINKS)") $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

serve: install
	@$(BIN)/privet serve --port $(PORT) $(ARGS)

test: install
	@.ci/test

docs: install
	$(BIN)/python -m privet.cli.docs

lock:
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/bootstrap.in -o requirements/bootstrap.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra serve --extra engine --extra deep --extra scrub --extra vault --extra postgres --extra qdrant --extra keyring --extra audit --extra train --group model --group test pyproject.toml -o requirements/lock.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/bench.in -o requirements/bench.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/bench-detect.in -o requirements/bench-detect.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/bench-scrub.in -o requirements/bench-scrub.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/bench-vault.in -o requirements/bench-vault.txt

bench: install
	@benchmarks/serve/run

# DATA: the folder of public annotated texts, see benchmarks/detect/README.md.
bench-detect: install
	@benchmarks/detect/run --data $(DATA) --docs

bench-vault: install
	@benchmarks/vault/run

clean:
	rm -rf .venv .venv-bench .venv-bench-detect .venv-bench-scrub .venv-bench-vault .venv-train
