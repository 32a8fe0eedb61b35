#!/usr/bin/env bash
# What the tests use on Debian: compilers of GPU code (HIP's for AMD, GNU's for the host), and a
# browser that looks at the HTML report.
set -euo pipefail
packages=(chromium g++ make git clang-19 clang-tools-19 lld-19 rocm-device-libs libamdhip64-dev librocprim-dev)
missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
