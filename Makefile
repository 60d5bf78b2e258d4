# mychat: build, run, test and install. `make help` lists the targets.
PREFIX ?= /usr/local
CONFIGURATION ?= release
SWIFT_BUILD = swift build -c $(CONFIGURATION) --static-swift-stdlib
ADDRESS ?=

# Debian packages: what the programs are built from, and what the tests use: real peers, a terminal, readers of what is installed.
BUILD_PACKAGES = libedit-dev
TEST_PACKAGES = libedit-dev tmux netcat-openbsd openssl python3 redis-tools stunnel4 mandoc zsh fish
BENCH_PACKAGES = redis-server nats-server ngircd ncat
TORTURE_PACKAGES = iproute2 redis-tools util-linux
CLUSTER_PACKAGES = redis-tools
DEB_PACKAGES = debhelper dpkg-dev lintian
SERVICE_PACKAGES = debootstrap systemd-container
MODEL_PACKAGES = spin gcc libc6-dev
SSH_PACKAGES = openssh-client procps util-linux
METRICS_PACKAGES = prometheus prometheus-node-exporter

# What `make test` runs side by side.
TEST_PARTS = end-to-end server sharing others
TORTURE_PARTS = torture cluster

.DEFAULT_GOAL := help
.PHONY: help build run chat demo test check lint format bench metrics-bench torture soak sanitize fuzz model typing ssh-test metrics-test service-test \
  install uninstall deb clean cluster-demo cluster-bench cluster-torture cluster-soak $(TEST_PARTS:%=test-%) $(TORTURE_PARTS:%=test-%) \
  build-packages test-packages bench-packages torture-packages model-packages cluster-packages ssh-packages metrics-packages \
  deb-packages service-packages

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

# Tests mostly wait, and one process runs no more of them at once than there are cores, so several run side by side. What each
# prints comes when it is done. The torture takes all of the machine, so it comes last.
SHARING = 'ChatServerTests\.(Shared|OneOrder|Presence|Link|Away)'
test: test-packages ## Run the tests
	swift build --build-tests
	@$(MAKE) --no-print-directory --jobs --keep-going --output-sync=target $(TEST_PARTS:%=test-%)
	@$(MAKE) --no-print-directory --jobs --keep-going --output-sync=target $(TORTURE_PARTS:%=test-%)

test-end-to-end: CHOSEN = --filter EndToEndTests
test-server: CHOSEN = --filter ChatServerTests --skip $(SHARING)
test-sharing: CHOSEN = --filter $(SHARING)
test-others: CHOSEN = --skip 'EndToEndTests|ChatServerTests|TortureTests'
test-torture: CHOSEN = --filter TortureTests --skip TortureTests.ClusterTests
test-cluster: CHOSEN = --filter TortureTests.ClusterTests
$(TEST_PARTS:%=test-%) $(TORTURE_PARTS:%=test-%):
	swift test --skip-build --ignore-lock $(CHOSEN)

check: lint test ## Lint, build with warnings as errors, and test: what CI runs

# What is pure stays pure: the room, its people, the wire's protocol and Redis's do no input and output, and look at no clock.
PURE = Sources/ChatRedis Sources/ChatServer/Room Sources/ChatServer/People Sources/ChatWire/Protocol Sources/ChatWire/State
IMPURE = import (Dispatch|CLinux|Foundation)|(FileDescriptor|Socket[A-Z][a-z]+|Dispatch[A-Z][A-Za-z]+|ContinuousClock)
lint: ## Check the format of every source file, and that the room, its people and the protocol do no input and output
	swift format lint --strict --recursive Package.swift Sources Tests
	@! grep -rnE '$(IMPURE)' $(PURE)

format: ## Put every source file into that format
	swift format --in-place --recursive Package.swift Sources Tests

bench: build bench-packages ## Compare the server with others on this machine; about ten minutes
	@$(SWIFT_BUILD) --product mychatload
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatload" bench

metrics-bench: build ## What it costs a busy server to be asked for its metrics; about three minutes
	@$(SWIFT_BUILD) --product mychatload
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatload" metrics

torture: build torture-packages ## Hostile peers at full size: what was asked beside what was measured; half an hour is random
	@$(SWIFT_BUILD) --product FailingCalls
	@$(SWIFT_BUILD) --product mychattorture
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychattorture"

soak: build ## An hour of a thousand members
	@$(SWIFT_BUILD) --product mychattorture
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychattorture" 19

