"""Compiled libraries as facts: what is kept, whose it is, and what is wrong with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_site import Site
from machine import write

import needs
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.libraries.library_files import foreign, passed_over, python_tag, stray
from gpufix.facts.queries import Queries
from gpufix.model import Binaries, Distribution, Facts, Host, Library, Python, Torch

REAL = os.path.realpath(sys.executable)
OWN = ".cpython-311-x86_64-linux-gnu.so"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small libraries: a fake torch, a user of it, one of another torch, and a plain one."""
    needs.require("g++")
    folder = tmp_path_factory.mktemp("built")
    sources = {
        "libc10.so": "namespace c10 { void fine() {} }",
        "libtorch_cpu.so": "namespace at { void fine() {} }",
        "_user.so": "namespace c10 { void fine(); struct Held { ~Held(); };"
        "__attribute__((noipa)) inline Held::~Held() { fine(); } }"
        "void f() { c10::Held held; c10::fine(); }",
        "_stale.so": "#include <string>\nnamespace c10 { void gone(std::string); }"
        "void f() { c10::gone(std::string()); }",
        "_bridge.so": "namespace at { void fine(); } void f() { at::fine(); }",
        "_plain.so": "int f() { return 1; }",
        "_lost.so": "extern void h(); void f() { h(); }",
        "libplugin.so": "extern void h(); void f() { h(); }",
        "libh.so": "void h() {}",
        "libcudart.so.12": "void rt() {}",
        "_gpu.so": "extern void rt(); void f() { rt(); }",
        "libtls.so": '__thread char v[4096] __attribute__((tls_model("initial-exec"))) = {1};'
        "char f() { return v[0]; }",
    }
    links = {
        "_user.so": ["-lc10"],
        "_stale.so": ["-lc10", "-D_GLIBCXX_USE_CXX11_ABI=0"],
        "_lost.so": ["-lh"],
        "libplugin.so": ["-lh"],
        "_gpu.so": ["-l:libcudart.so.12"],
    }
    for name in ("libc10.so", "libh.so", "libcudart.so.12", *sources):
        (folder / "a.cpp").write_text(sources[name])
        flags = [
            "-shared",
            "-fPIC",
            "-O1",
            f"-Wl,-soname,{name}",
            "-Wl,-rpath,$ORIGIN/../torch/lib:$ORIGIN/../lost.libs",
        ]
        command = ["g++", *flags, "a.cpp", "-o", name, "-L.", *links.get(name, [])]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def torch(site: Site, built: Path) -> Torch:
    """A torch of two libraries, recorded as pip would."""
    names = ("libc10.so", "libtorch_cpu.so")
    files = {f"torch/lib/{n}": (built / n).read_bytes() for n in names}
    site.install("torch", "2.7.1", {"torch/__init__.py": b"", **files})
    return Torch(state="ok", location=str(site.folder), version="2.7.1", release="2.7.1")


def python(site: Site) -> Python:
    return site.python(executable=REAL)


def scan(
    ctx: CollectContext, site: Site, torch: Torch | None = None, *more: Distribution
) -> Binaries:
    found = [
        Distribution(
            name=info.name.partition("-")[0].replace("_", "-"),
            version="1",
            location=str(site.folder),
            metadata=str(info),
        )
        for info in sorted(site.folder.glob("*.dist-info"))
    ]
    return libraries.collect(ctx, python(site), [*found, *more], torch)


def one(binaries: Binaries, name: str) -> Library:
    (found,) = [lib for lib in binaries.libraries if lib.path.endswith(f"/{name}")]
    return found


def test_no_python(ctx: CollectContext):
    assert libraries.collect(ctx, None, [], None) == Binaries()


