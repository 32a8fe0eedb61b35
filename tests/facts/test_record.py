"""RECORD against the disk: silent on healthy installs, exact about exceptions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_site import Site, later

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import record_file
from gpufix.facts.packages.record_file import LISTED, Budget, check, opened
from gpufix.model import Record
from gpufix.model.base import to_json

FILES = {"pkg/__init__.py": b"", "pkg/a.py": b"a = 1\n", "pkg/data,x.bin": b"12345"}


def look(
    ctx: CollectContext,
    site: Site,
    info: Path,
    budget: int | None = 1 << 20,
    others: Sequence[str] = (),
) -> Record:
    with opened(str(site.folder), str(site.prefix), others) as folder:
        found = check(ctx, folder, f"{info.name}/RECORD", Budget(budget))
    assert found is not None
    return found.summary()


def exceptions(record: Record) -> tuple[list[str], list[str]]:
    return record.missing, record.altered


def test_a_healthy_install_is_silent(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files=FILES)
    record = look(ctx, site, info)
    assert exceptions(record) == ([], [])
    assert record.files == len(FILES) + 3
    assert ctx.gaps == []


def test_quoted_rows_bytecode_and_notes_are_no_exceptions(ctx: CollectContext, site: Site) -> None:
    rows = (
        "pkg/__pycache__/a.cpython-311.pyc,,\n"
        "pkg/__pycache__,,\n"
        "pkg/gone.pyc,sha256=x,9\n"
        "pkg-1.0.dist-info/direct_url.json,sha256=x,9\n"
        "\n"
        '"pkg/a, b.py",sha256=x,3\r\n'
        "pkg-1.0.virtualenv,,\r\n"  # virtualenv's own mark: empty, and no size is recorded
    )
    info = site.install("pkg", files=FILES, rows=rows)
    (site.folder / "pkg/a, b.py").write_bytes(b"abc")
    (site.folder / "pkg-1.0.virtualenv").touch()
    (info / "INSTALLER").write_text("something else\n")
    assert exceptions(look(ctx, site, info)) == ([], [])
    assert ctx.gaps == []


def test_missing_and_altered(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files=FILES)
    (site.folder / "pkg/a.py").unlink()
    (site.folder / "pkg/data,x.bin").write_bytes(b"1234567")
    assert exceptions(look(ctx, site, info)) == (["pkg/a.py"], ["pkg/data,x.bin"])


def test_a_package_that_lies_whole_in_another_folder(ctx: CollectContext, site: Site) -> None:
    info = site.install(
        "split", files={"native/a.so": b"1", "pure/__init__.py": b"", "pure/b.py": b"2"}
    )
    other = site.prefix / "lib64"
    other.mkdir()
    (site.folder / "pure").rename(other / "pure")
    missing = ["pure/__init__.py", "pure/b.py"]
    assert look(ctx, site, info).missing == missing
    assert look(ctx, site, info, others=[str(other)]).missing == []
    (site.folder / "pure").mkdir()  # found first, and without them
    assert look(ctx, site, info, others=[str(other)]).missing == missing


def test_an_edit_of_equal_size_shows_by_its_time(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files=FILES)
    file = site.folder / "pkg/a.py"
    file.write_bytes(b"a = 2\n")
    assert exceptions(look(ctx, site, info)) == ([], [])  # written with the installation
    later(file, 5)
    assert exceptions(look(ctx, site, info)) == ([], ["pkg/a.py"])
    later(file, -500)
    assert exceptions(look(ctx, site, info)) == ([], [])
    assert exceptions(look(replace(ctx, deep=True), site, info, None)) == ([], ["pkg/a.py"])


@pytest.mark.parametrize("name", ["cpp_extension.py", "hipify/hipify_python.py"])
def test_what_people_edit_by_hand_is_always_hashed(
    ctx: CollectContext, site: Site, name: str
) -> None:
    info = site.install("torch", files={f"torch/utils/{name}": b"raise X\n", "torch/a.py": b"x\n"})
    (site.folder / f"torch/utils/{name}").write_bytes(b"pass #X\n")
    (site.folder / "torch/a.py").write_bytes(b"y\n")
    assert exceptions(look(ctx, site, info, budget=0)) == ([], [f"torch/utils/{name}"])


def test_the_budget_bounds_what_is_hashed(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files={f"pkg/{i}": b"x" * 100 for i in range(10)})
    for i in range(10):
        (site.folder / f"pkg/{i}").write_bytes(b"y" * 100)
        later(site.folder / f"pkg/{i}", 10)
    record = look(ctx, site, info, budget=5 * (8192 + 100))
    assert record.altered_count == 5


def test_lists_are_cut_and_counts_are_not(ctx: CollectContext, site: Site) -> None:
    names = [*(f"pkg/{i}.py" for i in range(50)), "pkg/libz.so.1"]
    info = site.install("pkg", rows="".join(f"{name},,\n" for name in names))
    record = look(ctx, site, info)
    assert (len(record.missing), record.missing_count) == (LISTED, 51)
    assert record.missing[:2] == ["pkg/libz.so.1", "pkg/0.py"], "a library is never cut off"


def test_a_folder_or_a_link_to_nothing_where_a_file_was(ctx: CollectContext, site: Site) -> None:
    files = {"pkg/a.py": b"a = 1\n", "pkg/b.py": b"b", "pkg/c.py": b"c"}
    info = site.install("pkg", files=files)
    for name in files:
        (site.folder / name).unlink()
    (site.folder / "pkg/a.py").mkdir()
    (site.folder / "pkg/b.py").symlink_to("nothing")
    (site.folder / "pkg/c.py").symlink_to("c.py")
    assert exceptions(look(ctx, site, info)) == (["pkg/b.py", "pkg/c.py"], ["pkg/a.py"])


def test_a_pipe_does_not_hang(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files={"pkg/a.py": b""})
    (site.folder / "pkg/a.py").unlink()
    os.mkfifo(site.folder / "pkg/a.py")
    later(site.folder / "pkg/a.py", 10)
    look(ctx, site, info)
    assert [gap.section for gap in ctx.gaps] == ["distributions"]


def test_entries_that_lead_out_are_not_followed(ctx: CollectContext, site: Site) -> None:
    outside = site.prefix.parent / "outside"
    outside.write_text("x")
    rows = f"{outside},sha256=x,9\n../../../../outside,sha256=x,9\n../../../bin/tool,,\n"
    info = site.install("pkg", rows=rows)
    record = look(ctx, site, info)
    assert exceptions(record) == (["../../../bin/tool"], [])
    assert ["2 entries" in gap.reason for gap in ctx.gaps] == [True]


@pytest.mark.parametrize(
    "rows",
    ["garbage\n", "a,b\n", '"unclosed,,\n', "a\0b,sha256=x,1\n", ",,\n", "x" * 5000 + ",,1\n"],
)
def test_malformed_rows_are_a_gap_and_no_exception(
    ctx: CollectContext, site: Site, rows: str
) -> None:
    info = site.install("pkg", files=FILES, rows=rows)
    assert exceptions(look(ctx, site, info)) == ([], [])
    assert len(ctx.gaps) == 1


def test_bytes_that_are_no_text_are_a_gap(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files=FILES)
    with (info / "RECORD").open("ab") as file:
        file.write(b"\xff\x1b[31m.py,,\n")
    record = look(ctx, site, info)
    assert record.missing == []
    assert len(ctx.gaps) == 1
    json.dumps(to_json(record), ensure_ascii=False).encode()


def test_a_file_that_is_no_record_at_all(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg")
    (info / "RECORD").write_bytes(bytes(range(256)) * 20)
    with opened(str(site.folder), None) as folder:
        assert check(ctx, folder, f"{info.name}/RECORD", Budget(0)) is None
    assert len(ctx.gaps) == 1


def test_an_unreadable_record_is_a_gap(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg")
    (info / "RECORD").unlink()
    (info / "RECORD").mkdir()
    with opened(str(site.folder), None) as folder:
        assert check(ctx, folder, f"{info.name}/RECORD", Budget(0)) is None
    assert len(ctx.gaps) == 1


def test_entries_beyond_the_limit_are_a_gap(
    ctx: CollectContext, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = site.install("pkg", files=FILES)  # with the three of its folder
    for limit, gaps in ((len(FILES) + 3, 0), (len(FILES) + 2, 1)):
        monkeypatch.setattr(record_file, "_ENTRIES", limit)
        assert look(ctx, site, info).files == limit
        assert len(ctx.gaps) == gaps
    assert ctx.gaps[0].reason.startswith(f"it has more than {limit} entries")


def test_a_million_entries_cost_a_second(ctx: CollectContext, site: Site) -> None:
    rows = "".join(f"pkg/{i % 100}/{i}.py,sha256=x,1\n" for i in range(1_000_000))
    info = site.install("pkg", files=FILES, rows=rows)
    begin = time.process_time()
    assert look(ctx, site, info).files == 100_000
    assert time.process_time() - begin < 2  # measured: 0.4
    assert "100,000 entries" in ctx.gaps[0].reason


def test_a_record_larger_than_any_is_a_gap(ctx: CollectContext, site: Site) -> None:
    info = site.install("pkg", files=FILES)
    os.truncate(info / "RECORD", 1 << 40)
    with opened(str(site.folder), str(site.prefix)) as folder:
        assert check(ctx, folder, f"{info.name}/RECORD", Budget(1 << 20)) is None
    assert ctx.gaps[0].reason == "cannot be read: larger than 64 MiB"
