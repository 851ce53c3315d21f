# Sourced by build.sh, run.sh and test.sh: installs Debian packages that are missing, quietly.

build_packages="g++ cmake ninja-build ccache mold pkg-config
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev zlib1g-dev libpugixml-dev
  libsqlite3-dev liblz4-dev libcurl4-openssl-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev
  prometheus-cpp-dev libseccomp-dev
  libavcodec-dev libavformat-dev libavfilter-dev libavutil-dev libswscale-dev libswresample-dev
  libharfbuzz-dev libfribidi-dev libfreetype-dev libass-dev libheif-dev
  fonts-dejavu-core fonts-droid-fallback fonts-nanum fonts-noto-color-emoji"
test_packages="libgtest-dev libxlsxwriter-dev libheif-examples nodejs ffmpeg sqlite3 chromium
  radosgw ceph-mon ceph-osd ceph-common"

need() {
  local missing="" package
  for package in "$@"; do
    # A Node.js that did not come from Debian serves as well.
    if [ "$package" = nodejs ] && command -v node >/dev/null; then continue; fi
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing="$missing $package"
  done
  [ -z "$missing" ] && return
  local as_root=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "These packages are missing:$missing" >&2
      echo "Install them as root: apt-get install --no-install-recommends$missing" >&2
      exit 1
    }
    as_root=sudo
  fi
  echo "Installing:$missing" >&2
  $as_root apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing \
    >/dev/null
}
