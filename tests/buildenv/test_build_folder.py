"""Source folders: how they are built, what is stale in them, what came out of them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import builders as b
import pytest

from gpufix.engine.builds.folder import NotBuildable, clean, inspect
from gpufix.engine.builds.product import product
from gpufix.fixes.build_environment.variables import Folder

SOABI = "cpython-311-x86_64-linux-gnu"


def make(root: Path, *names: str, **texts: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()
    for name, text in texts.items():
        (root / name.replace("_dot_", ".")).write_text(text)
    return root


BACKENDS = {
    "setup.py": (["setup.py"], {}, "python"),
    "pyproject": (["pyproject.toml"], {}, "python"),
    "CMake": (["CMakeLists.txt"], {}, "cmake"),
    "scikit-build": (
        ["CMakeLists.txt"],
        {"pyproject_dot_toml": 'build-backend = "scikit_build_core.build"'},
        "python",
    ),
    "setup.py that calls cmake": (
        ["CMakeLists.txt"],
        {"setup_dot_py": 'subprocess.check_call(["cmake", "."])'},
        "python",
    ),
    "cmake by a function": (
        ["CMakeLists.txt"],
        {"setup_dot_py": "def go():\n    run(['cmake', '.'])\ngo()\nsetup(name='x')"},
        "python",
    ),
    "a command of its own": (
        ["CMakeLists.txt"],
        {"setup_dot_py": "class B:\n    tool = 'cmake'\nsetup(name='x', cmdclass={'b': B})"},
        "python",
    ),
    "a command that is not used": (
        ["CMakeLists.txt"],
        {
            "setup_dot_py": "class B:\n    tool = 'cmake'\n"
            "setup(name='x', # ext_modules=[1], cmdclass={'b': B}\n)"
        },
        "cmake, then python",
    ),
    "no Python": (["CMakeLists.txt"], {"setup_dot_py": "(cmake"}, "python"),
    "cmake and a plain setup.py": (
        ["CMakeLists.txt"],
        {"setup_dot_py": "setup(name='x')"},
        "cmake, then python",
    ),
}


@pytest.mark.parametrize("case", BACKENDS)
def test_backend(tmp_path: Path, case: str) -> None:
    names, texts, backend = BACKENDS[case]
    assert inspect(make(tmp_path, *names, **texts), b.facts()).backend == backend


OUTPUT = 'set_target_properties(x PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/a/b")'


@pytest.mark.parametrize(
    ("text", "package", "inside"),
    [
        (OUTPUT, "a/b/__init__.py", True),
        ("set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/a/b)", "a/b/__init__.py", True),
        (OUTPUT, "a/__init__.py", False),
        (f"# {OUTPUT}", "a/b/__init__.py", False),
        ("set(MINE_OUTPUT ${CMAKE_BINARY_DIR}/a/b)", "a/b/__init__.py", False),
        ("", "a/b/__init__.py", False),
    ],
)
def test_cmake_that_builds_into_the_package(
    tmp_path: Path, text: str, package: str, inside: bool
) -> None:
    """The library is imported from where CMake puts it: in the sources, which stay in use."""
    texts = {"CMakeLists_dot_txt": text, "setup_dot_py": "setup(name='x')"}
    root = make(tmp_path, "CMakeLists.txt", package, **texts)
    found = inspect(root, b.facts())
    assert (found.in_source, found.editable) == (inside, inside)
    kept = b.facts(distributions=[b.dist("x", direct_url=root.as_uri())])
    assert inspect(root, kept).editable is False


def test_sources_are_counted_without_the_environments_and_products(tmp_path: Path) -> None:
    root = make(tmp_path, "setup.py", "a.cu", "src/b.cu", "src/c.cpp", "build/d.cu")
    make(root, "env/pyvenv.cfg", "env/e.cu", ".git/f.cu")
    (root / "loop").symlink_to(root)
    found = inspect(root, b.facts())
    assert (found.gpu_sources, found.host_sources) == (2, 1)


@pytest.mark.parametrize("names", [["README.md"], []])
def test_nothing_to_build(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(NotBuildable):
        inspect(make(tmp_path, *names), b.facts())


def test_the_installation_is_recognised(tmp_path: Path) -> None:
    root = make(tmp_path / "a b", "setup.py")
    url = root.as_uri()
    for dist, editable in (
        (b.dist("ext", direct_url=url), False),
        (b.dist("ext", direct_url=url, editable=str(root)), True),
    ):
        found = inspect(root, b.facts(distributions=[b.dist("other"), dist]))
        assert (found.distribution, found.editable) == ("ext", editable)


STALE = {
    "build/temp.linux/x.o": "build/temp.linux",
    "build/lib.linux/x.so": "build/lib.linux",
    "build/CMakeCache.txt": "build",
    "cmake-build-debug/CMakeCache.txt": "cmake-build-debug",
    "CMakeCache.txt": "CMakeCache.txt",
    "ext.egg-info/PKG-INFO": "ext.egg-info",
    "src/ext.egg-info/PKG-INFO": "src/ext.egg-info",
    "ext/_C.cpython-310-x86_64-linux-gnu.so": "ext/_C.cpython-310-x86_64-linux-gnu.so",
}
NOT_STALE = [
    "build/notes.txt",
    "build/scripts/make.py",
    "builder/x.py",
    f"ext/_C.{SOABI}.so",
    "ext/_C.abi3.so",
    "ext/libhelper.so",
    "ext.egg-info/notes",
    "data/deep/_C.cpython-310-x86_64-linux-gnu.so",
]


@pytest.mark.parametrize("path", STALE)
def test_stale(tmp_path: Path, path: str) -> None:
    root = make(tmp_path, "setup.py", path)
    found = inspect(root, b.facts()).stale
    assert found == (str(root / STALE[path]),)
    clean([Path(p) for p in found])
    assert not (root / STALE[path]).exists()
    assert (root / "setup.py").exists()


@pytest.mark.parametrize("path", NOT_STALE)
def test_not_stale(tmp_path: Path, path: str) -> None:
    assert inspect(make(tmp_path, "setup.py", path), b.facts()).stale == ()


@pytest.mark.needs("git")
def test_metadata_in_use_links_and_tracked_files_stay(tmp_path: Path) -> None:
    root = make(tmp_path / "p", "setup.py", "ext.egg-info/PKG-INFO")
    outside = make(tmp_path / "out", "temp.linux/precious")
    (root / "build").mkdir()
    (root / "build" / "temp.linux").symlink_to(outside / "temp.linux")
    (root / "_C.cpython-310-x86_64-linux-gnu.so").touch()
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "_C.cpython-310-x86_64-linux-gnu.so"], check=True)
    dist = b.dist("ext", source="egg", metadata=str(root / "ext.egg-info"))
    assert inspect(root, b.facts(distributions=[dist])).stale == ()


def installed(site: Path, root: Path, record: str, editable: bool) -> None:
    info = site / "my_ext-0.1.dist-info"
    info.mkdir(parents=True)
    origin = {"url": root.as_uri(), "dir_info": {"editable": True} if editable else {}}
    (info / "direct_url.json").write_text(json.dumps(origin))
    (info / "RECORD").write_text(record)


@pytest.mark.parametrize("editable", [False, True])
def test_product(tmp_path: Path, editable: bool) -> None:
    root = make(tmp_path / "a b", "setup.py", "ext/_C.so", "build/lib/_C.so", "old.so")
    os.utime(root / "old.so", (1, 1))
    site = make(tmp_path / "site", "ext/_C.so", "../evil.so")
    installed(
        site, root, '../evil.so,,\n"ext/_C.so",,\next/__init__.py,,\next/gone.so,,\n', editable
    )
    folder = Folder(str(root), "python")
    found = product(folder, b.python(site_dirs=[str(site)]), time.time())
    assert found.distribution == "my-ext"
    own = [str(root / "ext/_C.so")] if editable else []
    assert sorted(found.libraries) == sorted([str(site / "ext/_C.so"), *own])


def test_an_older_installation_is_not_the_product(tmp_path: Path) -> None:
    root = make(tmp_path / "src", "setup.py")
    site = make(tmp_path / "site", "ext/_C.so")
    installed(site, root, "ext/_C.so,,\n", False)
    found = product(Folder(str(root), "python"), b.python(site_dirs=[str(site)]), time.time() + 60)
    assert found.libraries == ()
