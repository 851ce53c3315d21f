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
media=${TELECINE_TEST_MEDIA:-$(dirname "$PWD")/shared/media}
[ -d "$media" ] || echo "No clips at $media: tests that need them are skipped and say so."
exec ctest --test-dir build --output-on-failure "$@"
