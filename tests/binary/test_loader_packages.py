"""Libraries as parts of packages: what Python loads before them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lab import Lab

from gpufix.binary.loader.model import Opened, Process
from gpufix.binary.loader.scan import predict, scan

CALLS_DEP = "int dep(void); int which(void) { return dep(); }"


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Lab:
    """A site folder with a torch whose libtorch.so defines dep()."""
    made = Lab(tmp_path)
    made.build("torch/lib/libtorch_global_deps.so", "int nothing;")
    made.build("torch/lib/libtorch.so", "int dep(void) { return 5; }", "-Wl,-soname,libtorch.so")
    made.build("torch/_C.abi3.so", CALLS_DEP, "-L{}/torch/lib", "-ltorch", "-Wl,-rpath,$ORIGIN/lib")
    (tmp_path / "torch/__init__.py").write_text("")
    return made


def process(lab: Lab) -> Process:
    return Process(sys.executable, (str(lab.folder),))


def test_an_extension_that_needs_torch_is_judged_after_it(site: Lab) -> None:
    path = site.build("ext/_C.so", CALLS_DEP, "-L{}/torch/lib", "-ltorch")
    verdict = predict(process(site), path)
    assert (verdict.loads, verdict.context) == (True, "torch")
    assert verdict.uses[0].reason == "already loaded"
    before = ((site.path("torch/_C.abi3.so"), False),)
    assert not site.open(path).loads
    assert site.open(path, before=before).loads


def test_an_extension_for_another_torch_lacks_symbols(site: Lab) -> None:
    source = "int dep(void), newer(void); int f(void) { return dep() + newer(); }"
    path = site.build("ext/_C.so", source, "-L{}/torch/lib", "-ltorch")
    verdict = predict(process(site), path)
    assert [(symbol.name, symbol.needed_by) for symbol in verdict.undefined] == [("newer", path)]


def test_a_package_that_opens_its_libraries_itself(lab: Lab, tmp_path: Path) -> None:
    site = Lab(tmp_path)
    site.build("pack/lib/libinner.so.1", "int dep(void) { return 1; }", "-Wl,-soname,libinner.so.1")
    path = site.build("pack/_ext.so", CALLS_DEP, "{}/pack/lib/libinner.so.1")
    init = site.folder / "pack/__init__.py"
    init.write_text("")
    assert [missing.name for missing in predict(process(site), path).missing] == ["libinner.so.1"]
    init.write_text("import ctypes\nctypes.CDLL('lib/libinner.so.1')\n")
    verdict = predict(process(site), path)
    assert (verdict.loads, verdict.context) == (True, "package")


def test_opened_libraries_count_in_order(lab: Lab) -> None:
    provider = lab.build("order/provider.so", "int dep(void) { return 1; }")
    path = lab.build("order/user.so", CALLS_DEP)
    assert not predict(Process(sys.executable, opened=(Opened(provider),)), path).loads
    assert predict(Process(sys.executable, opened=(Opened(provider, True),)), path).loads


def test_a_failure_tells_how_the_library_was_found_that_was_there(tmp_path: Path) -> None:
    lab, name = Lab(tmp_path), "-Wl,-soname,libdep.so"
    lab.build("good/libdep.so", "int dep(void) { return 1; }", name)
    lab.build("copy/libdep.so", "int other;", name)
    first = lab.build("first.so", "int nothing;", "-Wl,--no-as-needed", "{}/good/libdep.so")
    path = lab.build("user.so", CALLS_DEP, "{}/good/libdep.so")
    environment = {"LD_LIBRARY_PATH": lab.path("copy")}
    verdict = predict(Process(sys.executable, (), environment, (Opened(first),)), path)
    assert [symbol.name for symbol in verdict.undefined] == ["dep"]
    reasons = [(used.path, used.reason) for used in verdict.uses if used.name == "libdep.so"]
    assert reasons == [(lab.path("copy/libdep.so"), "LD_LIBRARY_PATH")]
    assert not lab.open(path, environment, ((first, False),)).loads


def test_a_bundled_dependency_is_served_by_its_extension(lab: Lab, tmp_path: Path) -> None:
    site = Lab(tmp_path)
    site.build("pack.libs/libdeep.so", "int deep(void) { return 1; }")
    bundled = site.build("pack.libs/libmid.so", "int deep(void); int dep(void) { return deep(); }",
                         "-L{}/pack.libs", "-ldeep")  # fmt: skip
    rpath = "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../pack.libs,--allow-shlib-undefined"
    path = site.build("pack/_ext.so", CALLS_DEP, "-L{}/pack.libs", "-lmid", rpath)
    alone, extension = scan(process(site), [bundled, path])
    assert extension.loads
    assert not alone.loads
    assert alone.served_by == path
    assert not lab.open(bundled).loads
    assert lab.open(path).loads


def test_extensions_are_told_from_other_libraries(lab: Lab) -> None:
    module = lab.build("kinds/_mod.cpython-311.so", "void *PyInit__mod(void) { return 0; }")
    other = lab.build("kinds/other.so", "void *PyInit__mod(void) { return 0; }")
    assert [v.extension for v in scan(Process(sys.executable), [module, other])] == [True, False]
