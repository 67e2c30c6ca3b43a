# Everything happens in .venv; the versions are pinned in constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
RUN_ARGS ?=
TEST_ARGS ?=
# How many processes share the tests; each takes up to a gigabyte of memory.
WORKERS ?= 2
BENCH_ARGS ?=
DATA ?= ../shared/data

.PHONY: demo test lint stress clean
.PHONY: bench bench-tokenizer bench-tokens bench-training bench-generation bench-microscope

demo: .venv/train
	$(BIN)/cygnet run demo $(RUN_ARGS)

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TEST_ARGS)

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Minutes of work: a million stories, many kills.
stress: .venv/dev
	$(BIN)/python -m pytest -m stress

# The figures of the README, from the real texts and tokenizers in DATA.
bench: bench-tokenizer bench-tokens bench-training bench-generation bench-microscope .venv/dev
	$(BIN)/python bench/bench.py $(DATA)/tinystories --runs

# The tokenizer beside its peers; BENCH_ARGS=--quick sees in minutes whether it works.
bench-tokenizer: .venv/peers/installed
	.venv/peers/bin/python bench/tokenizer.py $(DATA) $(BENCH_ARGS)

# Token files and batches beside what engineers script today, and what packing wastes.
bench-tokens: .venv/peers/installed
	.venv/peers/bin/python bench/tokens.py $(DATA) $(BENCH_ARGS)
	.venv/peers/bin/python bench/batches.py $(DATA)

# The training step beside the stock trainer and a loop by hand, and where its time goes.
bench-training: .venv/dev
	$(BIN)/python bench/training.py $(DATA)
	$(BIN)/python bench/training_profile.py $(DATA)

# Generation beside model.generate of transformers.
bench-generation: .venv/train
	OMP_NUM_THREADS=1 $(BIN)/python bench/generation.py

# A trace beside the same figures by hand; the page of the demo, which wants Debian's chromium; what
# it costs to take traces while the demo trains.
bench-microscope: demo .venv/dev
	$(BIN)/python bench/microscope.py
	$(BIN)/python bench/first_token.py runs/demo
	OMP_NUM_THREADS=1 $(BIN)/python bench/traces.py runs/demo

.venv/train: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	touch $@

.venv/dev: .venv/train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	touch $@

.venv/peers/installed: pyproject.toml constraints.txt bench/peers.txt
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-r bench/peers.txt -e .
	touch $@

clean:
	rm -rf .venv
