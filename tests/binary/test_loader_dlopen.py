"""Each prediction beside what the real loader does."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from lab import Lab, judge

from gpufix.binary.loader.model import Process
from gpufix.binary.loader.scan import predict

CALLS_DEP = "int dep(void); int which(void) { return dep(); }"
OLD = "-Wl,--disable-new-dtags"
NEW = "-Wl,--enable-new-dtags"
V1 = "V1 { global: one; local: *; };"
V2 = "V1 { global: one; local: *; }; V2 { global: two; } V1;"


def test_a_library_that_needs_only_libc_loads(lab: Lab) -> None:
    path = lab.build("plain.so", "#include <math.h>\ndouble f(double x) { return sin(x); }", "-lm")
    verdict = judge(lab, path)
    assert verdict.loads
    assert [use.reason for use in verdict.uses] == ["already loaded"]


def test_weak_references_may_stay_undefined(lab: Lab) -> None:
    path = lab.build(
        "weak.so", "__attribute__((weak)) int nowhere(void); void *f(void) { return nowhere; }"
    )
    assert judge(lab, path).loads


def test_a_reference_that_no_relocation_uses_is_not_looked_up(lab: Lab) -> None:
    path = lab.build("unused.so", "int f(void) { return 1; }", "-Wl,-u,nowhere_at_all")
    assert judge(lab, path).loads


def test_libraries_that_need_each_other_load(lab: Lab) -> None:
    lab.build("cycle/liba.so", "int a(void) { return 1; }", "-Wl,-soname,liba.so")
    lab.build("cycle/libb.so", "int a(void); int b(void) { return a(); }", "-L{}/cycle", "-la",
              "-Wl,-rpath,$ORIGIN")  # fmt: skip
    path = lab.build("cycle/liba.so", "int b(void); int a(void) { return b(); }", "-L{}/cycle", "-lb",
                     "-Wl,-rpath,$ORIGIN,-soname,liba.so")  # fmt: skip
    assert judge(lab, path).loads


def test_missing_library(lab: Lab) -> None:
    path = lab.build("missing.so", CALLS_DEP, "-L{}/base", "-ldep")
    verdict = judge(lab, path)
    (missing,) = verdict.missing
    assert (missing.name, missing.needed_by, missing.driver) == ("libdep.so", path, False)
    assert [place.reason for place in missing.searched][:2] == ["cache", "default"]
    assert [symbol.name for symbol in verdict.undetermined] == ["dep"]


def test_missing_driver_library_is_marked(lab: Lab) -> None:
    lab.build("driver/libcuda.so", "int cuInit(void) { return 0; }", "-Wl,-soname,libcuda.so.404")
    path = lab.build(
        "gpu.so", "int cuInit(void); int f(void) { return cuInit(); }", "-L{}/driver", "-lcuda"
    )
    (missing,) = judge(lab, path).missing
    assert missing.driver


ORDER = [
    # name, flags, LD_LIBRARY_PATH, whose which() answers
    ("rpath", [OLD, "-Wl,-rpath,$ORIGIN/base"], "", 1),
    ("runpath", [NEW, "-Wl,-rpath,${ORIGIN}/base"], "", 1),
    ("rpath_before_environment", [OLD, "-Wl,-rpath,$ORIGIN/base"], "other", 1),
    ("environment_before_runpath", [NEW, "-Wl,-rpath,$ORIGIN/base"], "other", 2),
    ("first_folder_wins", [NEW, "-Wl,-rpath,$ORIGIN/other:$ORIGIN/base"], "", 2),
    ("empty_environment_entry", [NEW, "-Wl,-rpath,$ORIGIN/base"], "nowhere::other", 2),
    ("missing_folder_is_passed_over", [OLD, "-Wl,-rpath,/nowhere:$ORIGIN/base"], "", 1),
]


@pytest.mark.parametrize(("name", "flags", "folder", "which"), ORDER, ids=[o[0] for o in ORDER])
def test_search_order(lab: Lab, name: str, flags: list[str], folder: str, which: int) -> None:
    path = lab.build(f"{name}.so", CALLS_DEP, "-L{}/base", "-ldep", *flags)
    folders = (
        ":".join(lab.path(part) if part else "" for part in folder.split(":")) if folder else ""
    )
    environment = {"LD_LIBRARY_PATH": folders} if folder else {}
    verdict = judge(lab, path, environment)
    used = next(use.path for use in verdict.uses if use.name == "libdep.so")
    assert lab.open(path, environment).which == which
    assert Path(used).parent.name == {1: "base", 2: "other"}[which]


@pytest.mark.parametrize(("flag", "loads"), [(OLD, True), (NEW, False)])
def test_only_rpath_serves_the_dependencies_of_dependencies(
    lab: Lab, flag: str, loads: bool
) -> None:
    lab.build("deep/libmid.so", CALLS_DEP.replace("which", "mid"), "-L{}/base", "-ldep")
    source = "int mid(void); int f(void) { return mid(); }"
    path = lab.build(f"deep{loads}.so", source, "-L{}/deep", "-lmid", "-Wl,--allow-shlib-undefined",
                     flag, "-Wl,-rpath,$ORIGIN/deep:$ORIGIN/base")  # fmt: skip
    assert judge(lab, path).loads is loads


def test_rpath_is_ignored_beside_a_runpath(lab: Lab) -> None:
    path = lab.build("both.so", CALLS_DEP, "-L{}/base", "-ldep", OLD, "-Wl,-rpath,$ORIGIN/base")
    data = Path(path).read_bytes()
    # DT_RPATH (15) and DT_DEBUG-like spare entries: turn an unneeded tag into an empty RUNPATH.
    rpath = data.index((15).to_bytes(8, "little"))
    spare = data.index((0x6FFFFFF9).to_bytes(8, "little"), rpath)  # DT_RELACOUNT: advisory
    changed = bytearray(data)
    changed[spare : spare + 16] = (29).to_bytes(8, "little") + (0).to_bytes(8, "little")
    copy = Path(lab.path("both2.so"))
    copy.write_bytes(changed)
    assert [missing.name for missing in judge(lab, str(copy)).missing] == ["libdep.so"]


def test_hwcaps_folder_comes_first(lab: Lab) -> None:
    lab.build("caps/libdep.so", "int dep(void) { return 1; }")
    lab.build("caps/glibc-hwcaps/x86-64-v2/libdep.so", "int dep(void) { return 3; }")
    path = lab.build("hwcaps.so", CALLS_DEP, "-L{}/caps", "-ldep", "-Wl,-rpath,$ORIGIN/caps")
    verdict = judge(lab, path)
    real = lab.open(path).which
    used = next(use.path for use in verdict.uses if use.name == "libdep.so")
    assert ("hwcaps" in used) == (real == 3)


def test_library_of_the_same_name_already_loaded(lab: Lab) -> None:
    lab.build("soname/liba.so", "int dep(void) { return 7; }", "-Wl,-soname,libshared.so.1")
    lab.build("soname/libfull.so", "int dep(void) { return 8; }", "-Wl,-soname,libshared.so.1")
    path = lab.build("needs_soname.so", CALLS_DEP, "-L{}/soname", "-lfull")
    assert not judge(lab, path).loads
    verdict = judge(lab, path, before=((lab.path("soname/liba.so"), False),))
    assert ("already loaded", lab.path("soname/liba.so")) in {
        (u.reason, u.path) for u in verdict.uses
    }


def test_undefined_symbol_and_what_may_define_it(lab: Lab) -> None:
    path = lab.build(
        "undefined.so", "int dep(void); extern int data; int f(void) { return dep() + data; }"
    )
    verdict = judge(lab, path)
    assert {(symbol.name, symbol.version) for symbol in verdict.undefined} == {
        ("dep", None),
        ("data", None),
    }
    provider = lab.build("provider.so", "int dep(void) { return 1; } int data = 1;")
    assert not judge(lab, path, before=((provider, False),)).loads
    assert judge(lab, path, before=((provider, True),)).loads
    assert judge(lab, path, {"LD_PRELOAD": provider}).loads


def test_a_dependency_finds_symbols_in_its_siblings(lab: Lab) -> None:
    lab.build("siblings/libleft.so", "int dep(void); int left(void) { return dep(); }")
    path = lab.build("siblings.so", "int left(void); int f(void) { return left(); }",
                     "-L{}/siblings", "-lleft", "-Wl,--no-as-needed", "-L{}/base", "-ldep",
                     "-Wl,-rpath,$ORIGIN/siblings:$ORIGIN/base")  # fmt: skip
    assert judge(lab, path).loads
    assert not judge(lab, lab.path("siblings/libleft.so")).loads


def versioned(lab: Lab, folder: str, source: str, script: str, *flags: str) -> str:
    listing = lab.folder / folder / "versions.map"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(script)
    return lab.build(f"{folder}/libver.so", source, f"-Wl,--version-script={listing}",
                     "-Wl,-soname,libver.so", *flags)  # fmt: skip


ONE_TWO = "int one(void) { return 1; } int two(void) { return 2; }"


def test_version_missing(lab: Lab) -> None:
    versioned(lab, "v2", ONE_TWO, V2)
    versioned(lab, "v1", ONE_TWO, V1)
    source = "int two(void); int which(void) { return two(); }"
    path = lab.build("needs_v2.so", source, "-L{}/v2", "-lver")
    assert judge(lab, path, {"LD_LIBRARY_PATH": lab.path("v2")}).loads
    verdict = judge(lab, path, {"LD_LIBRARY_PATH": lab.path("v1")})
    (problem,) = verdict.versions
    assert (problem.version, problem.library, problem.needed_by) == ("V2", "libver.so", path)
    assert problem.path == lab.path("v1/libver.so")


def test_library_that_lost_its_versions_still_serves(lab: Lab) -> None:
    versioned(lab, "v2", ONE_TWO, V2)
    lab.build("v0/libver.so", ONE_TWO, "-Wl,-soname,libver.so")
    path = lab.build(
        "needs_v2b.so", "int two(void); int f(void) { return two(); }", "-L{}/v2", "-lver"
    )
    # The reference names libver.so, which is loaded without versions: only its own lookup may assert.
    assert not predict(
        Process(sys.executable, (), {"LD_LIBRARY_PATH": lab.path("v0")}), path
    ).versions


HIDDEN = '__asm__(".symver old_one, one@V1"); int old_one(void) { return 1; }'
CHOICE = [
    # a reference without version: the first version serves even when hidden, newer ones if default
    ("hidden_first", HIDDEN, "V1 { };", True),
    ("hidden_newer", HIDDEN.replace("V1", "V3"), "V1 { }; V2 { } V1; V3 { } V2;", False),
    ("default_newer", HIDDEN.replace("one@V1", "one@@V3"), "V1 { }; V2 { } V1; V3 { } V2;", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "source", "script", "loads"), CHOICE, ids=[c[0] for c in CHOICE])
def test_reference_without_version(
    lab: Lab, name: str, source: str, script: str, loads: bool
) -> None:
    versioned(lab, name, source, script)
    lab.build(f"{name}_link/libver.so", "int one(void) { return 0; }", "-Wl,-soname,libver.so")
    path = lab.build(f"{name}.so", "int one(void); int which(void) { return one(); }",
                     f"-L{{}}/{name}_link", "-lver", f"-Wl,-rpath,$ORIGIN/{name}")  # fmt: skip
    verdict = judge(lab, path)
    assert verdict.loads is loads
    assert [symbol.name for symbol in verdict.undefined] == ([] if loads else ["one"])


@pytest.mark.parametrize("style", ["sysv", "gnu", "both"])
def test_every_hash_style_provides(lab: Lab, style: str) -> None:
    lab.build(f"hash_{style}/libdep.so", "int dep(void) { return 1; }", f"-Wl,--hash-style={style}")
    path = lab.build(f"hash_{style}.so", CALLS_DEP, f"-L{{}}/hash_{style}", "-ldep",
                     f"-Wl,--hash-style={style},-rpath,$ORIGIN/hash_{style}")  # fmt: skip
    assert judge(lab, path).loads
    wants = lab.build(f"hash_{style}_more.so", "int gone(void); int f(void) { return gone(); }",
                      f"-L{{}}/hash_{style}", "-Wl,--no-as-needed", "-ldep",
                      f"-Wl,-rpath,$ORIGIN/hash_{style}")  # fmt: skip
    assert [symbol.name for symbol in judge(lab, wants).undefined] == ["gone"]


def test_thread_local_symbols(lab: Lab) -> None:
    lab.build("tls/libtls.so", "__thread int counter;")
    path = lab.build("uses_tls.so", "extern __thread int counter; int f(void) { return counter; }",
                     "-L{}/tls", "-ltls", "-Wl,-rpath,$ORIGIN/tls")  # fmt: skip
    assert judge(lab, path).loads


def test_files_that_are_no_libraries(lab: Lab) -> None:
    text = lab.folder / "bad" / "libdep.so"
    text.parent.mkdir()
    text.write_text("INPUT(-lm)\n" * 20)
    path = lab.build("bad.so", CALLS_DEP, "-L{}/base", "-ldep", "-Wl,-rpath,$ORIGIN/bad")
    (problem,) = judge(lab, path).unusable
    assert (problem.path, problem.needed_by) == (f"{lab.folder}/bad/libdep.so", path)
    program = lab.build("program.so", "int main(void) { return 0; }", "-pie", "-fPIE", shared=False)
    assert "executable" in judge(lab, program).unusable[0].what
    short = lab.folder / "short.so"
    short.write_bytes(Path(path).read_bytes()[:3000])
    assert "truncated" in judge(lab, str(short)).unusable[0].what
    assert judge(lab, lab.path("not/there.so")).unusable


@pytest.mark.needs("gcc -m32")
def test_library_of_another_word_size_is_passed_over(lab: Lab) -> None:
    lab.build("narrow/libdep.so", "int dep(void) { return 4; }", "-m32", "-nostdlib")
    path = lab.build("wide.so", CALLS_DEP, "-L{}/base", "-ldep",
                     "-Wl,-rpath,$ORIGIN/narrow:$ORIGIN/base")  # fmt: skip
    assert judge(lab, path).loads
    only = lab.build("only_narrow.so", CALLS_DEP, "-L{}/base", "-ldep", "-Wl,-rpath,$ORIGIN/narrow")
    assert judge(lab, only).missing
    assert judge(lab, lab.path("narrow/libdep.so")).unusable


def test_a_library_needed_by_path(lab: Lab) -> None:
    shutil.copy(lab.path("base/libdep.so"), lab.path("byname.so"))
    path = lab.build("by_path.so", CALLS_DEP, "{}/byname.so")
    assert [use.reason for use in judge(lab, path).uses if "byname" in use.name] == ["path"]


def test_verdicts_are_json() -> None:
    import json

    verdict = predict(Process(sys.executable), "/nowhere.so")
    assert json.loads(json.dumps(verdict.to_dict()))["loads"] is False


FILTERS = [
    # the filtee, whether it may be absent, whether the real loader opens the filter
    ("liba_base.so", True, True),
    ("liba_base.so", False, True),
    ("libgone.so", True, True),
    ("libgone.so", False, False),
    ("libtext.so", True, True),
    ("libtext.so", False, False),
    ("libneedy.so", True, False),
    ("libneedy.so", False, False),
    ("libwanting.so", True, False),
]


@pytest.mark.some(4)
@pytest.mark.parametrize(("filtee", "optional", "loads"), FILTERS)
def test_filters(lab: Lab, filtee: str, optional: bool, loads: bool) -> None:
    """The symbol that the filter lacks is its filtee's; without that one, nobody has it."""
    lab.build("filter/liba_base.so", "int dep(void) { return 1; }")
    lab.build("filter/libneedy.so", CALLS_DEP, "-L{}/filter", "-la_base", "-Wl,-rpath,/nowhere")
    lab.build("filter/libwanting.so", "int nobody(void); int dep(void) { return nobody(); }")
    (lab.folder / "filter" / "libtext.so").write_text("INPUT(-lm)\n" * 20)
    used = "int which(void) { return 1; }" if filtee != "liba_base.so" else CALLS_DEP
    name = f"filter/{filtee[3:-3]}{optional}.so"
    search = (
        "-Wl,-rpath,$ORIGIN" if filtee != "libneedy.so" else "-Wl,--enable-new-dtags,-rpath,$ORIGIN"
    )
    path = lab.build(name, used, f"-Wl,{'-f' if optional else '-F'},{filtee}", search)
    assert judge(lab, path).loads is loads
