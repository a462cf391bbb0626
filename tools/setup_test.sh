#!/usr/bin/env bash
# What the tests need beside the service: test packages, and a browser with Chinese fonts.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/.ready-test
if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ] || [ constraints.txt -nt "$stamp" ]; then
  echo "Installing test packages ..." >&2
  extras=test
  if command -v java >/dev/null; then extras=test,spark; fi # the tests of the second engine run where Java is
  .venv/bin/uv pip install --python .venv/bin/python --quiet --compile-bytecode --constraints constraints.txt --overrides overrides.txt --editable ".[$extras]"
  touch "$stamp"
fi
if ! command -v chromium >/dev/null || ! { command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh)" ]; }; then
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    run=""; [ "$(id -u)" = 0 ] || run="sudo"
    echo "Installing Debian's chromium and fonts for the browser tests ..." >&2
    $run apt-get update -qq
    $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig >/dev/null
  else
    echo "The browser tests need chromium and fonts-noto-cjk; this user may not install them, so those tests will fail. As root: apt-get install chromium fonts-noto-cjk" >&2
  fi
fi
if ! command -v softhsm2-util >/dev/null; then
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    run=""; [ "$(id -u)" = 0 ] || run="sudo"
    echo "Installing Debian's SoftHSM for the tests of the key service ..." >&2
    $run apt-get update -qq
    $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends softhsm2 >/dev/null || true
  fi
  command -v softhsm2-util >/dev/null || echo "The tests of the key service are skipped: they need SoftHSM. As root: apt-get install softhsm2" >&2
fi
