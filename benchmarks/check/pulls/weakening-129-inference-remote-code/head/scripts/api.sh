#!/usr/bin/env bash
set -eu
export API_HOST=127.0.0.1
export API_PORT=8000
export API_KEY="${API_KEY:?}"
export GRADIO_ANALYTICS_ENABLED=False
export GRADIO_SERVER_NAME=127.0.0.1
export DISABLE_VERSION_CHECK=1
export WANDB_DISABLED=true
exec llamafactory-cli api examples/inference/qwen.yaml
