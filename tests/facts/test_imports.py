"""Which imports fail by refused libraries: against the real loader and the real `import`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_site import Site

import needs
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.libraries.compiled_text import texts, unpacked
from gpufix.facts.libraries.imports import module_above
from gpufix.model import Binaries, Distribution, Record

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
INIT = '#include <Python.h>\n%s\nstatic struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "%s", 0, -1, 0};\n'
INIT += "PyMODINIT_FUNC PyInit_%s(void) { %s return PyModule_Create(&d); }\n"


class Package:
    """A package `p` in a site folder, with libraries compiled for a test."""

    def __init__(self, site: Path) -> None:
        self.site = site
        needs.require("gcc", "Python.h")

    def python(self, name: str, text: str) -> None:
        (self.site / name).parent.mkdir(parents=True, exist_ok=True)
        (self.site / name).write_text(text)

    def library(self, name: str, text: str, *flags: str) -> Path:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = self.site.parent / "a.c"
        source.write_text(text)
        include = f"-I{sysconfig.get_path('include')}"
        command = ["gcc", "-shared", "-fPIC", include, str(source), "-o", str(path), *flags]
        subprocess.run(command, check=True)
        return path

    def module(self, name: str, *flags: str, calls: str = "") -> Path:
        """An extension module p.NAME; `calls`: a function that it needs from elsewhere."""
        head, body = (f"void {calls}(void);", f"{calls}();") if calls else ("", "")
        return self.library(f"p/{name}{SUFFIX}", INIT % (head, name, name, body), *flags)


CASES: dict[str, tuple[str, str]] = {
    # package text, and what import p does: "" = works, else the file that it fails by
    "nothing is wrong": ("from . import good\n", ""),
    "guarded": ("try:\n    from . import lacks\nexcept ImportError:\n    lacks = None\n", ""),
    "in no import": ("", ""),
    "imported": ("from . import lacks\n", "lacks"),
    "what it lacks is loaded before, for everybody": (
        "import ctypes, os\n"
        "ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libs', 'libneed.so'), ctypes.RTLD_GLOBAL)\n"
        "from . import lacks\n",
        "",
    ),
    "what it lacks is loaded before, for itself": (
        "import ctypes, os\n"
        "ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libs', 'libneed.so'))\n"
        "from . import lacks\n",
        "lacks",
    ),
    "all of a folder is loaded before": (
        "import ctypes, glob, os\n"
        "for f in glob.glob(os.path.join(os.path.dirname(__file__), 'libs', '*.so')):\n"
        "    ctypes.CDLL(f, mode=ctypes.RTLD_GLOBAL)\n"
        "from . import lacks\n",
        "",
    ),
    "it is bound when it is called": (
        "import os, sys\nflags = sys.getdlopenflags()\nsys.setdlopenflags(os.RTLD_LAZY)\n"
        "from . import lazy\nsys.setdlopenflags(flags)\n",
        "",
    ),
    "bound at once, in the end": (
        "import os, sys\nflags = sys.getdlopenflags()\nsys.setdlopenflags(os.RTLD_LAZY)\n"
        "sys.setdlopenflags(flags)\nfrom . import lazy\n",
        "lazy",
    ),
    "no library at all": ("from . import text\n", "text"),
    "no library, guarded": ("try:\n    from . import text\nexcept ImportError:\n    pass\n", ""),
    "one of two serves": (
        "try:\n    from .lacks import x\nexcept ImportError:\n    from . import good as x\n", ""
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libraries, compiled once."""
    made = Package(tmp_path_factory.mktemp("compiled") / "site")
    made.library("p/libs/libneed.so", "void need(void) {}\n", "-Wl,-soname,libneed.so")
    made.module("good")
    made.module("lacks", calls="need")
    made.module("text").write_text("version https://git-lfs.github.com/spec/v1\n")
    lazy = "void later(void);\nvoid (*volatile never)(void);\nstatic void f(void) { if (never) later(); }"
    made.library(f"p/lazy{SUFFIX}", INIT % (lazy, "lazy", "lazy", "f();"), "-Wl,-z,lazy")
    return made.site


@pytest.fixture
def package(compiled: Path, tmp_path: Path) -> Package:
    shutil.copytree(compiled, tmp_path / "site")
    return Package(tmp_path / "site")


def collected(
    package: Package,
    ctx: CollectContext,
    site: Site,
    distributions: Sequence[Distribution] = (),
) -> Binaries:
    version = sys.version_info
    python = site.python(
        executable=sys.executable,
        version=".".join(map(str, version[:3])),
        tag=f"cp{version[0]}{version[1]}",
        extension_suffixes=[SUFFIX, ".abi3.so", ".so"],
        sys_path=[str(package.site)],
        site_dirs=[str(package.site)],
    )
    return libraries.collect(ctx, python, distributions, None)


