#!/usr/bin/env bash
# Looks for keys and tokens in what git keeps. tools/secrets.baseline has what people looked at: addresses of documentation with made-up passwords.
# After looking at a new finding that is none: tools/secrets.sh --accept
set -euo pipefail
cd "$(dirname "$0")/.."
without=(Base64HighEntropyString HexHighEntropyString KeywordDetector IPPublicDetector)
mapfile -t files < <(git ls-files -- '*.py' '*.toml' '*.md' '*.sh' '*.txt' '*.json' '*.js' '*.yml' '*.service' Makefile | grep -v '^tools/secrets.baseline$')
options=(); for name in "${without[@]}"; do options+=(--disable-plugin "$name"); done
if [ "${1:-}" = --accept ]; then
  .venv/bin/detect-secrets scan "${options[@]}" "${files[@]}" >tools/secrets.baseline
else
  .venv/bin/detect-secrets-hook --baseline tools/secrets.baseline "${files[@]}" && echo "no secrets in ${#files[@]} files" >&2
fi
