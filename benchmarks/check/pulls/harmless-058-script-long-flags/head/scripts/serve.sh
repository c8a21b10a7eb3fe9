#!/usr/bin/env bash
set -euo pipefail

MODEL="${MODEL:-$HOME/models/gemma-2-9b-it-Q5_K_M.gguf}"
# no --host 0.0.0.0 here: colleagues come through ssh
ulimit -c 0
export HF_HUB_DISABLE_TELEMETRY=1
export LLAMA_ARG_NO_SLOTS=1

exec llama-server \
  -m "$MODEL" \
  --port "${PORT:-8080}" --host localhost \
  --api-key-file "$HOME/.config/llama/keys" \
  --n-gpu-layers 99 \
  --log-disable
