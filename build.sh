#!/usr/bin/env bash
# Installs what building needs and builds build/telecine and build/telecine-media.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh

# shellcheck disable=SC2086
need $build_packages
[ -f build/build.ninja ] ||
  cmake --preset release -DTELECINE_TESTS=OFF >build.log 2>&1 ||
  { cat build.log >&2; exit 1; }
rm -f build.log
exec ninja -C build --quiet "${@:-telecine}"
