# Every target sets up what it needs (tools/setup.sh); that takes no time when all is there.

SHELL := /bin/bash
BIN := .venv/bin
STAGED := build/road_extractor_plugin
DEMO_FILES := $(addprefix build/demo/csk_01_,probability.tif mask.tif roads.gpkg preview.png report.json)
SOURCES := road_extractor_plugin model_training tools

# Packages in the user's home would shadow those of the system and of .venv.
export PYTHONNOUSERSITE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check build package install bench translations soak train-starter clean light full

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: light ## find the roads in the example image, into build/demo; needs neither QGIS nor torch
	$(BIN)/python -m road_extractor_plugin extract examples/csk_01.tif -o build/demo --overwrite
	@ls -l $(DEMO_FILES)
	@echo "Look at build/demo/csk_01_preview.png"
	@if [ -t 1 ] && [ -n "$$DISPLAY" ] && command -v xdg-open >/dev/null; then xdg-open build/demo/csk_01_preview.png; fi

test: full ## run all tests: plain, QGIS offscreen, the QGIS desktop on a virtual screen
	tools/run_tests.sh

check: full build ## lint, types, import contracts, lengths; then what plugins.qgis.org scans for, on the built plugin
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/vermin --target=3.9- --violations --no-tips --quiet $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo # its cache misses a module that came after its importers
	$(BIN)/python tools/check_lengths.py $(SOURCES) tests
	$(BIN)/bandit --quiet --recursive --skip B404 $(STAGED) # B404, "import subprocess", is off there too
	find $(STAGED) -type f -print0 | xargs -0 $(BIN)/detect-secrets-hook

build: ## stage the plugin in build/road_extractor_plugin
	/usr/bin/python3 tools/build_plugin.py build

package: ## zip the plugin for plugins.qgis.org
	/usr/bin/python3 tools/build_plugin.py package

install: ## put the plugin into the QGIS profile in QGIS_PROFILE_PATH, or into the default profile
	/usr/bin/python3 tools/build_plugin.py install

bench: full ## measure speed and memory
	@for script in $(filter-out %_scenes.py %_measures.py %_figures.py %/versions.py, $(wildcard benchmarks/*.py)); do echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script" || exit; done

translations: ## take new texts into the translations and compile them; needs lrelease (Debian: qttools5-dev-tools)
	/usr/bin/python3 tools/translations.py

soak: full ## run the long tests
	$(BIN)/python -m pytest -m soak tests

MODELS := road_extractor_plugin/models
CONFIGS := model_training/configs
TESTS := massachusetts/test@1.0 dubai/test@0.85

train-starter: ## train the bundled models anew, in stages; goes on after an interruption: make train-starter DATA=<folder>
	@test -d "$(DATA)" || { echo "Say where the images are: make train-starter DATA=<folder>, with the folders that" \
	    "model_training/README.md names."; exit 2; }
	@tools/setup.sh full
	$(BIN)/python -m model_training stages $(CONFIGS)/starter.yaml $(CONFIGS)/student.yaml \
	    $(CONFIGS)/student_finetune.yaml --data "$(DATA)"
	$(BIN)/python -m model_training export runs/starter --checkpoint last --precision fp16 --data "$(DATA)" \
	    $(TESTS:%=--test "$(DATA)/%") -o $(MODELS)/starter.onnx
	$(BIN)/python -m model_training export runs/student_finetune --checkpoint last --precision fp16 --data "$(DATA)" \
	    $(TESTS:%=--test "$(DATA)/%") -o $(MODELS)/convnext.onnx

clean: ## remove all that was built, the environment included; trained runs stay
	rm -rf build .venv .hypothesis .mypy_cache .pytest_cache .qgis-settings .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

light full:
	@tools/setup.sh $@
