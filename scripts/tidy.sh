#!/usr/bin/env bash
# scripts/tidy.sh [FILE...]
# Checks sources (all, or those named) by clang-tidy with the rules in .clang-tidy. It reads how
# they are compiled from build/, so run ./test.sh first, or cmake --preset release.
#
# TIDY names the program (clang-tidy-19), TIDY_JOBS how many run at once (1: each takes up to a
# minute and half a gigabyte), TIDY_CHECKS adds to or takes from the checks
# (TIDY_CHECKS='-clang-analyzer-*' takes a third of the time).
set -euo pipefail
cd "$(dirname "$0")/.."
tidy=${TIDY:-clang-tidy-19}
command -v "$tidy" >/dev/null || {
  echo "tidy.sh: there is no $tidy; apt-get install clang-tidy-19, or name another in TIDY" >&2
  exit 2
}
[ -f build/compile_commands.json ] || {
  echo "tidy.sh: build/ is not configured; run cmake --preset release" >&2
  exit 2
}

# Clang cannot read a header that g++ precompiled, nor does it know all its warnings.
database=build/tidy
mkdir -p "$database"
sed -E 's| -include [^ ]*cmake_pch\.hxx||; s/ -(fpch-preprocess|Winvalid-pch|Werror)//g
        s/ -Wno-(maybe-uninitialized|restrict|stringop-[a-z]+)//g' \
  build/compile_commands.json >"$database/compile_commands.json"

[ $# -gt 0 ] || set -- $(git ls-files 'src/*.cc' 'tests/unit/*.cc' 'bench/*.cc')
printf '%s\0' "$@" |
  xargs -0 -n 1 -P "${TIDY_JOBS:-1}" \
    "$tidy" -p "$database" --quiet --checks="${TIDY_CHECKS:-}" 2> >(grep -v 'warnings\? generated' >&2)