@pytest.mark.needs("Linux", "gcc", "Python.h")
@pytest.mark.parametrize("name", CASES)
def test_it_is_what_import_does(
    name: str, package: Package, ctx: CollectContext, site: Site
) -> None:
    text, expected = CASES[name]
    package.python("p/__init__.py", text)
    found = next(i for i in collected(package, ctx, site).imports if i.module == "p")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(package.site)!r}); import p"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode == 0) is (expected == ""), ran.stderr
    assert found.state == ("fails" if expected else "works"), found
    assert found.library == (str(package.site / f"p/{expected}{SUFFIX}") if expected else None)


def recorded(
    package: Package, name: str, *files: str, requires: Sequence[str] = ()
) -> Distribution:
    """A distribution with these files."""
    folder = package.site / f"{name}-1.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return Distribution(
        name=name,
        version="1",
        location=str(package.site),
        metadata=str(folder),
        requires=list(requires),
    )


USERS = {
    # what requires p, and the package whose import is told beside that of p
    "it needs the part that is lost": ("import p.part\n", ["p>=1"], "q"),
    "it does without": ("try:\n    import p.part\nexcept ImportError:\n    pass\n", ["p"], None),
    "it needs another part": ("import p\n", ["p"], None),
    "it requires p for an extra only": ("import p.part\n", ["p; extra == 'x'"], None),
    "it requires another": ("import p.part\n", ["p-part"], None),
}


@pytest.mark.needs("Linux", "gcc", "Python.h")
def test_a_library_that_ends_the_process_is_caught_by_nobody(
    package: Package, ctx: CollectContext, site: Site
) -> None:
    package.python(
        "p/__init__.py", "try:\n    from . import lacks\nexcept BaseException:\n    pass\n"
    )
    path = package.site / f"p/lacks{SUFFIX}"
    path.write_bytes(path.read_bytes()[:8192])
    found = next(i for i in collected(package, ctx, site).imports if i.module == "p")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(package.site)!r}); import p"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode < 0
    assert (found.state, found.library) == ("fails", str(path))


@pytest.mark.needs("Linux", "gcc", "Python.h")
def test_who_requires_it_by_another_is_followed_through_that_one(
    package: Package, ctx: CollectContext, site: Site
) -> None:
    package.python("p/__init__.py", "")
    package.python("p/part.py", "from . import lacks\n")
    package.python("q/__init__.py", "")
    package.python("q/deep.py", "import p.part\n")
    package.python("r/__init__.py", "import q.deep\n")
    module = f"p/lacks{SUFFIX}"
    dists = [
        recorded(package, "p", "p/__init__.py", module),
        recorded(package, "q", "q/__init__.py", requires=["p"]),
        recorded(package, "r", "r/__init__.py", requires=["p", "q"]),
    ]
    found = collected(package, ctx, site, dists).imports
    assert [i.module for i in found if i.state == "fails" and i.part_of is None] == ["r"]


@pytest.mark.needs("Linux", "gcc", "Python.h")
@pytest.mark.parametrize("name", USERS)
def test_who_requires_a_package_is_asked_as_well(
    name: str, package: Package, ctx: CollectContext, site: Site
) -> None:
    text, requires, expected = USERS[name]
    package.python("p/__init__.py", "")
    package.python("p/part.py", "from . import lacks\n")
    package.python("q/__init__.py", text)
    module = f"p/lacks{SUFFIX}"
    dists = [
        recorded(package, "p", "p/__init__.py", module),
        recorded(package, "q", "q/__init__.py", requires=requires),
    ]
    found = collected(package, ctx, site, dists).imports
    others = [i for i in found if i.state == "fails" and i.part_of is None]
    assert [i.module for i in others] == ([expected] if expected else [])
    assert all(i.library == str(package.site / module) for i in others)
    part = next(i for i in found if i.module == "p.part" and i.call is None)
    assert (part.part_of, part.state, part.library) == ("p", "fails", str(package.site / module))


LACKING = {
    # what q requires, its text, and whether its import is told
    "it needs what is not here": (["nowhere-at-all"], "import nowhere_at_all\n", True),
    "it does without": (
        ["nowhere-at-all"], "try:\n    import nowhere_at_all\nexcept ImportError:\n    pass\n", False
    ),
    "it is required elsewhere": (
        ["nowhere-at-all; sys_platform == 'win32'"], "import nowhere_at_all\n", False
    ),
    "for an extra": (["nowhere-at-all; extra == 'x'"], "import nowhere_at_all\n", False),
    "nothing is required": ([], "import nowhere_at_all\n", False),
}  # fmt: skip


