# Everything happens in .venv; the versions are pinned in constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
RUN_ARGS ?=
TEST_ARGS ?=
TINYSTORIES ?= ../shared/data/tinystories

.PHONY: demo test lint stress bench clean

demo: .venv/train
	$(BIN)/cygnet run demo $(RUN_ARGS)

test: lint
	$(BIN)/python -m pytest $(TEST_ARGS)

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Minutes of work: a million stories, many kills.
stress: .venv/dev
	$(BIN)/python -m pytest -m stress

# The figures of the README; TINYSTORIES holds tinystories_train.txt and tinystories_valid.txt.
bench: .venv/dev
	$(BIN)/python bench/bench.py $(TINYSTORIES) --runs

.venv/train: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	touch $@

.venv/dev: .venv/train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	touch $@

clean:
	rm -rf .venv
