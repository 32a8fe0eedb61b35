#!/usr/bin/env bash
# Installs what the tests start (tools/debian_packages.txt; with the argument `full` what the slow ones
# start as well, debian_packages_full.txt), and the headers and venv module of the Python in use
# ($PYTHON, as in the Makefile). No release has every package: what there is gets
# installed, what there is not is named, and its tests are skipped.
# Exit code: 0 all that this release offers is installed, 1 some of it could not be, 2 there is no
# apt-get, or only root could install.
set -uo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
lists=("$here/debian_packages.txt")
[ "${1:-}" != full ] || lists+=("$here/debian_packages_full.txt")

needs() {
  sed -E '/^(#|$)/d; s/ +/ /g' "${lists[@]}"
  local dotted
  dotted=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
  "$python" -c 'import ensurepip' 2>/dev/null ||
    echo "${dotted:+python$dotted-venv} python3-venv # make's own environment"
  "$python" -c 'import os, sysconfig as s, sys
sys.exit(not os.path.exists(os.path.join(s.get_path("include"), "Python.h")))' 2>/dev/null ||
    echo "${dotted:+python$dotted-dev} python3-dev # Python.h"
}

# Of names, those that are installed; those that this release offers.
installed() { dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p'; }
offered() {
  apt-cache policy "$@" 2>/dev/null |
    awk '/^[^ ]/ {name = substr($1, 1, length($1) - 1)} $1 == "Candidate:" && $2 != "(none)" {print name}'
}

# The packages of the first alternative of a need all of which are in the list (one name a line).
first_of() {
  local alternative
  for alternative in $1; do
    tr , '\n' <<<"$alternative" | grep -qvxF -f <(echo "$2") || { echo "$alternative" && return; }
  done
  return 1
}

mapfile -t wanted < <(needs)
if ! command -v apt-get >/dev/null; then
  echo "no apt-get here: this script knows Debian and Ubuntu. The tests use, by Debian's names:"
  printf '  %s\n' "${wanted[@]}"
  exit 2
fi
IFS=', ' read -ra names <<<"$(printf '%s ' "${wanted[@]%%#*}")"
have=$(installed "${names[@]}")
missing=()
for need in "${wanted[@]}"; do
  first_of "${need%%#*}" "$have" >/dev/null || missing+=("$need")
done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "only root can install packages: sudo $0"
  echo "not installed:"
  printf '  %s\n' "${missing[@]}"
  exit 2
fi

release=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)
failed=()
apt=(apt-get -qq -o DPkg::Lock::Timeout=120)
where=$release
"${apt[@]}" update || {
  echo "the package lists could not be updated: those that are here are used"
  where="the lists that are here"
}
there=$(offered "${names[@]}")
chosen=()
for need in "${missing[@]}"; do
  if found=$(first_of "${need%%#*}" "$there"); then
    IFS=, read -ra packages <<<"$found"
    chosen+=("${packages[@]}")
  else
    echo "not in $where: ${need%% *} (${need#*# }); its tests are skipped"
    [ "$where" = "$release" ] || failed+=("${need%% *}")
  fi
done
install() { "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null; }
[ ${#chosen[@]} = 0 ] || echo "installing: ${chosen[*]}"
if [ ${#chosen[@]} != 0 ] && ! install "${chosen[@]}"; then
  for package in "${chosen[@]}"; do # one that cannot be installed keeps none of the others away
    install "$package" || failed+=("$package")
  done
fi
[ ${#failed[@]} = 0 ] && exit 0
echo "could not be installed: ${failed[*]}"
exit 1