def test_a_healthy_environment_keeps_torch_and_its_users_alone(
    ctx: CollectContext, site: Site, built: Path, torch: Torch
):
    plain, user = (built / "_plain.so").read_bytes(), (built / "_user.so").read_bytes()
    site.install("plain", files={f"plain/_plain{OWN}": plain})
    site.install("user", files={f"user/_C{OWN}": user})
    binaries = scan(ctx, site, torch)
    assert binaries.scanned == 4
    assert {(lib.distribution, Path(lib.path).name) for lib in binaries.libraries} == {
        ("torch", "libc10.so"),
        ("torch", "libtorch_cpu.so"),
        ("user", f"_C{OWN}"),
    }
    assert all(lib.problems == [] for lib in binaries.libraries)
    mine = one(binaries, f"_C{OWN}")
    assert (mine.module, mine.python_tag, mine.links_torch) == (True, "cp311", True)
    assert (mine.needed[0], mine.opened_by) == ("libc10.so", "import")
    assert mine.torch_symbols == []
    assert ctx.gaps == []


def test_built_for_another_torch(ctx: CollectContext, site: Site, built: Path, torch: Torch):
    site.install("stale", files={f"stale/_C{OWN}": (built / "_stale.so").read_bytes()})
    library = one(scan(ctx, site, torch), f"_C{OWN}")
    assert [(p.kind, p.name) for p in library.problems] == [("undefined-symbol", "_ZN3c104goneESs")]
    assert (library.torch_symbols, library.cxx11_abi) == (["_ZN3c104goneESs"], False)
    assert library.distribution == "stale"


def test_symbols_that_a_package_makes_global_itself(
    ctx: CollectContext, site: Site, built: Path, torch: Torch
):
    """No NEEDED entry names torch, yet torch has the symbol: opening it is the package's affair."""
    files = {f"core/_bridge{OWN}": (built / "_bridge.so").read_bytes()}
    site.install("core", files={"core/__init__.py": b"import torch", **files})
    library = one(scan(ctx, site, torch), f"_bridge{OWN}")
    assert library.problems == []
    (site.folder / "torch/lib/libtorch_cpu.so").unlink()
    library = one(scan(ctx, site, torch), f"_bridge{OWN}")
    assert [p.name for p in library.problems] == ["_ZN2at4fineEv"]


def test_a_missing_library(ctx: CollectContext, site: Site, built: Path):
    site.install("lost", files={f"lost/_C{OWN}": (built / "_lost.so").read_bytes()})
    (problem,) = one(scan(ctx, site), f"_C{OWN}").problems
    assert (problem.kind, problem.name, problem.driver) == ("missing-library", "libh.so", False)


@pytest.mark.parametrize(
    ("source", "opened_by"),
    [
        (b"", None),
        (b"import torch", None),
        (b"ctypes.CDLL(here / 'libplugin.so')", "source"),
        (b"load_library('plugin')", "source"),
        (b"# libplugin.so is mentioned\nlibplugin_so = 1", None),
    ],
)
def test_who_opens_a_faulty_plug_in(
    ctx: CollectContext, site: Site, built: Path, source: bytes, opened_by: str | None
):
    plugin = (built / "libplugin.so").read_bytes()
    site.install("pkg", files={"pkg/__init__.py": source, "pkg/lib/libplugin.so": plugin})
    site.install("torch", files={"torch/__init__.py": b""})
    found = scan(ctx, site).libraries
    assert [lib.opened_by for lib in found] == ([opened_by] if opened_by else [])
    assert all(lib.problems for lib in found)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("variable", [True, False])
