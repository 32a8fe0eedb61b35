"""Which folders below a library folder glibc prefers on this processor, and its name for it."""

from __future__ import annotations

from gpufix.frozen import Frozen

_HWCAPS = ("x86-64-v4", "x86-64-v3", "x86-64-v2")
# Flags of /proc/cpuinfo that each level adds (x86-64 psABI; lzcnt is named abm, sse3 pni there).
_LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
# glibc renames Intel's processors alone (sysdeps/x86/cpu-features.c).
_XEON_PHI = {"avx512cd", "avx512er", "avx512pf"}
_HASWELL = {"avx2", "fma", "bmi1", "bmi2", "abm", "movbe", "popcnt"}
_AVX512 = {"avx512cd", "avx512bw", "avx512dq", "avx512vl"}


class Processor(Frozen):
    """platform: what $PLATFORM stands for.

    levels: the subfolders of glibc-hwcaps; legacy: the folders that glibc searched until 2.36.
    Both best first.
    """

    platform: str
    levels: tuple[str, ...] = ()
    legacy: tuple[str, ...] = ()


def describe_processor(cpuinfo: bytes, machine: str) -> Processor:
    """Read from /proc/cpuinfo, for programs of `machine`."""
    lines = cpuinfo.partition(b"\n\n")[0].decode("ascii", "replace").splitlines()
    fields = {key.strip(): value.split() for key, _, value in (x.partition(":") for x in lines)}
    if machine == "x86_64":
        return _x86(set(fields.get("flags", ())), fields.get("vendor_id") == ["GenuineIntel"])
    if machine == "aarch64":
        names = ["atomics"] if "atomics" in fields.get("Features", ()) else []
        return Processor(machine, (), _combinations(["tls", machine, *names]))
    return Processor(machine)


def _x86(flags: set[str], intel: bool) -> Processor:
    platform, names = "x86_64", ["x86_64"]
    if intel and flags >= _XEON_PHI:
        platform = "xeon_phi"
    elif intel:
        platform = "haswell" if flags >= _HASWELL else platform
        names = ["avx512_1", *names] if flags >= _AVX512 else names
    return Processor(platform, _levels(flags), _combinations(["tls", platform, *names]))


def _levels(flags: set[str]) -> tuple[str, ...]:
    levels: list[str] = []
    for name in reversed(_HWCAPS):
        if not flags >= _LEVELS[name]:
            break
        levels.insert(0, name)
    return tuple(levels)


def _combinations(names: list[str]) -> tuple[str, ...]:
    """Every choice of names as a path, in glibc's order: those with the first name first."""
    if not names:
        return ()
    rest = _combinations(names[1:])
    return (*(f"{names[0]}/{path}" for path in rest), names[0], *rest)
