#!/usr/bin/env bash
# Compilers with which the tests make GPU code on Debian: HIP's for AMD, GNU's for the host.
set -euo pipefail
packages=(g++ make git clang-19 lld-19 rocm-device-libs libamdhip64-dev librocprim-dev)
missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
