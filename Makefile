# 两条命令：make demo（看它判读）、make test（证明它没坏）。第一次运行会自己装好一切。
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export UV_LINK_MODE = copy
export CMAKE_BUILD_PARALLEL_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test check bench eval serve setup setup-dev lock clean

help:  ## 列出命令
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

# The stamps make a second run re-use what the first installed.
$(VENV)/.run: $(BIN)/uv requirements.lock pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.run  ## 安装运行所需（不编译大模型后端，约一分钟）
setup-dev: $(VENV)/.dev  ## 安装测试所需（首次编译 llama.cpp，约十分钟）

demo: $(VENV)/.run  ## 判读自带的样例通话，给出结论、原话、条款、工单和报告
	$(BIN)/xiaobao demo

test: $(VENV)/.dev  ## 全部测试
	$(BIN)/python -m pytest

check: $(VENV)/.dev  ## 静态检查：格式、类型、依赖方向、规则、依赖例外是否到期
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/xiaobao rules lint
	XIAOBAO_GATE=1 $(BIN)/python -m pytest -n 0 tests/house/test_dependencies.py

bench: $(VENV)/.dev  ## 吞吐与倍率
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.retrieval

eval: $(VENV)/.run  ## 判读质量（../shared 在旁边时）
	$(BIN)/python -m benchmarks.quality

serve:  ## 服务（API 与界面；还没有）
	@echo "API 与界面还没有做；现在请用 xiaobao judge 与 xiaobao demo。"; exit 2

lock: $(BIN)/uv  ## 重新生成锁文件（无地址、有哈希）
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url --no-emit-find-links --generate-hashes \
	  --python-version 3.11 --universal pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url --no-emit-find-links --generate-hashes \
	  --python-version 3.11 --universal --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## 删除虚拟环境与数据目录
	rm -rf $(VENV) var
