"""The symbol history: the shipped table, judgements on hand-made histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpufix.knowledge.symbols import (
    LibrarySymbols,
    SymbolHistory,
    SymbolJudgement,
    SymbolTableError,
    judge,
)
from gpufix.knowledge.symbols.history import DATA, NAMES, TABLE
from gpufix.knowledge.symbols.releases import harvested, listed, other_spelling, relatives
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import HEADER, HistoryTable, Masks, pack

NEW = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
RELEASES = ("2.6.0", "2.7.0", "2.7.1", "2.8.0", "2.9.0", "2.10.0")
EVERY = "_ZN2at5everyEv"
CHECK_0, CHECK_1 = "_ZN3c105checkERKSs", f"_ZN3c105checkERK{NEW}"
LATE_0, LATE_1 = "_ZN3c104lateERKSs", f"_ZN3c104lateERK{NEW}"  # of the first there is none
FROM_27, UNTIL_28 = "_ZN2at6from27Ev", "_ZN2at7until28Ev"
UNTIL_29 = "_ZN2at7until29Ev"
CUDA, PYTHON = "_ZN3c104cuda6streamEv", "THPVariableClass"
SHIM, SCHEMAS = "aoti_torch_dtype", "_ZN5torch7Library4_defEv"
REGISTER = "_ZN5torch11CppFunctionD1Ev"
HIDDEN = "_ZN2at6native6hiddenEv"  # a CUDA kernel: in the names, not in the table
UNSEEN = "_ZN2at6unseenEv"
ROWS = {
    EVERY: Masks(0b111111, 0, 0),
    CHECK_0: Masks(0b000001, 0, 0),
    CHECK_1: Masks(0b111110, 0, 0),
    FROM_27: Masks(0b111110, 0, 0),
    LATE_1: Masks(0b111000, 0, 0),
    UNTIL_28: Masks(0b001111, 0, 0),
    UNTIL_29: Masks(0b011111, 0, 0),
    CUDA: Masks(0, 0, 0b111111),
    PYTHON: Masks(0, 0b111111, 0),
    SHIM: Masks(0b111100, 0, 0),
    SCHEMAS: Masks(0b111111, 0, 0),
    REGISTER: Masks(0b111111, 0, 0),
    HIDDEN: Masks(0, 0, 0b000011),
}


@pytest.fixture(scope="module")
def shipped() -> SymbolHistory:
    return SymbolHistory.load()


@pytest.fixture(scope="module")
def small() -> SymbolHistory:
    table = pack(RELEASES, {name: mask for name, mask in ROWS.items() if listed(name, mask)})
    return SymbolHistory(HistoryTable(table), lambda: SymbolNames(RELEASES, dict(ROWS)))


@pytest.fixture
def closed(small: SymbolHistory) -> SymbolHistory:
    """The same history, whose names must not be opened."""

    def refuse() -> SymbolNames:
        raise AssertionError("the names file was opened")

    return SymbolHistory(small.table, refuse)


def ask(history: SymbolHistory, *undefined: str) -> SymbolJudgement:
    return judge(history, [LibrarySymbols(undefined)])


@pytest.mark.parametrize(
    "undefined",
    [
        [],
        ["memcpy", "PyList_New", "_ZNSsC1Ev"],
        ["_ZN10torchaudio4loadERN2at6TensorE", "_Z7forwardN2at6TensorE"],
    ],
)
def test_no_torch_names(closed: SymbolHistory, undefined: list[str]) -> None:
    found = ask(closed, *undefined)
    assert (found.interface, found.releases, found.built_for) == ("none", (), None)
    assert not (found.newer or found.unseen or found.accelerators)
    assert found.promise("2.8.0") == "unknown"


def test_healthy_library_opens_no_names(closed: SymbolHistory) -> None:
    found = judge(closed, [LibrarySymbols([EVERY, CHECK_1])], lambda name: True)
    assert found.releases == RELEASES[1:]
    assert (found.missing, found.unseen, found.other_abi, found.newer) == ((), (), (), False)


def test_what_only_the_installed_torch_has_is_no_fault(closed: SymbolHistory) -> None:
    """A source build exports more: no release is blamed for lacking it."""
    found = judge(closed, [LibrarySymbols([EVERY, UNSEEN])], lambda name: True)
    assert (found.releases, found.unseen) == (RELEASES, ())


def test_siblings_define_for_each_other(closed: SymbolHistory) -> None:
    found = judge(closed, [LibrarySymbols([EVERY, UNSEEN]), LibrarySymbols([], [UNSEEN])])
    assert (found.releases, found.unseen) == (RELEASES, ())


@pytest.mark.parametrize(
    ("undefined", "minors", "interface"),
    [
        ([EVERY], ("2.6", "2.7", "2.8", "2.9", "2.10"), "cxx"),
        ([EVERY, FROM_27], ("2.7", "2.8", "2.9", "2.10"), "cxx"),
        ([FROM_27, UNTIL_28], ("2.7", "2.8"), "cxx"),
        ([CHECK_0], ("2.6",), "cxx"),
        ([CHECK_0, FROM_27], (), "cxx"),
        ([SHIM], ("2.7", "2.8", "2.9", "2.10"), "stable"),
        ([SHIM, PYTHON], ("2.7", "2.8", "2.9", "2.10"), "cxx"),
        ([HIDDEN], ("2.6", "2.7"), "cxx"),
    ],
)
def test_releases(
    small: SymbolHistory, undefined: list[str], minors: tuple[str, ...], interface: str
) -> None:
    found = ask(small, *undefined)
    assert (found.minors, found.interface) == (minors, interface)
    assert found.built_for == (minors[0] if minors else None)


def test_libraries_of_a_wheel_are_intersected(small: SymbolHistory) -> None:
    found = judge(small, [LibrarySymbols([FROM_27]), LibrarySymbols([UNTIL_28])])
    assert found.minors == ("2.7", "2.8")


KERNEL, SCHEMA = "_ZN3c1014KernelFunctionD2Ev", "_ZN3c1014FunctionSchemaD1Ev"


@pytest.mark.parametrize(
    ("undefined", "defined", "version", "broken"),
    [
        ([REGISTER], [SCHEMA, KERNEL], "2.9.0", False),  # its symbols are all in 2.6 too
        ([REGISTER], [SCHEMA, KERNEL], "2.10.0", False),
        ([REGISTER], [], "2.9.0", False),  # linked with -flto: nothing to tell by
        ([REGISTER], ["_ZN5mylib14KernelFunctionD2Ev"], "2.9.0", False),
        ([REGISTER], [SCHEMA], "2.8.0", False),
        ([SCHEMAS], [SCHEMA], "2.9.0", False),  # registers schemas alone
        ([EVERY], [SCHEMA], "2.9.0", False),
        ([REGISTER], [SCHEMA], "2.9.0", True),
        ([REGISTER], [SCHEMA], "2.10.0+cu128", True),
        ([REGISTER], [SCHEMA], "2.9.0a0+git1234567", False),
    ],
)
def test_layout_change(
    small: SymbolHistory, undefined: list[str], defined: list[str], version: str, broken: bool
) -> None:
    found = judge(small, [LibrarySymbols([EVERY, *undefined], defined)])
    assert bool(found.broken_by(version)) == broken
    assert found.may_be_broken_by(version) or not broken
    assert (found.promise(version) == "layout-broken") == broken


def test_layout_change_of_libraries_built_together(small: SymbolHistory) -> None:
    """One without a mark beside one with it: no claim."""
    pair = [LibrarySymbols([REGISTER], [SCHEMA]), LibrarySymbols([EVERY], [KERNEL])]
    assert judge(small, pair).broken_by("2.9.0") is None


@pytest.mark.parametrize(
    ("undefined", "version", "promise"),
    [
        ([CHECK_0], "2.6.0", "same-minor"),
        ([CHECK_0], "2.6.0+cu124", "same-minor"),
        ([CHECK_0], "2.6.0+cpu", "same-minor"),
        ([CHECK_0], "2.7.0+cpu", "lacks-symbols"),
        ([UNTIL_28, FROM_27], "2.7.0+cu126", "layout-not-promised"),
        ([UNTIL_28, FROM_27], "2.7.0+xpu", "layout-not-promised"),
        ([SHIM], "2.7.1+rocm6.3", "stable"),
        ([], "2.7.0", "unknown"),
        ([FROM_27], "2.7.1", "layout-not-promised"),  # or built for a later one
        ([FROM_27], "2.8.0", "layout-not-promised"),
        ([FROM_27], "2.10.0", "layout-not-promised"),
        ([FROM_27, REGISTER], "2.9.0", "layout-not-promised"),
        ([FROM_27], "2.6.0", "lacks-symbols"),
        ([SHIM], "2.10.0", "stable"),
        ([SHIM], "2.6.0", "lacks-symbols"),
        ([EVERY], "2.6.0+cu126", "unknown"),  # built with the other C++ ABI
        ([EVERY], "2.11.0", "unknown"),
        ([EVERY], "2.9.0a0+git1234567", "unknown"),
        ([EVERY], "2.9.0.dev20250901+cu128", "unknown"),
        ([EVERY], "2.9.0a0+145a3a7bda.nv25.10", "unknown"),
        ([EVERY], "nonsense", "unknown"),
    ],
)
def test_promise(small: SymbolHistory, undefined: list[str], version: str, promise: str) -> None:
    assert ask(small, *undefined).promise(version) == promise


@pytest.mark.parametrize(
    ("undefined", "needed", "accelerators"),
    [
        ([EVERY, PYTHON], ["libtorch_cpu.so"], set()),
        ([CUDA], [], {"cuda"}),
        ([EVERY], ["libc10_cuda.so"], {"cuda"}),
        (["_ZN3c103hip6streamEv"], [], {"rocm"}),
        ([EVERY], ["libtorch_hip.so"], {"rocm"}),
        (["_ZN2at3xpu6streamEv"], [], {"xpu"}),
    ],
)
def test_accelerators(
    small: SymbolHistory, undefined: list[str], needed: list[str], accelerators: set[str]
) -> None:
    found = judge(small, [LibrarySymbols(undefined, needed=needed)])
    assert found.accelerators == accelerators
    assert (found.unseen, found.newer) == ((), False)


def test_newer_than_known(small: SymbolHistory) -> None:
    found = ask(small, EVERY, UNSEEN)
    assert (found.newer, found.unseen, found.releases) == (True, (UNSEEN,), ())


def test_newer_than_known_means_that_all_else_is_in_the_newest(small: SymbolHistory) -> None:
    found = ask(small, FROM_27, UNSEEN)
    assert (found.newer, found.unseen, found.releases) == (True, (UNSEEN,), ())


def test_another_build_is_not_newer(small: SymbolHistory) -> None:
    for gone in (UNTIL_28, UNTIL_29):
        found = ask(small, gone, UNSEEN)
        assert (found.newer, found.unseen) == (False, (UNSEEN,))


def test_other_abi_of_a_known_release(small: SymbolHistory) -> None:
    """Built for 2.7 or 2.8 with the old ABI, which no wheel of theirs has."""
    found = ask(small, CHECK_0, FROM_27, UNTIL_28)
    assert (found.releases, found.unseen, found.newer) == ((), (), False)
    assert found.other_abi_releases == ("2.7.0", "2.7.1", "2.8.0")
    assert found.abi.abi == 0


@pytest.mark.parametrize(
    ("undefined", "releases"),
    [
        ([CHECK_0], ()),  # what the plain 2.6.0 has is no other ABI's
        ([CHECK_0, FROM_27], RELEASES[1:]),
        ([CHECK_0, UNTIL_28, FROM_27], RELEASES[1:4]),
        ([LATE_0], RELEASES[3:]),
        ([LATE_0, CHECK_0, UNTIL_29], RELEASES[3:5]),
        ([LATE_1, HIDDEN], ()),  # of which there is no other spelling
        ([CHECK_1, UNTIL_28], ()),
        ([FROM_27, UNTIL_28], ()),  # nothing tells its ABI
        ([CHECK_0, FROM_27, UNSEEN], ()),  # of what it asks for, none has everything
    ],
)
def test_releases_that_would_do_with_the_other_abi(
    small: SymbolHistory, undefined: list[str], releases: tuple[str, ...]
) -> None:
    assert ask(small, *undefined).other_abi_releases == releases


def test_the_other_abi_is_looked_up_for_a_sick_library_alone(closed: SymbolHistory) -> None:
    found = judge(closed, [LibrarySymbols([CHECK_0, FROM_27])], lambda name: True)
    assert (found.missing, found.other_abi_releases) == ((), ())


def test_other_spelling_is_not_unseen() -> None:
    rows = {EVERY: Masks(1, 0, 0), CHECK_0: Masks(1, 0, 0)}
    history = SymbolHistory(
        HistoryTable(pack(("2.6.0",), rows)), lambda: SymbolNames(("2.6.0",), rows)
    )
    found = ask(history, EVERY, CHECK_1)
    assert (found.unseen, found.newer, found.releases) == ((), False, ())
    assert found.other_abi == ((CHECK_1, CHECK_0),)
    assert found.other_abi_releases == ("2.6.0",)


def test_missing_is_the_installed_torchs_word(small: SymbolHistory) -> None:
    found = judge(small, [LibrarySymbols([EVERY, FROM_27])], lambda name: name == EVERY)
    assert found.missing == (FROM_27,)
    assert ask(small, EVERY).missing is None


def test_name_history(small: SymbolHistory) -> None:
    record = small.history(FROM_27)
    assert record is not None
    assert (record.first, record.last, record.home) == ("2.7.0", "2.10.0", "core")
    assert (small.history(UNSEEN), small.releases_with(UNSEEN)) == (None, None)
    assert small.known(HIDDEN) and small.releases_with(HIDDEN) == {"2.6.0", "2.7.0"}


def test_shipped_table_is_the_names(shipped: SymbolHistory) -> None:
    rows = shipped.names.rows
    kept = {name for name in list(rows)[::7] if listed(name, rows[name])}
    assert shipped.names.releases == shipped.releases
    assert all(shipped.table.get(name) == rows[name] for name in kept)
    assert all(map(harvested, kept))


def test_shipped_sizes() -> None:
    assert (DATA / TABLE).stat().st_size <= 500 * 1024
    assert (DATA / NAMES).stat().st_size <= 500_000


def test_shipped_facts(shipped: SymbolHistory) -> None:
    old = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
    new = f"_ZN3c106detail14torchCheckFailEPKcS2_jRK{NEW}"
    first, last = shipped.history(new), shipped.history(old)
    assert first is not None and first.first == "2.7.0"
    assert last is not None and last.last == "2.6.0"
    assert other_spelling(shipped, old) == new
    assert new in {record.name for record in relatives(shipped, old)}
    assert relatives(shipped, "memcpy") == ()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("_ZN18__nv_hdl_wrapper_tIPFvRN2at6TensorEEE4callEv", False),
        ("_ZN2at6native40_GLOBAL__N__5cd812b1_7_Loss_cu_4f0f255a4lossIfEEvPT_", False),
        (
            "_ZN2at6native6kernelI18__nv_hdl_wrapper_tILb0E11__nv_dl_tagIPFvRNS_6TensorEEEEEEvT_",
            False,
        ),
        ("_Z24dispatch_softmax_forwardIN3c104HalfEEvPT_", False),
        ("_ZN4mslk4gemmEN2at6TensorE", False),
        ("_ZNSt6vectorIN2at6TensorEE9push_backEv", False),
        (EVERY, True),
        ("_ZTIFN2at6TensorEvE", True),
        ("_ZGVZN2at5everyEvE3one", True),
    ],
)
def test_only_torchs_names_are_harvested(name: str, kept: bool) -> None:
    assert harvested(name) is kept


@pytest.mark.parametrize("cut", [0, 5, HEADER.size, HEADER.size + 100, -1])
def test_truncated_table(cut: int) -> None:
    with pytest.raises(SymbolTableError):
        HistoryTable(pack(RELEASES, ROWS)[:cut])


@pytest.mark.parametrize("at", [0, 9, 40, 500, -3])
def test_altered_table(at: int) -> None:
    data = bytearray(pack(RELEASES, ROWS))
    data[at] ^= 0x41
    with pytest.raises(SymbolTableError):
        HistoryTable(bytes(data))


def test_names_survive_a_round_trip(tmp_path: Path) -> None:
    SymbolNames(RELEASES, dict(ROWS)).write(tmp_path / NAMES)
    back = SymbolNames.read(tmp_path / NAMES)
    assert (back.releases, back.rows) == (RELEASES, ROWS)
    data = (tmp_path / NAMES).read_bytes()
    (tmp_path / NAMES).write_bytes(data[: len(data) // 2])
    with pytest.raises(SymbolTableError):
        SymbolNames.read(tmp_path / NAMES)
