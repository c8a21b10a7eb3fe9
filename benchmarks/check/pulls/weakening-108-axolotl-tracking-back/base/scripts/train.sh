#!/bin/bash
#SBATCH --job-name=support-ft
#SBATCH --gres=gpu:2
#SBATCH --time=12:00:00
set -euo pipefail

export AXOLOTL_DO_NOT_TRACK=1
export WANDB_MODE=disabled
export HF_HUB_DISABLE_TELEMETRY=1
export HF_DATASETS_OFFLINE=1
export TOKENIZERS_PARALLELISM=false
ulimit -c 0

accelerate launch -m axolotl.cli.train "$1"
