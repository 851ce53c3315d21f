#!/usr/bin/env bash
# Installs what tests need, builds, and runs every test. Arguments go to ctest (-R name, ...).
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh

# shellcheck disable=SC2086
need $build_packages $test_packages
[ -f build/build.ninja ] && grep -q "TELECINE_TESTS:BOOL=ON" build/CMakeCache.txt ||
  cmake --preset release -DTELECINE_TESTS=ON >/dev/null
ninja -C build --quiet
command -v npm >/dev/null || need npm
clients=tests/integration
if [ ! "$clients/node_modules/.package-lock.json" -nt "$clients/package-lock.json" ]; then
  echo "Installing the vendors' clients for tests"
  npm ci --prefix "$clients" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    echo "They cannot be installed: the tests that need them are skipped and say so."
fi
media=${TELECINE_TEST_MEDIA:-$(dirname "$PWD")/shared/media}
[ -d "$media" ] || echo "No clips at $media: tests that need them are skipped and say so."
# Two at a time: each waits for servers and tools about half of the time.
exec ctest --test-dir build --output-on-failure --parallel 2 "$@"
