# ARGS is handed on:        make run ARGS="--http 8081"    make test ARGS="-x -k http"
# PYTHON chooses a Python:  make run PYTHON=/usr/local/bin/python3.12
# NO_APT=1 forbids `make test` to install the programs (curl, ftp, nc ...) that it tests with.

PYTHONS = $(or $(PYTHON),.venv/bin/python python3.13 python3.12 python3.11 python3)

# $(call venv,EXTRA ...): the first Python that is new enough brings .venv up to date, with these extras of setup.cfg.
# Each one is started, as a name alone proves nothing (version managers leave names that only print an error).
venv = @for python in $(PYTHONS); do \
	  command -v "$$python" >/dev/null || continue; \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" bootstrap.py $(1); \
	  fi; \
	  found="$${found:+$$found, }$$python: $$("$$python" --version 2>&1 | sed -n 's/^Python //; 1p')"; \
	done; \
	echo "Protocol Playground needs Python 3.11 or newer (found $${found:-none})." \
	     "Is it elsewhere? make $@ PYTHON=/path/to/python" >&2; \
	exit 1

.PHONY: help run test lint docs clean

help:
	@echo 'make run     start the playground (makes .venv first, once)'
	@echo 'make test    all tests, with real clients; says what it would install'
	@echo 'make lint    ruff, mypy --strict, import floors'
	@echo 'make docs    docs/_build/html'
	@echo 'make clean   throw away caches and builds; .venv stays'
	@sed -n 's/^# //p' Makefile | sed '/^\$$(call/,$$d'

run:
	$(call venv,tls redis functions)
	@exec .venv/bin/playground up $(ARGS)

test:
	$(call venv,test)
	@.venv/bin/python tests/clients/programs.py
	@exec .venv/bin/python -m pytest $(ARGS)

lint:
	$(call venv,test lint docs)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs:
	$(call venv,docs)
	.venv/bin/sphinx-build -W --keep-going -q docs docs/_build/html
	@echo 'Read docs/_build/html/index.html'

clean:
	rm -rf build dist docs/_build htmlcov .coverage .coverage.* twisted/plugins/dropin.cache
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find playground tests twisted docs -name __pycache__ -type d -prune -exec rm -rf {} +