def test_what_a_variable_does_to_nvidias_wheels(
    ctx: CollectContext, site: Site, tmp_path: Path, variable: bool
):
    """Nothing here loads the library: only what LD_LIBRARY_PATH makes of it stays."""
    for folder, code in (("own", 'extern "C" void nvJitLinkCreate() {}'), ("old", "int x;")):
        (tmp_path / folder).mkdir()
        (tmp_path / "a.cpp").write_text(code)
        name = "libnvJitLink.so"
        flags = [f"-Wl,-soname,{name}", "a.cpp", "-o", f"{folder}/{name}"]
        subprocess.run(["g++", "-shared", "-fPIC", *flags], cwd=tmp_path, check=True)
    (tmp_path / "u.cpp").write_text(
        'extern "C" void nvJitLinkCreate(); void f() { nvJitLinkCreate(); }'
    )
    flags = ["u.cpp", "-o", "libuser.so", "-Lown", "-lnvJitLink", "-Wl,-rpath,$ORIGIN"]
    subprocess.run(["g++", "-shared", "-fPIC", *flags], cwd=tmp_path, check=True)
    paths = {"x/lib/libuser.so": "libuser.so", "x/lib/libnvJitLink.so": "own/libnvJitLink.so"}
    site.install("nvidia-x", files={n: (tmp_path / p).read_bytes() for n, p in paths.items()})
    environ = {"LD_LIBRARY_PATH": str(tmp_path / "old")} if variable else {}
    found = scan(replace(ctx, environ=environ), site).libraries
    told = [(p.why, p.provider) for lib in found for p in lib.problems]
    lacks = ("LD_LIBRARY_PATH", str(tmp_path / "old/libnvJitLink.so"))
    assert told == ([lacks] if variable else [])


@pytest.mark.needs("g++")
def test_a_library_is_judged_with_what_needs_it(ctx: CollectContext, site: Site, built: Path):
    """Alone libmid.so finds no libh.so; its user brings the RPATH that leads there."""
    site.install("pkg", files={"pkg/libmid.so": b"", "deps/libh.so": b""})
    write(site.folder, "deps/libh.so", (built / "libh.so").read_bytes())
    (site.folder / "mid.cpp").write_text("void h(); void m() { h(); }")
    (site.folder / "user.cpp").write_text("void m(); void u() { m(); }")
    rpath = "-Wl,--disable-new-dtags,-rpath,$ORIGIN:$ORIGIN/../deps"
    for command in (
        ["mid.cpp", "-o", "pkg/libmid.so", "-Ldeps", "-lh", "-Wl,-soname,libmid.so"],
        ["user.cpp", "-o", f"pkg/_C{OWN}", "-Lpkg", "-lmid", rpath],
    ):
        subprocess.run(["g++", "-shared", "-fPIC", *command], cwd=site.folder, check=True)
    assert scan(ctx, site).libraries == []
    (site.folder / "deps/libh.so").unlink()
    (user,) = scan(ctx, site).libraries
    assert [p.needed_by for p in user.problems] == [str(site.folder / "pkg/libmid.so")]


def test_a_module_for_another_python_is_not_asked_to_load(
    ctx: CollectContext, site: Site, built: Path
):
    lost = (built / "_lost.so").read_bytes()
    leftover = "pkg/_C.cpython-310-x86_64-linux-gnu.so"
    site.install("pkg", files={leftover: lost})
    (library,) = scan(ctx, site).libraries
    assert (library.python_tag, library.problems) == ("cp310", [])
    site.install("pkg", files={leftover: lost, f"pkg/_C{OWN}": (built / "_plain.so").read_bytes()})
    assert scan(ctx, site).libraries == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "unusable"),
        (b"", "unusable"),
        (b"\x7fELF\x02\x01\x01" + bytes(30), "unusable"),
    ],
)
def test_a_file_that_is_no_library(ctx: CollectContext, site: Site, content: bytes, kind: str):
    site.install("pkg", files={f"pkg/_C{OWN}": content})
    (problem,) = one(scan(ctx, site), f"_C{OWN}").problems
    assert problem.kind == kind


def test_a_broken_library_below_a_module(ctx: CollectContext, site: Site, built: Path):
    """Nobody opens it but the loader: both are told, and the module says by which file."""
    broken = (built / "libh.so").read_bytes()[:9000]
    files = {f"lost/_lost{OWN}": (built / "_lost.so").read_bytes(), "lost.libs/libh.so": broken}
    site.install("lost", files=files)
    binaries = scan(ctx, site)
    (own,) = one(binaries, "libh.so").problems
    (module,) = one(binaries, f"_lost{OWN}").problems
    assert (own.kind, own.provider) == ("unusable", None)
    assert (module.name, module.provider) == (own.name, f"{site.folder}/lost.libs/libh.so")


