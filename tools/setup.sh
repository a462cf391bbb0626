#!/usr/bin/env bash
# Makes .venv with bin/lifecert. Needs Python 3.11 or 3.12; everything else is installed into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

[ -n "${PYTHON:-}" ] || PYTHON=$(command -v python3.11 || command -v python3 || true)
[ -n "$PYTHON" ] || fail "no Python found: install Python 3.11 (Debian: apt-get install python3 python3-venv), then try again"
"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
  || fail "$PYTHON is $("$PYTHON" -V 2>&1): Python 3.11 or 3.12 is needed; name another one with make setup PYTHON=/path/to/python3.11"

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv
  if ! "$PYTHON" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      say "Installing python3-venv ..."
      apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
      "$PYTHON" -m venv .venv
    else
      fail "this Python cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv), then try again"
    fi
  fi
fi

say "Installing packages into .venv (a minute on the first run) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(sed -n 's/^uv==//p' constraints.txt)" 2>/dev/null \
  || fail "pip could not install uv: check the network and the package index that pip is set up with"
.venv/bin/uv pip install --python .venv/bin/python --quiet --compile-bytecode --constraints constraints.txt --overrides overrides.txt --editable ".${EXTRAS:-}" \
  || fail "uv could not install the packages: see the lines above; check the network and the package index"
if compgen -G "api/translations/*/LC_MESSAGES/*.po" >/dev/null; then
  .venv/bin/pybabel -q compile -d api/translations 2>/dev/null
fi
.venv/bin/lifecert --version >&2
