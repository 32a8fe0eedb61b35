"""Ways in which environments lay out their packages, each made for real around one small package.

The package `demo` has a module that needs a library of its own by $ORIGIN. A layout is a function
that puts it somewhere and tells which Python imports it, and with which variables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from layout_package import SUFFIX, VERSION

import needs


@dataclass
class Place:
    """Where a layout is made: `store` holds the package, `venv` is empty."""

    tmp: Path
    venv: Path
    store: Path

    @property
    def site(self) -> Path:
        return self.venv / "lib" / VERSION / "site-packages"


@dataclass
class Laid:
    """Who imports it. dep: without it the import fails; owned, recorded: what of it metadata tells."""

    python: Path
    dep: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    owned: bool = True
    recorded: bool = True
    libraries: int = 2  # how many are found


Layout = Callable[[Place], Laid]


def _linked(source: Path, target: Path, make: Callable[[Path, Path], None]) -> None:
    """Every file of a tree, in real folders."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            make(place, path)


def _in_store(at: Place, environ: Mapping[str, str] | None = None) -> Laid:
    return Laid(at.venv / "bin/python", at.store / "demo.libs/libdep.so", environ or {})


def plain(at: Place) -> Laid:
    shutil.copytree(at.store, at.site, dirs_exist_ok=True)
    return Laid(at.venv / "bin/python", at.site / "demo.libs/libdep.so")


def links_to_files(at: Place) -> Laid:
    """uv --link-mode symlink, Bazel's runfiles, a view of Spack's."""
    _linked(at.store, at.site, Path.symlink_to)
    return _in_store(at)


def hard_links(at: Place) -> Laid:
    _linked(at.store, at.site, Path.hardlink_to)
    return Laid(at.venv / "bin/python", at.site / "demo.libs/libdep.so")


def links_to_folders(at: Place) -> Laid:
    """Nix's environments, conda's softlinks."""
    for path in at.store.iterdir():
        (at.site / path.name).symlink_to(path)
    return _in_store(at)


def one_linked_folder(at: Place) -> Laid:
    """$ORIGIN/.. is the parent of the folder that is linked to: demo.libs is found there alone."""
    (at.site / "demo").symlink_to(at.store / "demo")
    shutil.copytree(at.store / "demo-1.0.dist-info", at.site / "demo-1.0.dist-info")
    (at.site / "demo-1.0.dist-info/RECORD").unlink()
    return replace(_in_store(at), owned=False, recorded=False, libraries=1)


def linked_site_packages(at: Place) -> Laid:
    at.site.rmdir()
    at.site.symlink_to(at.store)
    return _in_store(at)


def linked_environment(at: Place) -> Laid:
    laid = plain(at)
    (at.tmp / "current").symlink_to(at.venv)
    return Laid(at.tmp / "current/bin/python", laid.dep)


def links_to_links(at: Place) -> Laid:
    (at.tmp / "middle").mkdir()
    _linked(at.store, at.tmp / "middle", Path.symlink_to)
    (at.tmp / "further").symlink_to(at.tmp / "middle")
    for path in at.store.iterdir():
        (at.site / path.name).symlink_to(at.tmp / "further" / path.name)
    return _in_store(at)


def version_behind_a_name(at: Place) -> Laid:
    """The package's own folder has a name that none imports."""
    shutil.copytree(at.store, at.site, dirs_exist_ok=True)
    (at.site / "demo").rename(at.site / "demo-1.0")
    (at.site / "demo").symlink_to("demo-1.0")
    return Laid(at.venv / "bin/python", at.site / "demo.libs/libdep.so")


def module_in_a_pool(at: Place) -> Laid:
    """Where its file lies the module would not load; where the link lies it does."""
    shutil.copytree(at.store, at.site, dirs_exist_ok=True)
    (at.site / "pool/a").mkdir(parents=True)
    module = at.site / "demo" / f"_m{SUFFIX}"
    module.rename(at.site / "pool/a" / module.name)
    module.symlink_to(f"../pool/a/{module.name}")
    return Laid(at.venv / "bin/python", at.site / "demo.libs/libdep.so")


def loops(at: Place) -> Laid:
    laid = plain(at)
    links = {"here": ".", "demo/up": "..", "demo/self": "self", "top": "/", "home": at.venv}
    links |= {"a": "b", "b": "a", "demo/again": "../demo", "gone.libs": "nowhere"}
    for name, target in links.items():
        (at.site / name).symlink_to(target)
    return laid


def on_pythonpath(at: Place) -> Laid:
    """pip install --target, --prefix; __pypackages__."""
    return _in_store(at, {"PYTHONPATH": str(at.store)})


def many_roots(at: Place) -> Laid:
    """Bazel's rules_python: a site folder for each repository, of links, on PYTHONPATH."""
    roots = [at.tmp / f"runfiles/pip_{n}/site-packages" for n in ("other", "demo")]
    for root in roots:
        root.mkdir(parents=True)
    _linked(at.store, roots[1], Path.symlink_to)
    return _in_store(at, {"PYTHONPATH": os.pathsep.join(map(str, roots))})


