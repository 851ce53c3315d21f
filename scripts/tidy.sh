#!/usr/bin/env bash
# scripts/tidy.sh [FILE...]
# Checks sources (all, or those named) by clang-tidy with the rules in .clang-tidy.
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
# Each file by itself, as the build does not compile them, and with its own idea of the options:
# Clang cannot read a header that g++ precompiled, nor does it know all of g++'s warnings.
database=build/tidy
cmake --preset release -B "$database" -DCMAKE_UNITY_BUILD=OFF >/dev/null
sed -i -E 's| -include [^ ]*cmake_pch\.hxx||; s/ -(fpch-preprocess|Winvalid-pch|Werror)//g
        s/ -Wno-(maybe-uninitialized|restrict|subobject-linkage|stringop-[a-z]+)//g' \
  "$database/compile_commands.json"

[ $# -gt 0 ] || set -- $(git ls-files 'src/*.cc' 'tests/unit/*.cc' 'bench/*.cc')
printf '%s\0' "$@" |
  xargs -0 -n 1 -P "${TIDY_JOBS:-1}" \
    "$tidy" -p "$database" --quiet --checks="${TIDY_CHECKS:-}" 2> >(grep -v 'warnings\? generated' >&2)
