# The commands of daily work; each does its own set-up. `make help` lists them.
.PHONY: run test test-long fuzz test-asan test-tsan bench bench-session bench-storage lint format clean help setup-run setup-test setup-lint setup-bench
.DEFAULT_GOAL := help

BUILD := build/release
ARGS ?=
# A --config-dir among ARGS replaces the data directory under the repository.
CONFIG_DIR := $(if $(findstring --config-dir,$(ARGS)),,--config-dir run)

run: setup-run ## build, then start the server on its embedded default: make run ARGS="--config-dir /etc/ferry"
	@[ -f $(BUILD)/build.ninja ] || cmake --preset release -DFERRY_TESTS=OFF
	@cmake --build $(BUILD) --target ferry
	@mkdir -p -m 700 run
	@exec $(BUILD)/ferry serve $(CONFIG_DIR) $(ARGS)

test: setup-test ## unit, conformance and end-to-end tests, one closing summary
	@scripts/run-tests

test-long: setup-test ## what takes longer, before a release: the tests marked `long`, then 5 minutes for each fuzz target
	@scripts/run-tests --long
	@scripts/run-fuzz 300

fuzz: setup-test ## each fuzz target for a minute (fuzz/README.md)
	@scripts/run-fuzz 60

test-asan: setup-test ## every test under the address and undefined-behaviour sanitizers
	@scripts/run-tests --preset asan

test-tsan: setup-test ## every test under the thread sanitizer
	@scripts/run-tests --preset tsan

bench: setup-bench ## speed, CPU and memory beside other SFTP servers, 12 minutes (bench/README.md)
	@cmake --preset release -DFERRY_TESTS=ON >/dev/null
	@cmake --build $(BUILD) --target ferry bench_floor bench_client bench_link
	@/usr/bin/python3 bench/bench.py

bench-session: setup-bench ## what permissions, patterns and virtual folders cost a stat
	@cmake --preset release -DFERRY_TESTS=ON >/dev/null
	@cmake --build $(BUILD) --target ferry
	@$(if $(wildcard .venv/bin/python),.venv/bin/python,$(error run make test once: it makes .venv)) bench/session_bench.py

bench-storage: setup-test setup-bench ## speed, CPU and memory over S3 beside rclone's, at 0 and 30 ms of round trip (bench/README.md)
	@cmake --preset release -DFERRY_TESTS=ON >/dev/null
	@cmake --build $(BUILD) --target ferry bench_floor bench_link
	@scripts/install-emulators
	@/usr/bin/python3 bench/storage_bench.py

lint: setup-lint ## formatting, include floors, forbidden constructs
	@scripts/lint

format: setup-lint ## format every source file
	@git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format -i

clean: ## remove everything built (the data directory run/ stays)
	rm -rf build .venv .pytest_cache

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup-run:
	@scripts/install-packages build run
setup-test:
	@scripts/install-packages build test
setup-lint:
	@scripts/install-packages lint
setup-bench:
	@scripts/install-packages build test bench