def without_metadata(at: Place) -> Laid:
    shutil.rmtree(at.store / "demo-1.0.dist-info")
    return replace(_in_store(at, {"PYTHONPATH": str(at.store)}), owned=False, recorded=False)


def by_pth(at: Place) -> Laid:
    shutil.rmtree(at.store / "demo-1.0.dist-info")
    (at.site / "demo.pth").write_text(f"{at.store}\n")
    return replace(_in_store(at), owned=False, recorded=False)


def _editable(at: Place) -> None:
    info = at.site / "demo-1.0.dist-info"
    shutil.move(at.store / info.name, info)
    url = f'{{"url": "file://{at.tmp}/project", "dir_info": {{"editable": true}}}}'
    (info / "direct_url.json").write_text(url)
    (info / "RECORD").unlink()
    at.store.rename(at.tmp / "project-src")
    (at.tmp / "project").mkdir()
    (at.tmp / "project-src").rename(at.tmp / "project/src")


def editable_by_pth(at: Place) -> Laid:
    _editable(at)
    (at.site / "demo.pth").write_text(f"{at.tmp}/project/src\n")
    return Laid(at.venv / "bin/python", at.tmp / "project/src/demo.libs/libdep.so", recorded=False)


_FINDER = """\
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location
MAPPING = {{'demo': '{folder}'}}
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, MAPPING[name] + "/__init__.py")
def install():
    sys.meta_path.append(Finder)
"""


def editable_by_finder(at: Place) -> Laid:
    _editable(at)
    code = _FINDER.format(folder=at.tmp / "project/src/demo")
    (at.site / "__editable___demo_1_0_finder.py").write_text(code)
    hook = "import __editable___demo_1_0_finder as f; f.install()\n"
    (at.site / "__editable__.demo-1.0.pth").write_text(hook)
    return Laid(at.venv / "bin/python", at.tmp / "project/src/demo.libs/libdep.so", recorded=False)


def editable_by_meson(at: Place) -> Laid:
    """meson-python imports from the project's build folder, by a hook of a .pth file."""
    _editable(at)
    build = at.tmp / f"project/build/cp3{sys.version_info[1]}"
    build.parent.mkdir()
    (at.tmp / "project/src").rename(build)
    hook = f"import sys; sys.path.append('{build}')\n"
    (at.site / "demo-editable.pth").write_text(hook)
    return Laid(at.venv / "bin/python", build / "demo.libs/libdep.so", recorded=False)


def unzipped_egg(at: Place) -> Laid:
    egg = at.site / "demo-1.0-py3.11-linux-x86_64.egg"
    shutil.copytree(at.store, egg)
    (egg / "demo-1.0.dist-info").rename(egg / "EGG-INFO")
    (egg / "EGG-INFO/METADATA").rename(egg / "EGG-INFO/PKG-INFO")
    (at.site / "easy-install.pth").write_text(f"./{egg.name}\n")
    return Laid(at.venv / "bin/python", egg / "demo.libs/libdep.so", recorded=False)


def uv_links(at: Place) -> Laid:
    """The real uv, from a wheel."""
    uv = needs.path("uv")
    wheel = at.tmp / f"demo-1.0-cp3{sys.version_info[1]}-cp3{sys.version_info[1]}-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(at.store.rglob("*")):
            if path.name != "INSTALLER":
                archive.write(path, path.relative_to(at.store))
    command = [uv, "pip", "install", "-q", "--no-config", "--offline", "--link-mode", "symlink"]
    cache = {"UV_CACHE_DIR": str(at.tmp / "cache"), "PATH": os.environ["PATH"]}
    where = ["--python", str(at.venv / "bin/python"), str(wheel)]
    subprocess.run([*command, *where], env=cache, check=True, capture_output=True)
    dep = at.site / "demo.libs/libdep.so"
    assert dep.is_symlink()
    return Laid(at.venv / "bin/python", dep.resolve())


_WRAPPER = """\
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) { %s execv("%s", argv); return 1; }
"""


def _wrapped(at: Place, variables: Mapping[str, str]) -> Path:
    """A program in place of bin/python that starts the real one under its own name, as Nix's does."""
    needs.require("gcc")
    python = at.venv / "bin/python"
    real = os.path.realpath(python)
    python.unlink()
    sets = "".join(f'setenv("{name}", "{value}", 1); ' for name, value in variables.items())
    (at.tmp / "wrapper.c").write_text(_WRAPPER % (sets, real))
    command = ["gcc", str(at.tmp / "wrapper.c"), "-o", str(python)]
    subprocess.run(command, check=True, capture_output=True)
    return python


def started_by_a_wrapper(at: Place) -> Laid:
    laid = links_to_folders(at)
    return Laid(_wrapped(at, {}), laid.dep)


LAYOUTS: dict[str, Layout] = {
    each.__name__: each
    for each in (
        plain,
        links_to_files,
        hard_links,
        links_to_folders,
        one_linked_folder,
        linked_site_packages,
        linked_environment,
        links_to_links,
        version_behind_a_name,
        module_in_a_pool,
        loops,
        on_pythonpath,
        many_roots,
        without_metadata,
        by_pth,
        editable_by_pth,
        editable_by_finder,
        editable_by_meson,
        unzipped_egg,
        uv_links,
        started_by_a_wrapper,
    )
}
