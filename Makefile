# mychat: build, run, test and install. `make help` lists the targets.
PREFIX ?= /usr/local
CONFIGURATION ?= release
SWIFT_BUILD = swift build -c $(CONFIGURATION) --static-swift-stdlib
ADDRESS ?=

# Debian packages: what the programs are built from, and the real peers and terminal that the tests talk to.
BUILD_PACKAGES = libedit-dev
TEST_PACKAGES = libedit-dev tmux netcat-openbsd
BENCH_PACKAGES = redis-server nats-server ngircd ncat

.DEFAULT_GOAL := help
.PHONY: help build run chat demo test check lint format bench install uninstall clean \
  build-packages test-packages bench-packages

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: build-packages ## Build both programs
	@$(SWIFT_BUILD) --product mychatserver
	@$(SWIFT_BUILD) --product mychatclient

run: build ## Install what is missing, build, and start the server (ADDRESS=... for another address)
	@exec "$$($(SWIFT_BUILD) --show-bin-path)/mychatserver" $(ADDRESS)

chat: build ## Start a client (ADDRESS=... for another server)
	@exec "$$($(SWIFT_BUILD) --show-bin-path)/mychatclient" $(ADDRESS)

demo: build ## Play a conversation with the real programs, and show what each one printed
	@$(SWIFT_BUILD) --product mychatdemo
	@exec "$$($(SWIFT_BUILD) --show-bin-path)/mychatdemo"

# The torture takes all of the machine, so it comes when everything else is done.
test: test-packages ## Run the tests
	swift build --build-tests
	swift test --skip-build --skip TortureTests
	swift test --skip-build --filter TortureTests

check: lint test ## Lint, build with warnings as errors, and test: what CI runs

lint: ## Check the format of every source file
	swift format lint --strict --recursive Package.swift Sources Tests

format: ## Put every source file into that format
	swift format --in-place --recursive Package.swift Sources Tests

bench: build bench-packages ## Compare the server with others on this machine; about ten minutes
	@$(SWIFT_BUILD) --product mychatload
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatload" bench

install: build ## Install both programs into PREFIX/bin (PREFIX=/usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install "$$($(SWIFT_BUILD) --show-bin-path)/mychatserver" "$$($(SWIFT_BUILD) --show-bin-path)/mychatclient" "$(DESTDIR)$(PREFIX)/bin"

uninstall: ## Remove them from there
	rm -f "$(DESTDIR)$(PREFIX)/bin/mychatserver" "$(DESTDIR)$(PREFIX)/bin/mychatclient"

clean: ## Remove all that was built
	rm -rf .build

# Installs what is missing, and asks for root's rights only then.
define install-packages
@missing=; for package in $(1); do \
  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
if [ -n "$$missing" ]; then \
  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
  echo "Installing$$missing"; \
  $$root apt-get -qq update && $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing; fi
endef

build-packages:
	$(call install-packages,$(BUILD_PACKAGES))

test-packages:
	$(call install-packages,$(TEST_PACKAGES))

bench-packages:
	$(call install-packages,$(BENCH_PACKAGES))
