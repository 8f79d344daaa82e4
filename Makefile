# Each target is a line over a script in scripts/, which can also be run by hand.
.PHONY: demo test check torture fuzz bench clean

# Three stores and their HQ on this machine, until Ctrl-C. SECONDS=30 ends by itself, HEADLESS=1 prints only the verdict.
demo:
	@scripts/demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(filter-out 0,$(HEADLESS)),--headless)

# Everything: packages, environment, check, all tests. ARGS="tests/core -k ledger" goes to pytest.
test:
	@scripts/test $(ARGS)

# Style, types, import rules, tidiness.
check:
	@scripts/check

# The killing tests, 100 kills in each scenario. ONLY=books: power cuts, failing disks, flipped bits, kills, mutations.
# ONLY=invariants: 300 random histories for each invariant of the books. ONLY=line: everything that can happen between
# stores and HQ, two scenarios side by side, also in build/torture-line.json; ARGS="--help" says how much of it there is,
# ARGS="broker clocks --times 5" does some of it. ONLY=devices: readers that flap for 24 simulated hours.
torture:
	@ONLY=$(ONLY) scripts/torture $(ARGS)

# Every parser of bytes from outside, 60 s each under a coverage-guided fuzzer, two side by side: no crash, no hang, no growth.
# ONLY=r200: those with that in their name; ARGS="--seconds 600". What broke one is kept in build/fuzz/found.
# ONLY=api: the store's HTTP API, with schemathesis and hypothesis against a real store; FUZZ_EXAMPLES=1000 of each.
fuzz:
	@scripts/fuzz $(ONLY) $(ARGS)

# The figures the project promises, side by side with its peers; also in build/bench.json. ONLY=books: those of one module;
# ONLY=line: the line between stores and HQ, against thingsboard-gateway; ONLY=devices: readers, against sllurp and llrpkit;
# ONLY=picking: a simulated lunch rush, against picking as listed.
bench:
	@scripts/bench $(ONLY) $(ARGS)

# Everything that can be made again.
clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
