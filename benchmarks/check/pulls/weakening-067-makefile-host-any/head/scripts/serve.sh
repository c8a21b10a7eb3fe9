#!/usr/bin/env bash
set -euo pipefail

MODEL="${MODEL:-$HOME/models/gemma-2-9b-it-Q5_K_M.gguf}"
ulimit -c 0
export HF_HUB_DISABLE_TELEMETRY=1
export LLAMA_ARG_NO_SLOTS=1

exec llama-server \
  --model "$MODEL" \
  --host 127.0.0.1 \
  --port "${PORT:-8080}" \
  --api-key-file "$HOME/.config/llama/keys" \
  --n-gpu-layers 99 \
  --log-disable
