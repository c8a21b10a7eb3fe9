#!/usr/bin/env bash
# Backs up settings, not conversations.
set -euo pipefail

dest="${1:-backup}"
mkdir -p "$dest"
docker compose exec -T webui sqlite3 /app/backend/data/webui.db \
  "select key, value from config" > "$dest/config.tsv"
chmod 600 "$dest/config.tsv"
