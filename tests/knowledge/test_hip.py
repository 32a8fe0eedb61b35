"""The table of HIP by version, against the headers of seven releases."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from gpufix.knowledge import hip_api
from gpufix.knowledge.data_table import at_least, minor, table

HERE = Path(__file__).parent
RECORD: dict[str, Any] = json.loads((HERE / "hip_headers.json").read_text("utf-8"))
ROWS = [(name, row) for row in table("hip")["row"] for name in row["names"]]
# Where headers of a release may lie here: Debian's libamdhip64-dev, an installed Triton.
HERE_NOW = [Path("/usr/include"), Path("/usr/local/include")]
if found := importlib.util.find_spec("triton"):
    HERE_NOW += [Path(p, "backends/amd/include") for p in found.submodule_search_locations or ()]
HERE_NOW = [folder for folder in HERE_NOW if (folder / "hip/hip_version.h").is_file()]


def claimed(row: dict[str, Any], rocm: str) -> bool | None:
    """Whether a row says that a ROCm has it; None: past what it speaks of."""
    if row["since"]:
        return at_least(rocm, row["opt_in"] or row["since"])
    return False if not row["until"] or at_least(row["until"], minor(rocm)) else None


def test_three_rocm_versions_at_least_were_read() -> None:
    assert len({minor(version) for version in RECORD}) >= 3


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_a_row_says_what_the_headers_have(name: str, row: dict[str, Any]) -> None:
    judged = 0
    for version, headers in RECORD.items():
        says = claimed(row, version)
        if says is None or row["where"] in headers["lacks"]:
            continue
        assert (name in headers["has"]) is says, f"{name} in HIP {version}"
        judged += 1
    assert judged >= 3


def test_what_is_there_in_part_stands_in_that_header_alone() -> None:
    for name, row in ROWS:
        if row["partial"]:
            places = {h["has"][name].partition(":")[0] for h in RECORD.values() if name in h["has"]}
            assert places == {row["where"]}


def test_every_name_was_looked_up() -> None:
    """A row that was added after the record was made would be taken for absent."""
    tool = _tool()
    assert set(tool.names()) == {name for name, _ in ROWS}
    ever = {name for headers in RECORD.values() for name in headers["has"]}
    since = {name for name, row in ROWS if row["since"] and at_least("7.1", row["since"])}
    assert ever == since


@pytest.mark.parametrize("include", HERE_NOW, ids=str)
def test_the_record_is_what_the_headers_here_say(include: Path) -> None:
    lines = (include / "hip/hip_version.h").read_text("utf-8").splitlines()
    numbers = {
        line.split()[1]: line.split()[2]
        for line in lines
        if line.startswith("#define HIP_VERSION_M")
    }
    release = f"{numbers['HIP_VERSION_MAJOR']}.{numbers['HIP_VERSION_MINOR']}"
    for headers in (own for known, own in RECORD.items() if minor(known) == release):
        assert _tool().recorded(include) == headers


def _tool() -> Any:
    path = HERE.parents[1] / "tools" / "hip_headers.py"
    spec = importlib.util.spec_from_file_location("hip_headers", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hips_version_is_not_rocms() -> None:
    assert hip_api.hip_of("7.10.0") == {"7.1"}
    assert hip_api.hip_of("7.0.2") == {"7.0", "6.5"}
    assert hip_api.hip_of("6.3.1") == {"6.3"}


@pytest.mark.parametrize(
    ("name", "rocm", "otherwise"),
    [
        ("cooperative_groups::reduce", "7.12", False),  # it does not compile
        ("cooperative_groups::reduce", "7.13", True),
        ("cooperative_groups::reduce", "7.14.0", True),
        ("cooperative_groups::reduce", "10.0.0", False),
        ("__reduce_or_sync", "7.12", True),
        ("__reduce_or_sync", "7.13", False),
        ("__reduce_add_sync", "7.1", False),
        ("__trap", "7.1", False),
    ],
)
def test_what_compiles_and_means_something_else(name: str, rocm: str, otherwise: bool) -> None:
    assert hip_api.CONSTRUCTS[name].means_else(rocm) is otherwise