cluster-demo: build cluster-packages ## Install and start Redis and three servers with one room, and play a conversation over them
	@$(SWIFT_BUILD) --product mychatdemo
	@exec "$$($(SWIFT_BUILD) --show-bin-path)/mychatdemo" --cluster

cluster-bench: build cluster-packages ## What a room of 1,000 costs on one to four servers, as a table and a plot
	@$(SWIFT_BUILD) --product mychatcluster
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatcluster" bench

cluster-torture: build cluster-packages torture-packages ## Several servers with one room, and Redis, at full size: asked beside measured
	@$(SWIFT_BUILD) --product mychatcluster
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatcluster"

cluster-soak: build cluster-packages ## An hour of three servers with one room (TORTURE_SECONDS=... for less)
	@$(SWIFT_BUILD) --product mychatcluster
	@"$$($(SWIFT_BUILD) --show-bin-path)/mychatcluster" 10

# The rows of the torture that judge no memory: most of it is the sanitizer's. Row 14 is at full size.
SANITIZED_ROWS = 1 2 3 4 6 7 8 9 11 12 15 16 18 20 23 24 25
SANITIZED_CLUSTER_ROWS = 2 3 4 5 6 7 8 9
# Leaks are not looked for: the argument parser leaves some bytes behind at the end of a program.
sanitize: test-packages torture-packages cluster-packages ## Run the tests with the Thread Sanitizer and with the Address Sanitizer
	@$(SWIFT_BUILD) --product FailingCalls
	@$(SWIFT_BUILD) --product mychattorture
	@$(SWIFT_BUILD) --product mychatcluster
	@toolchain="$$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1|p')" && \
	  for symbol in $$(sed -n 's/^#define .*LOCK "\(.*\)"/\1/p' Tests/Sanitize/ContendedMutex.c); do \
	    grep -qF "$$symbol" "$$toolchain/lib/swift/linux/libswiftSynchronization.so" || \
	    { echo "Tests/Sanitize/ContendedMutex.c knows the Mutex of Swift 6.3, and this one has no $$symbol" >&2; exit 1; }; \
	  done && "$$toolchain/bin/clang" -O -Wall -Werror -fPIC -c Tests/Sanitize/ContendedMutex.c -o .build/ContendedMutex.o
	$(call sanitized,thread,TSAN_OPTIONS,:atexit_sleep_ms=0,-Xlinker $(CURDIR)/.build/ContendedMutex.o)
	$(call sanitized,address,ASAN_OPTIONS,:detect_leaks=0)
	@echo "No report of either sanitizer."

