# make setup | build | test | test-dependency | test-service | test-api | test-web-app | demo | install | package |
#      documentation | bench | formats | test-formats | format | lint | clean
#
# One configuration, optimised and testable, serves every target, so nothing is compiled twice.
# FILTER='one|two' runs the tests whose names match; NSARM_LIBTORCH names another libtorch (see scripts/setup).

NSARM_LIBTORCH ?= $(HOME)/.cache/nsarm/libtorch-2.13.0
export NSARM_LIBTORCH
# Waiting OpenMP threads sleep instead of spinning, which matters where cores are shared.
export OMP_WAIT_POLICY ?= passive

SWIFT_FLAGS := -c release -Xswiftc -enable-testing
# SwiftPM leaves folders among the temporary files, and keeps others from .build by a file there.
ALONE := flock --close .build/make.lock
SWIFT := $(ALONE) scripts/in-temporary-folder swift
BIN := .build/release
NSARM := $(BIN)/nsarm

SWIFT_SOURCES := Package.swift Sources Tests Examples/Package.swift Examples/Sources

# Where `make install` puts lib/nsarm and the link bin/nsarm.
PREFIX ?= /usr/local

.PHONY: all setup setup-tests setup-service-tests build test test-dependency test-service test-api test-web-app demo install package documentation bench formats test-formats format lint clean

all: build

setup:
	@scripts/setup
	@mkdir -p .build

setup-tests:
	@scripts/setup --tests
	@mkdir -p .build

setup-service-tests: setup
	@scripts/setup --service-tests

build: setup
	@scripts/stamp-commit
	$(SWIFT) build $(SWIFT_FLAGS)

# Built by `swift build`, since `swift test` would compile the libraries again. Tests run in parallel, as many at once
# as there are cores: none depends on another or changes what the whole process shares.
test: setup-tests lint
	@scripts/stamp-commit
	$(SWIFT) build $(SWIFT_FLAGS) --build-tests --disable-xctest
	$(ALONE) scripts/test $(SWIFT_FLAGS) --skip-build --disable-xctest $(if $(FILTER),--filter '$(FILTER)')

# Where scripts/setup puts Schemathesis and Selenium.
SERVICE_TOOLS := $(HOME)/.cache/nsarm/service-tests/bin

# A package that depends on this one by a URL and a version.
test-dependency: setup
	scripts/in-temporary-folder scripts/test-dependency

# The service as it is used and abused, with the real programs around it; those checks that take seconds each.
# `scripts/with-postgres scripts/test-service` runs all of them.
test-service: build setup-service-tests
	scripts/with-postgres scripts/test-service --quick $(if $(NSARM_ALL_TESTS),--strict) --nsarm $(NSARM)

# Its description, by what Schemathesis makes up.
test-api: build setup-service-tests
	PATH="$(SERVICE_TOOLS):$$PATH" scripts/test-api $(NSARM)

# The web app in a headless Chromium; CHECKS=every_view runs the checks whose names contain that.
test-web-app: build setup-service-tests
	PATH="$(SERVICE_TOOLS):$$PATH" scripts/test-web-app --nsarm $(NSARM) $(if $(CHECKS),--only '$(CHECKS)')

# What every output format keeps of every input, as Documentation/formats.md.
FORMAT_TABLE := scripts/in-temporary-folder swift test $(SWIFT_FLAGS) --skip-build --disable-xctest --filter thePageHasEveryRow
formats: setup-tests
	@scripts/stamp-commit
	$(SWIFT) build $(SWIFT_FLAGS) --build-tests --disable-xctest
	NSARM_FORMATS="$(CURDIR)/Documentation/formats.md" $(ALONE) $(FORMAT_TABLE)

# The same files in the hands of other programs (see scripts/test-formats --help).
test-formats: setup-tests
	@scripts/stamp-commit
	$(SWIFT) build $(SWIFT_FLAGS) --build-tests --disable-xctest
	scripts/in-temporary-folder sh -c 'mkdir "$$TMPDIR/formats" && \
	  NSARM_FORMATS_KEEP="$$TMPDIR/formats" $(ALONE) $(FORMAT_TABLE) && scripts/test-formats "$$TMPDIR/formats"'

# Enlarges a small photo with the shipped models; before and after side by side in demo/before-after.jpg.
demo: build
	@mkdir -p demo
	$(NSARM) upscale Samples/face-astronaut-nasa-lr.jpg -o demo/nano.png --model nano --overwrite
	$(NSARM) upscale Samples/face-astronaut-nasa-lr.jpg -o demo/base.png --model base --overwrite
	$(NSARM) compare Samples/face-astronaut-nasa-lr.jpg demo/nano.png demo/base.png \
	  --label bicubic --label nano --label base -o demo/before-after.jpg --overwrite

# Installs what `make build` has built, for every user of the machine: make build && sudo make install PREFIX=/opt/nsarm
install:
	scripts/install "$(DESTDIR)$(PREFIX)"

# An archive of the program with all that it loads, in dist/ (see Documentation/installation.md).
package: build
	scripts/package

# The pages of the libraries, in documentation/.
documentation: build
	scripts/documentation

# Prints how fast this machine restores and trains and, given DATA=folder with val/, a folder of original pictures, the
# quality of the shipped model on them, with a report in benchmark/ (see Documentation/performance.md and
# Documentation/benchmarks.md).
bench: build
	$(NSARM) bench
	$(if $(DATA),$(NSARM) benchmark Recipes/benchmark/val.yaml --data $(DATA) -o benchmark)

format:
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

# swift format does not look at the width of comments.
lint:
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)
	@! LC_ALL=C.UTF-8 grep -rnE --include='*.swift' --include='*.[ch]' --include='*.cpp' '^.{101,}$$' \
	  Sources Tests Examples/Sources | grep -E '^[^:]+:[0-9]+: *//' || { echo 'comments over 100 columns' >&2; exit 1; }

clean:
	rm -rf .build Examples/.build demo benchmark dist documentation
