# `make help` says what there is. Everything is built into target/, build/ and .venv*/, and node_modules where npm wants it.

PYTHON ?= python3
SANDBOX := $(CURDIR)/target/debug/headcount-sandbox
VENV := .venv/bin/python
INTEROP := .venv-interop/bin/python
export HEADCOUNT_SANDBOX := $(SANDBOX)
# npm's own news and questions are not this build's.
NPM := npm --no-audit --no-fund --loglevel=error

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: prerequisites
prerequisites:
	@sh scripts/prerequisites.sh

# ---- what is built --------------------------------------------------------------------------------------------------------

.PHONY: build-rust build-c build-python build-node
# The feature that nothing here has by default: its example and its test belong to every build.
RUST := --features headcount/axum
build-rust: prerequisites
	cargo build --quiet --bins --lib --examples $(RUST)

build-c: build-rust
	$(MAKE) --silent --no-print-directory -C tests/c

.venv/ready: bindings-python/requirements-test.txt
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install --quiet --disable-pip-version-check --requirement bindings-python/requirements-test.txt
	touch $@

# pip builds with maturin, which leaves it to cargo what there is to do.
build-python: prerequisites .venv/ready
	$(VENV) -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps ./bindings-python

bindings-node/node_modules/.package-lock.json: bindings-node/package.json bindings-node/package-lock.json
	cd bindings-node && $(NPM) ci --ignore-scripts
	touch $@

build-node: prerequisites bindings-node/node_modules/.package-lock.json
	cd bindings-node && $(NPM) run --silent build

# As a user would: the package is installed from its folder.
examples/node/node_modules/.package-lock.json: examples/node/package.json examples/node/package-lock.json | build-node
	cd examples/node && $(NPM) ci
	touch $@

# ---- the demo -------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build-rust build-c build-python build-node examples/node/node_modules/.package-lock.json ## one directory and one webhook in Rust, C, Python and Node
	@$(PYTHON) scripts/demo.py \
	  Rust target/debug/examples/quickstart \
	  -- C build/c/quickstart \
	  -- Python $(VENV) examples/python/quickstart.py \
	  -- Node node examples/node/quickstart.mjs

# ---- the tests ------------------------------------------------------------------------------------------------------------

# A test that hangs fails its suite instead of holding whoever waits for it.
LIMIT := timeout --kill-after=10 1200

.PHONY: test test-rust test-c test-python test-node test-interop test-docs test-soak
test: test-rust test-c test-python test-node test-interop test-docs test-soak ## every suite
	@echo "every suite passed"

test-rust: prerequisites ## core, sandbox and the C ABI, in Rust
	$(LIMIT) cargo test --quiet $(RUST)

test-c: build-c ## the C programs, plainly, under valgrind and with AddressSanitizer
	sh scripts/valgrind.sh
	$(LIMIT) $(PYTHON) tests/c/run.py --valgrind
	sh scripts/asan.sh
	BUILD=build/c-asan $(LIMIT) $(PYTHON) tests/c/run.py

test-python: build-python build-rust ## the wheel: vectors, client, types
	cd bindings-python && $(LIMIT) ../$(VENV) -m pytest --quiet

test-node: build-node build-rust examples/node/node_modules/.package-lock.json ## the addon: vectors, client, types, the vendor's quickstart
	cd bindings-node && $(LIMIT) $(NPM) test --silent

.venv-interop/ready: tests/interop/requirements.txt
	$(PYTHON) -m venv .venv-interop
	$(INTEROP) -m pip install --quiet --disable-pip-version-check --requirement tests/interop/requirements.txt
	touch $@

tests/interop/node_modules/.package-lock.json: tests/interop/package.json tests/interop/package-lock.json
	cd tests/interop && $(NPM) ci
	touch $@

.PHONY: peers
peers: build-python build-node .venv-interop/ready tests/interop/node_modules/.package-lock.json
	$(INTEROP) -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps ./bindings-python

test-interop: peers build-c ## signatures between headcount and the packages of PyPI and npm
	$(LIMIT) $(INTEROP) -m pytest --quiet tests/interop

test-docs: build-c build-python build-node examples/node/node_modules/.package-lock.json ## every code block of the documents
	$(LIMIT) $(VENV) -m pytest --quiet tests/docs

test-soak: build-rust build-python ## a minute of random faults, after which nothing may be left
	$(LIMIT) $(VENV) tests/soak/soak.py --seconds 60

.PHONY: fuzz
fuzz: prerequisites ## each fuzz target for half a minute
	sh scripts/fuzz.sh 30

.PHONY: soak
soak: build-rust build-python ## the same for ten minutes, and the mirror killed 200 times
	$(VENV) tests/soak/soak.py --seconds 600
	HEADCOUNT_CRASHES=200 cargo test --quiet --package headcount --test crash

# ---- what is committed and generated --------------------------------------------------------------------------------------

.PHONY: generate lint
generate: prerequisites ## writes include/headcount.h, tests/vectors and the types of events again
	cargo run --quiet --package headcount-codegen
	HEADCOUNT_BLESS=1 cargo test --quiet --package headcount-ffi --test header
	$(PYTHON) tests/vectors/generate.py
	$(PYTHON) scripts/events.py

lint: prerequisites ## formatting, clippy, and whether what is generated is fresh
	cargo fmt --all --check
	$(PYTHON) scripts/layers.py --self-test && $(PYTHON) scripts/layers.py
	cargo clippy --quiet --workspace --all-targets $(RUST) -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features webhook -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features axum -- --deny warnings
	@echo 'the build of webhooks alone has neither a runtime, nor HTTP, nor a database'
	@tree=$$(cargo tree --quiet --package headcount --no-default-features --features webhook --edges normal) && \
	  ! echo "$$tree" | grep -E 'tokio|reqwest|hyper|rusqlite'
	cargo run --quiet --package headcount-codegen -- --check
	cargo test --quiet --package headcount-ffi --test header
	$(PYTHON) tests/vectors/generate.py --check
	$(PYTHON) scripts/events.py --check
	sh scripts/repository.sh

# ---- speed ----------------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: peers build-rust examples/node/node_modules/.package-lock.json ## verification, import and listings against the peers, as ratios; the mirror beside SQLite alone; what receivers cost
	cargo bench --quiet --package headcount --bench verify
	cargo bench --quiet --package headcount --bench mirror
	$(INTEROP) benches/bench_python.py
	node benches/bench_node.mjs
	$(INTEROP) benches/bench_listing.py
	$(INTEROP) benches/bench_receiver.py
