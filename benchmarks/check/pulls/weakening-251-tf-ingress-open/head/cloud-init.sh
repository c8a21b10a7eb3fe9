#!/bin/bash
set -eu
swapoff -a
echo 'kernel.core_pattern=|/bin/false' > /etc/sysctl.d/50-core.conf
sysctl --system
cat > /etc/vllm.env <<ENV
VLLM_NO_USAGE_STATS=1
HF_HUB_DISABLE_TELEMETRY=1
ENV
docker run -d --name vllm --gpus all --env-file /etc/vllm.env \
  -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp --cap-drop ALL \
  vllm/vllm-openai:v0.11.0 --model Qwen/Qwen2.5-7B-Instruct
