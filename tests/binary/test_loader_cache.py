"""/etc/ld.so.cache beside ldconfig, in both formats."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab import Lab

import needs
from gpufix.binary.loader.cache import NEW_MAGIC, OLD_MAGIC, parse_cache

FORMATS = [("new", NEW_MAGIC), ("old", OLD_MAGIC), ("compat", OLD_MAGIC)]


@pytest.mark.needs("ldconfig")
@pytest.mark.parametrize(("form", "magic"), FORMATS, ids=[f[0] for f in FORMATS])
def test_entries_are_those_of_ldconfig(lab: Lab, tmp_path: Path, form: str, magic: bytes) -> None:
    lab.build("cached/libone.so.1", "int one;", "-Wl,-soname,libone.so.1")
    lab.build("cached/glibc-hwcaps/x86-64-v2/libone.so.1", "int one;", "-Wl,-soname,libone.so.1")
    configuration, cache = tmp_path / "conf", tmp_path / "cache"
    configuration.write_text(lab.path("cached") + "\n")
    common = [needs.path("ldconfig"), "-C", str(cache)]
    subprocess.run(
        [*common, "-X", "-c", form, "-f", str(configuration)], check=True, capture_output=True
    )
    data = cache.read_bytes()
    assert data.startswith(magic)
    printed = subprocess.run([*common, "-p"], check=True, capture_output=True, text=True).stdout
    expected = [row.split() for row in printed.splitlines() if "=>" in row]
    entries = parse_cache(data)
    assert [(e.name, e.path) for e in entries] == [(row[0], row[-1]) for row in expected]
    if form != "old":
        assert {e.hwcaps for e in entries if "hwcaps" in e.path} <= {"x86-64-v2"}
        assert any(e.hwcaps for e in entries) == any("hwcaps" in e.path for e in entries)


@given(st.sampled_from([b"", OLD_MAGIC, NEW_MAGIC]), st.binary(max_size=300))
def test_damaged_caches_give_entries_or_nothing(magic: bytes, rest: bytes) -> None:
    for entry in parse_cache(magic + rest):
        assert entry.name
        assert entry.path
