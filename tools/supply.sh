#!/usr/bin/env bash
# The tools that look at what Lifecert is made of, in an environment of their own, so that they are no part of what they look at.
#   tools/supply.sh sbom    bill of materials, CycloneDX JSON, validated: build/sbom.cdx.json
#   tools/supply.sh audit   known vulnerabilities of the pinned packages; needs the advisory service, and fails where it cannot be reached
#   tools/supply.sh look    the same, and says what is known without failing: what came to be known today is no fault of a change that is tested today
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'supply: %s\n' "$*" >&2; exit 1; }
tools=.venv-supply
if [ ! -x "$tools/bin/pip-audit" ] || [ tools/supply.txt -nt "$tools/.ready" ]; then
  .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$tools"
  .venv/bin/uv pip install --quiet --python "$tools/bin/python" -r tools/supply.txt || fail "the tools could not be installed"
  touch "$tools/.ready"
fi
case "${1:-}" in
  sbom)
    mkdir -p build
    "$tools/bin/cyclonedx-py" environment .venv/bin/python --pyproject pyproject.toml --output-reproducible --validate \
      --spec-version 1.6 --output-format JSON --output-file build/sbom.cdx.json
    echo "build/sbom.cdx.json" ;;
  audit)
    # Exit 0: looked at everything, nothing known. Anything else is a finding, or that it could not be looked up: never passed silently.
    "$tools/bin/pip-audit" --strict --no-deps --disable-pip --progress-spinner off --timeout 15 -r constraints.txt \
      || fail "either a package has a known vulnerability (the lines above name it), or the advisory service was not reached: nothing is known then, ask again where it is" ;;
  look)
    mkdir -p build
    rm -f build/audit.json
    # a minute at most: where packets are dropped each package would wait for its own time to run out
    timeout 60 "$tools/bin/pip-audit" --no-deps --disable-pip --progress-spinner off --timeout 15 --format json --output build/audit.json \
      -r constraints.txt >build/audit.log 2>&1 || true
    .venv/bin/python tools/say_audit.py build/audit.json ;;
  *) fail "say sbom, audit or look" ;;
esac
