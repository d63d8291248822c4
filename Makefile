# Larder's commands. `make run` starts everything on this machine; `make test` runs every test.
# Written for GNU make 3.81, the one macOS ships.

VENV ?= .venv
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$candidate; break; fi; done)
RUN = "$(VENV)/bin/python"

# What `make run` understands:
# make run IMAGES=folder CLASSES="rice,pasta" LABELS=trusted PROJECT="Corner shop" SHARE=lan
export IMAGES CLASSES LABELS PROJECT SHARE VENV

.PHONY: help run setup test check bench crosscheck peers login-link clean python

help:
	@echo "make run         start Larder here (SHARE=lan: also for phones on this network)"
	@echo "make run IMAGES=folder [CLASSES=\"rice,pasta\"] [LABELS=trusted|suggested|ignore] [PROJECT=name]"
	@echo "make login-link  print a one-time link that signs the owner in"
	@echo "make test        every test, with the time of each tier   (TIERS=\"unit browser\" for some)"
	@echo "make check       lint, types, import contracts"
	@echo "make bench       what the loop and the embedding cost on this machine"
	@echo "make crosscheck  our ways of aggregating votes against crowd-kit and cleanlab"
	@echo "make peers       acquisition functions against scikit-activeml's   (PEERS=\"--sets digits\")"
	@echo "make setup       install only"
	@echo "make clean       remove what was built and installed; your data in var/ stays"

python:
	@if [ -z "$(PYTHON)" ]; then \
	echo "Larder needs Python 3.11 or newer, and found none. Install it, or name it: make PYTHON=/path/to/python3.11"; \
	exit 1; fi

setup: python
	@"$(PYTHON)" deploy/install.py

run: setup
	@exec $(RUN) manage.py up

test: python
	@"$(PYTHON)" deploy/install.py --dev
	@$(RUN) platform/config/tests/run_tiers.py $(TIERS)

check: python
	@"$(PYTHON)" deploy/install.py --dev --no-frontend
	@$(RUN) platform/config/tests/run_tiers.py check

bench: setup
	@$(RUN) manage.py bench loop
	@$(RUN) manage.py bench embed

crosscheck: python
	@"$(PYTHON)" -m venv var/crosscheck
	@var/crosscheck/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-crosscheck.txt
	@var/crosscheck/bin/python -m pytest -q -c /dev/null --rootdir=. --noconftest -p no:cacheprovider \
	-W ignore -o pythonpath=. -o "markers=crosscheck: heavy" labeling/tests/consensus/test_crosscheck.py

peers: setup
	@"$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-peers.txt
	@"$(VENV)/bin/python" manage.py compare_choices --strategies uherding,margin,random,skactiveml $(PEERS)

login-link:
	@$(RUN) manage.py login_link

clean:
	rm -rf "$(VENV)" frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