def test_static_tls_is_a_module_s_fault_alone(ctx: CollectContext, site: Site, built: Path):
    """Who names a library in its source may have it preloaded."""
    content = (built / "libtls.so").read_bytes()
    source = b'PRELOAD = "libtls.so"'
    files = {"big/__init__.py": source, "big/libtls.so": content, f"big/_big{OWN}": content}
    site.install("big", files=files)
    binaries = scan(ctx, site)
    assert [p.kind for p in one(binaries, f"_big{OWN}").problems] == ["refused"]
    assert [lib.path for lib in binaries.libraries if lib.path.endswith("libtls.so")] == []


def test_cuda_libraries_by_who_names_them(ctx: CollectContext, site: Site, built: Path):
    """Of a module that loads nothing else is kept."""
    gpu, runtime = ((built / name).read_bytes() for name in ("_gpu.so", "libcudart.so.12"))
    site.install("mine", files={f"mine/_C{OWN}": gpu, "lost.libs/libcudart.so.12": runtime})
    site.install("plain", files={f"plain/_plain{OWN}": (built / "_plain.so").read_bytes()})
    unowned = write(site.folder, f"stray/_C{OWN}", gpu)
    binaries = scan(ctx, site)
    assert binaries.libraries == []
    assert binaries.cuda == {"mine": ["libcudart.so.12"], str(unowned): ["libcudart.so.12"]}


def test_where_is_looked(ctx: CollectContext, site: Site, built: Path, tmp_path: Path):
    lost = (built / "_lost.so").read_bytes()
    project = tmp_path / "project"
    for place in ("src/pkg", "build/lib", ".venv/lib", "env/lib"):
        write(project, f"{place}/_C{OWN}", lost)
    write(project, "env/pyvenv.cfg")
    write(site.folder, "x/include/_C.so", lost)
    write(site.folder, "x.libs/mod.so.5.0.0", lost)
    write(site.folder, "x.libs/load.py", "load('mod')")
    (site.folder / "loop").symlink_to(site.folder)
    (site.folder / "link.so").symlink_to("x.libs/mod.so.5.0.0")
    mine = Distribution(name="proj", version="1", location="/", editable=str(project))
    found = scan(ctx, site, None, mine).libraries
    assert sorted((Path(lib.path).name, lib.distribution) for lib in found) == [
        (f"_C{OWN}", "proj"),
        ("mod.so.5.0.0", None),
    ]


def test_an_interpreter_that_is_no_program_is_a_gap(ctx: CollectContext, site: Site, built: Path):
    site.install("pkg", files={f"pkg/_C{OWN}": (built / "_plain.so").read_bytes()})
    patient = site.python(executable=str(write(site.prefix, "bin/python", "#!/bin/sh\n")))
    assert libraries.collect(ctx, patient, [], None).libraries == []
    assert [(g.section, g.subject) for g in ctx.gaps] == [("binaries", "binaries")]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("a.so", None),
        ("libtorch.so.2", None),
        ("_C.abi3.so", "abi3"),
        ("_C.cpython-311-x86_64-linux-gnu.so", "cp311"),
        ("_C.cpython-313t-x86_64-linux-gnu.so", "cp313t"),
        ("_C.cpython-37m-x86_64-linux-gnu.so", "cp37"),
        ("_C.cpython-310.so", "cp310"),
        ("_C.pypy310-pp73-x86_64-linux-gnu.so", "pypy310"),
    ],
)
def test_python_tag(name: str, tag: str | None):
    assert python_tag(f"/x/{name}") == tag


def test_modules_for_another_platform_beside_ones_for_this():
    own = ["/a/m.cpython-311-x86_64-linux-gnu.so", "/a/n.abi3.so", "/a/o.so"]
    other = [f"/a/{name}.cpython-311-aarch64-linux-gnu.so" for name in "mno"]
    alone = ["/b/m.cpython-311-aarch64-linux-gnu.so", "/a/p.cpython-311-aarch64-linux-gnu.so"]
    suffixes = [".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"]
    assert passed_over([*own, *other, *alone, "/a/libq.so.1"], suffixes) == set(other)
    assert passed_over([*own, *other], []) == set()


