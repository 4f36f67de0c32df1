# The front door. Everything is done by CMake and the scripts; this file names the ways in.
.PHONY: help setup build demo test unit lint format golden figures validate headline fit fuzz clean

MODEL ?= smollm2
MEASURED ?= data/measured
PROMPT ?= Explain in one sentence why memory bandwidth matters.

help:
	@echo "make demo     install what is missing, build, bring the default model, let it answer on churon-1"
	@echo "make test     install what is missing, build, run every check there is"
	@echo "make build    build/release/churon"
	@echo "make unit     unit tests alone"
	@echo "make lint     clang-format and clang-tidy"
	@echo "make format   rewrite the sources with clang-format"
	@echo "make golden   rewrite the golden files (review the diff like code)"
	@echo "make figures  rewrite generated pictures and reference pages"
	@echo "make validate compare with the measured tables in $(MEASURED); rewrites docs/validation.md's tables (minutes)"
	@echo "make headline an own chip against what can be bought; rewrites the table in README.md (seconds)"
	@echo "make fit      fit the shared parameters to them; rewrites data/efficiency.csv and data/bands.csv, then as validate"
	@echo "make fuzz     ten minutes of each fuzz target"

build:
	@scripts/setup build
	@cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }; rm -f build.log
	cmake --build --preset release --target churon

demo: build
	build/release/churon models pull $(MODEL)
	build/release/churon run $(MODEL) -p "$(PROMPT)" -n 120

test:
	@scripts/setup test
	scripts/test

unit:
	cmake --preset dev && cmake --build --preset dev && ctest --preset dev -L unit

lint:
	cmake --preset dev && scripts/lint build/dev

format:
	git ls-files '*.cpp' '*.h' | xargs clang-format-19 -i

golden:
	cmake --preset dev && cmake --build --preset dev
	CHURON_UPDATE_GOLDEN=1 ctest --preset dev -L golden

figures:
	python3 scripts/rooms.py --write
	python3 scripts/join_errors.py --write

validate: build
	build/release/churon validate $(MEASURED) --test --leave-one-chip-out --worst 25 --docs docs >/dev/null

headline: build
	python3 scripts/headline.py build/release/churon --write

fit: build
	build/release/churon validate $(MEASURED) --fit --leave-one-chip-out --worst 25 --data data --docs docs >/dev/null

fuzz:
	scripts/fuzz 600

clean:
	rm -rf build