# $(1): the sanitizer; $(2), $(3): where its options go, and those it gets; $(4): what its build needs. Reports go to files,
# as those of the programs that a test starts would be lost in their output.
define sanitized
swift build --build-tests --sanitize=$(1) --scratch-path .build/$(1) $(4)
@rm -rf .build/$(1)-reports && mkdir .build/$(1)-reports
@export $(2)="log_path=$(CURDIR)/.build/$(1)-reports/report$(3)"; \
  torture="$$($(SWIFT_BUILD) --show-bin-path)/mychattorture"; \
  swift test --no-parallel --skip-build --sanitize=$(1) --scratch-path .build/$(1) --skip TortureTests; status=$$?; \
  "$$torture" --small --server .build/$(1)/debug/mychatserver $(SANITIZED_ROWS) || status=1; \
  "$$torture" --server .build/$(1)/debug/mychatserver 14 || status=1; \
  "$${torture%torture}cluster" --small --server .build/$(1)/debug/mychatserver $(SANITIZED_CLUSTER_ROWS) || status=1; \
  if [ -n "$$(ls .build/$(1)-reports)" ]; then cat .build/$(1)-reports/*; status=1; fi; exit $$status
endef

# Begins with one input for each target, and keeps what it finds in .build/fuzz for the next time. Swift's own crash reporter
# must not look into a program that has the Address Sanitizer: it crashes there, or hangs.
FUZZ_SECONDS ?= 600
FUZZED = swiftc -O -sanitize=fuzzer,address -parse-as-library -swift-version 6 -package-name mychat -I .build/fuzz
fuzz: ## Fuzz the framer, safe text, and what reads addresses, PROXY headers, Redis's replies and entries, and states, FUZZ_SECONDS (600) each
	@mkdir -p .build/fuzz && for module in ChatWire ChatRedis; do \
	  $(FUZZED) -module-name $$module -wmo -emit-module -emit-module-path .build/fuzz/$$module.swiftmodule -c \
	    $$(find Sources/$$module -name "*.swift") -o .build/fuzz/$$module.o || exit 1; done
	@for target in Framer SafeText Address Proxy Reply Entry State; do mkdir -p .build/fuzz/$$target && \
	  $(FUZZED) -module-name Fuzz Tests/Fuzz/$${target}Fuzz.swift .build/fuzz/Chat*.o -o .build/fuzz/run$$target && \
	  SWIFT_BACKTRACE=enable=no .build/fuzz/run$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=512 \
	    -artifact_prefix=.build/fuzz/ -seed_inputs=Tests/Fuzz/$$target.seed .build/fuzz/$$target || exit 1; done

# Not part of `make test`, because it adds two logins to the machine, and removes them again.
ssh-test: test-packages ssh-packages ## Try ssh:// with a real sshd on loopback, as root: it adds two logins and removes them again
	swift build --build-tests
	@Tests/SSHTests/with-two-logins swift test --skip-build --filter '^SSHTests\.'

# `make test` leaves these out where Prometheus is not installed, because it is big.
metrics-test: test-packages metrics-packages ## Let Prometheus and its node exporter collect the counters, and look what they got
	swift build --build-tests
	swift test --skip-build --filter 'EndToEndTests\.PrometheusTests|ChatServerTests\.PrometheusTextTests'

typing: test-packages ## Press 10,000 random keys with each of 20 seeds, and compare with a model of the line
	swift build --build-tests
	@TEST_SEEDS=20 TEST_KEYS=10000 swift test --skip-build --filter '^EndToEndTests\.RandomKeysTests'

# Each is a model, and how often what happens in it: connections break, servers are taken off, Redis loses something.
MODELS = room journal:-DBREAKS=2:-DREAPS=1:-DLOSSES=0 journal:-DBREAKS=1:-DREAPS=0:-DLOSSES=1 \
  journal:-DBREAKS=0:-DREAPS=1:-DLOSSES=1
model: model-packages ## Check the models of the room's log and of the log that servers share in every order of events
	@mkdir -p .build/model
	@cd .build/model && for model in $(MODELS); do set -- $$(echo $$model | tr : ' ') && name=$$1 && shift && echo "$$name $$*" && \
	  spin "$$@" -a ../../Tests/Model/$$name.pml && cc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000 > report; \
	  cat report; grep -q 'errors: 0$$' report && ! grep -q 'max search depth too small' report || exit 1; done

install: build ## Install programs, manual pages, completions and units into PREFIX (PREFIX=/usr/local)
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" .packaging/install "$$($(SWIFT_BUILD) --show-bin-path)"

uninstall: ## Remove them from there
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" .packaging/install --remove

deb: build deb-packages ## Make a Debian package, in .build/deb
	@.packaging/deb "$$($(SWIFT_BUILD) --show-bin-path)"

service-test: build deb-packages service-packages ## Install that package on a booted Debian, start, reload, upgrade and purge it; needs root
	@$(SWIFT_BUILD) --product mychatload
	@.packaging/service-test "$$($(SWIFT_BUILD) --show-bin-path)"

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

torture-packages:
	$(call install-packages,$(TORTURE_PACKAGES))

cluster-packages:
	$(call install-packages,$(CLUSTER_PACKAGES))

deb-packages:
	$(call install-packages,$(DEB_PACKAGES))

service-packages:
	$(call install-packages,$(SERVICE_PACKAGES))

model-packages:
	$(call install-packages,$(MODEL_PACKAGES))

# Debian starts what serves as soon as it is installed, and at each boot; here it is only for the tests. $(1): packages; $(2): the
# service, if it has another name.
define install-without-starting
@missing=; for package in $(1); do \
  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
[ -z "$$missing" ] || { policy=/usr/sbin/policy-rc.d; \
  [ ! -e $$policy ] || { echo "Install$$missing; $$policy may keep what is in it from starting" >&2; exit 1; }; \
  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
  trap "$$root rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' | $$root tee $$policy > /dev/null && \
  $$root chmod 755 $$policy && echo "Installing$$missing, which is not started" && $$root apt-get -qq update && \
  $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing && \
  if command -v systemctl > /dev/null; then $$root systemctl --quiet disable $(or $(2),$$missing); fi; }
endef

ssh-packages:
	$(call install-without-starting,openssh-server,ssh)
	$(call install-packages,$(SSH_PACKAGES))

metrics-packages:
	$(call install-without-starting,$(METRICS_PACKAGES))