def test_a_name_that_no_import_looks_for_is_no_modules():
    assert python_tag("/a/MPI.openmpi.cpython-313-x86_64-linux-gnu.so") is None
    assert python_tag("/a/MPI.cpython-313-x86_64-linux-gnu.so") == "cp313"


def test_stray_modules():
    paths = ["/a/m.cpython-310.so", "/a/n.cpython-310.so", "/a/n.abi3.so", "/b/m.cpython-311.so"]
    assert stray(paths, "cp311") == {"/a/m.cpython-310.so"}
    assert not foreign("/a/m.so", "cp311")


def facts(site: Site, binaries: Binaries, torch: Torch | None) -> Facts:
    host = Host(os="Linux", kernel="6", machine="x86_64")
    return Facts(host=host, python=python(site), binaries=binaries, torch=torch)


def test_queries(ctx: CollectContext, site: Site, built: Path, torch: Torch, tmp_path: Path):
    site.install("stale", files={f"stale/_C{OWN}": (built / "_stale.so").read_bytes()})
    ask = Queries.of(facts(site, scan(ctx, site, torch), torch))
    path = str(site.folder / "stale" / f"_C{OWN}")
    assert ask.torch_symbols(path) == ("_ZN3c104goneESs",)
    assert ask.c10_destructors(path) == ()
    user = site.folder / "user.so"
    user.write_bytes((built / "_user.so").read_bytes())
    held = set(ask.c10_destructors(str(user)))
    assert {"_ZN3c104HeldD1Ev", "_ZN3c104HeldD2Ev"} >= held != set()
    assert ask.exports("_ZN2at4fineEv") is True
    assert ask.exports("_ZN3c104goneESs") is False
    assert ask.demangle("_ZN2at4fineEv") == "at::fine()"
    assert ask.demangle("printf") is None
    empty = write(site.folder, "empty")
    assert ask.sha256(str(empty)).startswith("e3b0c44298fc1c14")


def test_headers_of_a_torch_behind_links(site: Site, tmp_path: Path):
    write(tmp_path, "store/include/c10/a.h", "word")
    (site.folder / "torch").symlink_to(tmp_path / "store")
    own = Torch(state="ok", location=str(site.folder))
    ask = Queries.of(facts(site, Binaries(), own))
    assert ask.torch_header("c10/a.h") and ask.torch_declares("c10/a.h", "word")
    write(tmp_path, "outside/include/c10/a.h")
    with pytest.raises(ValueError, match="belongs to neither"):
        ask.torch_declares("../../../../../../outside/include/c10/a.h", "word")


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        (Queries.sha256, "/etc/passwd"),
        (Queries.sha256, "{site}/../../../../outside"),
        (Queries.sha256, "{site}/link"),
        (Queries.sha256, "{site}"),
        (Queries.sha256, "{site}/fifo"),
        (Queries.torch_symbols, "/etc/passwd"),
        (Queries.torch_symbols, "{site}/text"),
        (Queries.torch_symbols, "{site}/gone"),
        (Queries.c10_destructors, "{site}/text"),
        (Queries.exports, "_ZN2at4fineEv"),  # no torch here
        (Queries.project_python, "{site}"),  # no project
    ],
)
def test_queries_that_have_no_answer(
    site: Site, tmp_path: Path, question: Callable[[Queries, str], object], subject: str
):
    write(tmp_path, "outside", "secret")
    write(site.folder, "text", "no ELF")
    os.mkfifo(site.folder / "fifo")
    (site.folder / "link").symlink_to(tmp_path / "outside")
    queries = Queries.of(facts(site, Binaries(), None))
    with pytest.raises((ValueError, OSError)):
        question(queries, subject.format(site=site.folder))