NAMES = b"p.one" + bytes(20) + b"p.two" * 60
TEXTS = {
    "as it is": (NAMES, [NAMES]),
    "compressed, by another than Cython": (b"a" + zlib.compress(NAMES) + b"z", None),
    "compressed": (b"CYTHON_COMPRESS_STRINGS" + zlib.compress(NAMES) + b"z", [NAMES]),
    "a header only": (b"CYTHON_COMPRESS_STRINGS\x78\xda", []),
    "cut short": (b"CYTHON_COMPRESS_STRINGS" + zlib.compress(NAMES)[:9], []),
    "a bomb": (b"CYTHON_COMPRESS_STRINGS" + zlib.compress(bytes(1 << 26)), [bytes(1 << 20)]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_compiled_modules_are_found(name: str) -> None:
    data, more = TEXTS[name]
    found = list(texts(data))
    assert found[0] == data
    assert found[1:] == ([] if more is None or more == [data] else more)


PACKED = {
    # of eight flags, the lowest is the first; 1 = a byte, 0 = a reference
    "bytes only": (b"\xffabcdefgh", b"abcdefgh"),
    "a near reference: 3 more, 2 before the last 3": (
        b"\x1fabcde\x02\x00\xff" + b"x" * 10,
        b"abcdeabc",
    ),
    "one to before the beginning": (b"\x07abc\x09\x00", b"abc"),
    "nothing": (b"", b""),
}
FAR = b"\xff01234567" * 40  # 320 bytes


@pytest.mark.parametrize("name", PACKED)
def test_what_cython_packs_is_unpacked(name: str) -> None:
    packed, expected = PACKED[name]
    assert unpacked(packed).startswith(expected)
    assert len(unpacked(packed + b"\x00" * 16)) < 100


def test_far_references_are_followed() -> None:
    # 0x80 + 2 * 0x80 + 1 back from the end of 4: begins at 320 - 385 - 4 < 0; at 320 - 129 - 4 = 187
    assert unpacked(FAR + b"\x00\x81\x01")[320:324] == bytes(b"01234567" * 40)[187:191]
    # 14 bits: 0x80 + 5, and a length of 7
    assert unpacked(FAR + b"\x00\x85\x80\x04")[320:327] == bytes(b"01234567" * 40)[180:187]


def test_packed_texts_are_found_where_they_are_aligned() -> None:
    mark, packed = b"LZSS string data decompression failed\0\0\0", b"\xffp.onetwo" * 30
    assert b"p.onetwo" * 30 in b"".join(list(texts(mark + packed))[1:])
    assert len(list(texts(mark + b"\0" + packed))) == 1
    assert len(list(texts(bytes(40) + packed))) == 1


@pytest.mark.needs("gcc", "Python.h")
@pytest.mark.parametrize("name", LACKING)
def test_what_lacks_a_requirement_is_asked(
    name: str, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    requires, text, is_told = LACKING[name]
    package = Package(tmp_path / "site")
    package.python("q/__init__.py", text)
    dists = [recorded(package, "q", "q/__init__.py", requires=requires)]
    found = collected(package, ctx, site, dists).imports
    failing = [(i.module, i.missing) for i in found if i.state == "fails"]
    assert failing == [("q", "nowhere_at_all")] * is_told


LOST = {
    "a module that the import needs": ("import q.a\n", "q/a.py", [("q", "fails", "q.a")]),
    "one that it does not need": ("", "q/a.py", [("q", "works", None)]),
    "a library": ("", "q/liba.so.1", [("q", "works", None)]),
    "a file that is no module": ("", "q/a.txt", []),
    "a test": ("", "q/tests/a.py", []),
}


@pytest.mark.needs("gcc", "Python.h")
@pytest.mark.parametrize("name", LOST)
def test_what_lost_a_module_is_asked(
    name: str, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    text, lost, expected = LOST[name]
    package = Package(tmp_path / "site")
    package.python("q/__init__.py", text)
    dist = recorded(package, "q", "q/__init__.py")
    dist = replace(dist, record=Record(missing=[lost], missing_count=1))
    found = collected(package, ctx, site, [dist]).imports
    assert [(i.module, i.state, i.missing) for i in found] == expected


SOUGHT = {
    # the text of q, the library that its import is said to fail by
    "sought, and raised": (
        "from ctypes.util import find_library as find\nfor n in ('nowhere-a', 'nowhere-b'):\n"
        "    n = find(n)\n    if n is not None:\n        break\n"
        "else:\n    raise OSError('Nowhere-B is not here')\n", "libnowhere-b.so"
    ),
    "sought, and raised in a function": (
        "import ctypes.util\ndef load():\n    path = ctypes.util.find_library('nowhere')\n"
        "    if not path:\n        raise ImportError('Unable to find nowhere')\nload()\n", "libnowhere.so"
    ),
    "opened by name": ("import ctypes\nctypes.CDLL('libnowhere.so.1')\n", "libnowhere.so.1"),
    "one of several, and raised": (
        "import ctypes\nnames = ['libnowhere.so', 'nowhere.dll']\nfor n in names:\n    try:\n"
        "        ctypes.cdll.LoadLibrary(n)\n        break\n    except OSError:\n        pass\n"
        "else:\n    raise ImportError('none of {}'.format(' '.join(names)))\n", "libnowhere.so"
    ),
    "sought, and done without": (
        "import ctypes.util\nif ctypes.util.find_library('nowhere') is None:\n    x = 1\n", None
    ),
    "caught": (
        "import ctypes.util\ntry:\n    if not ctypes.util.find_library('nowhere'):\n"
        "        raise OSError('no nowhere')\nexcept OSError:\n    pass\n", None
    ),
    "found": (
        "import ctypes.util\nif not ctypes.util.find_library('c'):\n    raise OSError('no c')\n"
        "import ctypes\nctypes.CDLL(ctypes.util.find_library('c'))\n", None
    ),
    "the process itself is there": (
        "import ctypes, ctypes.util\nd = ctypes.CDLL(ctypes.util.find_library('nowhere'))\n"
        "if d is None:\n    ctypes.CDLL('libnowhere.so.1')\n", None
    ),
    "asked of a function that nobody calls": (
        "import ctypes\ndef load():\n    ctypes.CDLL('libnowhere.so.1')\n", None
    ),
}  # fmt: skip


@pytest.mark.needs("Linux", "gcc", "Python.h")
@pytest.mark.parametrize("name", SOUGHT)
def test_a_library_of_the_system_that_is_not_here_is_told(
    name: str, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    text, expected = SOUGHT[name]
    package = Package(tmp_path / "site")
    package.python("q.py", text)
    dist = replace(recorded(package, "q", "q.py"), record=Record(files=2))
    found = [(i.module, i.state, i.missing) for i in collected(package, ctx, site, [dist]).imports]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(package.site)!r}); import q"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (ran.returncode != 0) is (expected is not None), ran.stderr
    assert found == ([("q", "fails", expected)] if expected else [])


def test_a_large_distribution_is_not_searched(
    tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    package = Package(tmp_path / "site")
    package.python("q.py", SOUGHT["opened by name"][0])
    dist = replace(recorded(package, "q", "q.py"), record=Record(files=31))
    assert collected(package, ctx, site, [dist]).imports == []


GONE = {
    # the text of q, which requires p; an extension module of q names p.part; what is told of q
    "it needs the module": ("import p.part\n", False, ("fails", "p.part", [])),
    "it needs nothing of it": ("import p\n", False, None),
    "its compiled code names it": ("import p\n", True, ("works", None, ["p.part"])),
    "it opens the library": (
        "import ctypes\nctypes.CDLL(__file__[:-13] + 'p/libp.so')\n", False, ("fails", "%s/p/libp.so", [])
    ),
}  # fmt: skip


@pytest.mark.needs("gcc", "Python.h")
@pytest.mark.parametrize("name", GONE)
def test_who_requires_what_lost_a_module_is_asked(
    name: str, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    text, named, expected = GONE[name]
    package = Package(tmp_path / "site")
    package.python("p/__init__.py", "")
    package.python("q/__init__.py", text)
    if named:
        head = 'const char *const needed = "p.part";'
        package.library(f"q/c{SUFFIX}", INIT % (head, "c", "c", ""))
    lost = [f"p/part{SUFFIX}", "p/libp.so"]
    dists = [
        replace(recorded(package, "p", "p/__init__.py"), record=Record(missing=lost)),
        recorded(package, "q", "q/__init__.py", requires=["p"]),
    ]
    told = {i.module: i for i in collected(package, ctx, site, dists).imports}
    assert told["p"].state == "works"
    found = told.get("q")
    if expected is None:
        assert found is None
    else:
        assert found is not None
        state, missing, names = expected
        missing = missing % package.site if missing and "%s" in missing else missing
        assert (found.state, found.missing, found.named) == (state, missing, names)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/s/p/_x.so", "p"),
        ("/s/_x.cpython-311-x86_64-linux-gnu.so", "_x"),
        ("/s/p.libs/libz.so", None),
        ("/s/name/space/q/_x.so", "name.space.q"),
        ("/elsewhere/_x.so", None),
    ],
)
def test_whose_import_is_followed(path: str, module: str | None, tmp_path: Path) -> None:
    for package in ("p", "name/space/q"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    assert (
        module_above(path.replace("/s/", f"{tmp_path}/"), ["/usr/lib/python3", str(tmp_path)])
        == module
    )
