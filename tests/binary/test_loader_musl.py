"""Predictions for a musl program beside what musl's loader does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lab import Lab

import needs
from gpufix.binary.loader.model import Opened, Process, Verdict
from gpufix.binary.loader.scan import predict

pytestmark = pytest.mark.needs("musl-gcc")

# Opens its arguments in turn, and says whether the last one loaded.
PROGRAM = """
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **paths) {
    void *last = 0;
    for (int i = 1; i < count; i++) last = dlopen(paths[i], RTLD_NOW);
    if (!last) fprintf(stderr, "%s\\n", dlerror());
    return !last;
}
"""
CALLS_DEP = "int dep(void); int f(void) { return dep(); }"


class MuslLab(Lab):
    def build(self, name: str, source: str, *flags: str, shared: bool = True) -> str:
        out = self.folder / name
        out.parent.mkdir(parents=True, exist_ok=True)
        kind = ["-shared", "-fPIC"] if shared else []
        command = [needs.path("musl-gcc"), *kind, "-w", "-x", "c", "-", "-x", "none"]
        command += ["-o", str(out)]
        command += [flag.replace("{}", str(self.folder)) for flag in flags]
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
        return str(out)


@pytest.fixture(scope="module")
def musl(tmp_path_factory: pytest.TempPathFactory) -> MuslLab:
    made = MuslLab(tmp_path_factory.mktemp("musl"))
    made.build("program", PROGRAM, shared=False)
    made.build("base/libdep.so", "int dep(void) { return 1; }")
    return made


def judge(
    musl: MuslLab,
    path: str,
    environment: dict[str, str] | None = None,
    before: tuple[str, ...] = (),
) -> Verdict:
    """The prediction, after checking that musl's loader agrees."""
    opened = tuple(Opened(item) for item in before)
    verdict = predict(Process(musl.path("program"), (), environment or {}, opened), path)
    command = [musl.path("program"), *before, path]
    real = subprocess.run(command, env=environment or {}, capture_output=True, text=True)
    assert verdict.loads == (real.returncode == 0), (real.stderr, verdict)
    return verdict


def test_a_library_that_needs_only_libc_loads(musl: MuslLab) -> None:
    path = musl.build("plain.so", '#include <stdio.h>\nint f(void) { return puts(""); }')
    assert judge(musl, path).loads


def test_missing_library(musl: MuslLab) -> None:
    path = musl.build("missing.so", CALLS_DEP, "-L{}/base", "-ldep")
    assert [missing.name for missing in judge(musl, path).missing] == ["libdep.so"]
    assert judge(musl, path, {"LD_LIBRARY_PATH": musl.path("base")}).loads


def test_undefined_symbol(musl: MuslLab) -> None:
    path = musl.build("undefined.so", CALLS_DEP)
    assert [symbol.name for symbol in judge(musl, path).undefined] == ["dep"]


def test_dependencies_inherit_a_runpath_too(musl: MuslLab) -> None:
    musl.build(
        "deep/libmid.so", "int dep(void); int mid(void) { return dep(); }", "-L{}/base", "-ldep"
    )
    path = musl.build("deep.so", "int mid(void); int f(void) { return mid(); }", "-L{}/deep", "-lmid",
                      "-Wl,--enable-new-dtags,-rpath,$ORIGIN/deep:$ORIGIN/base",
                      "-Wl,--allow-shlib-undefined")  # fmt: skip
    assert judge(musl, path).loads


def test_a_soname_alone_does_not_identify_a_loaded_library(musl: MuslLab) -> None:
    other = musl.build(
        "other/libother.so", "int dep(void) { return 1; }", "-Wl,-soname,libwanted.so"
    )
    path = musl.build("wants.so", CALLS_DEP, "-L{}/other", "-lother")
    assert [missing.name for missing in judge(musl, path, before=(other,)).missing] == [
        "libwanted.so"
    ]


def test_a_library_of_glibc_lacks_symbols(musl: MuslLab, lab: Lab) -> None:
    source = (
        '#include <stdio.h>\n#include <stdlib.h>\nlong f(void) { return rand() + printf("%d", 1); }'
    )
    path = lab.build("glibc_user.so", source, "-D_FORTIFY_SOURCE=2", "-O2")
    judge(musl, path)


def test_thread_local_variables_must_be_there_at_the_start(musl: MuslLab) -> None:
    variable = '__thread int counter __attribute__((tls_model("initial-exec")));'
    path = musl.build("fixed.so", f"{variable} int f(void) {{ return counter; }}")
    (problem,) = judge(musl, path).unusable
    assert problem.sound
    assert judge(musl, path, {"LD_PRELOAD": path}).loads
    free = musl.build("free.so", "__thread int many[4096]; int f(void) { return many[0]; }")
    assert judge(musl, free).loads


@pytest.mark.parametrize(
    ("folder", "loads"),
    [("$ORIGIN/base", True), ("${ORIGIN}/base", True), ("$ORIGIN/base:$ORIGIN/$LIB", False)],
)
def test_a_list_with_another_name_than_origin_counts_for_nothing(
    musl: MuslLab, folder: str, loads: bool
) -> None:
    path = musl.build("named.so", CALLS_DEP, "-L{}/base", "-ldep", f"-Wl,-rpath,{folder}")
    assert judge(musl, path).loads is loads


def test_the_header_is_hardly_looked_at(musl: MuslLab) -> None:
    """Nor is a filter: musl knows none."""
    data = bytearray(Path(musl.path("base/libdep.so")).read_bytes())
    data[7:9] = (9, 9)
    Path(musl.path("system.so")).write_bytes(data)
    assert judge(musl, musl.path("system.so")).loads
    assert judge(
        musl, musl.build("filter.so", "int f(void) { return 1; }", "-Wl,-F,libgone.so")
    ).loads
