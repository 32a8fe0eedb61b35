"""Which names a release of a package has, read from its files."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

import package_names
import release_names

INIT = """
from .parts import *
from .parts import Wheel as Wheel
__all__ = ["fast"]
def turn(speed, axis=0, *, hard=False): ...
if True:
    old = 1
"""
PARTS = """
_hidden = 1
BIG = 2
class Base:
    def __init__(self, size): self.height = size
    def stop(self): ...
class Wheel(Base):
    spokes: int = 3
def spin(times): ...
"""


def release(**texts: str) -> release_names.Release:
    files = {f"cart/{name}.py": text for name, text in texts.items()}
    return release_names.read(
        [(path, lambda text=text: text.encode()) for path, text in files.items()], "cart"
    )


def names(init: str, **more: str) -> release_names.Names:
    return release(__init__=init, **more).names("cart")


def spans(**releases: release_names.Release) -> dict[str, package_names.Span]:
    each = {
        version[1:].replace("_", "."): package_names.places(one)
        for version, one in releases.items()
    }
    return package_names.kept("cart", package_names.compared(each))


def test_a_release_is_read_with_what_it_takes_over() -> None:
    found = release(__init__=INIT, parts=PARTS, test_a="test = 1")
    assert {"turn", "old", "spin", "Wheel", "parts"} <= found.names("cart").has
    assert "_hidden" not in found.names("cart").has and "cart.test_a" not in found.modules
    of_wheel = found.attributes("cart.parts", "Wheel")
    assert {"stop", "spokes", "height"} <= of_wheel.has and "height" not in of_wheel.own
    assert found.init("cart.parts", "Wheel").names == {"size"}


# What a module gives without binding it; what it refuses; and where that cannot be known.
GIVEN = [
    ("_MOVED = {'gone': 'elsewhere'}\ndef __getattr__(name): return _MOVED[name]\n", {"gone"}, set()),
    ("_import_structure = {'parts': ['Wheel']}\nimport sys\nsys.modules[__name__] = _LazyModule(__name__, _import_structure)\n", {"Wheel", "parts"}, set()),
    ("import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={'parts': ['spin']})\n", {"spin"}, set()),
    ("_old = {'spun': ('use spin', None), 'turned': ('use turn', turn)}\n__getattr__ = deprecation_getattr(__name__, _old)\n", {"turned"}, {"spun"}),
    ("_gone = {n: m for n, m in [('float', 'no')]}\ndef __getattr__(name):\n    if name in _gone: raise AttributeError(name)\n    raise AttributeError\n", set(), {"float"}),
    ("for _n in ('a1', 'b1'): globals()[_n] = 1\n", {"a1", "b1"}, set()),
    ("from . import parts\nfor name in dir(parts): globals()[name] = getattr(parts, name)\n", {"spin"}, set()),
    ("if TYPE_CHECKING:\n    from .parts import spin\n", set(), {"spin"}),
    ("x = 1\ndel x\n", set(), {"x"}),
]  # fmt: skip


@pytest.mark.parametrize(("init", "has", "lacks"), GIVEN)
def test_what_a_module_gives_without_binding_it(init: str, has: set[str], lacks: set[str]) -> None:
    found = names(init, parts=PARTS)
    assert has <= found.has and not lacks & found.has and not found.open


UNKNOWN = (
    "def __getattr__(name): return find(name)\n",
    "globals().update(read())\n",
    "_builder.BuildMessages(DESCRIPTOR, globals())\n",
    "__getattr__ = getattr_migration(__name__)\n",
    "def __getattr__(name: str): return getattr(importlib.import_module('elsewhere'), name)\n",
)


@pytest.mark.parametrize("init", UNKNOWN)
def test_where_any_name_may_be_given_none_is_said_to_be_gone(init: str) -> None:
    assert release_names.ANY in names(init).open
    old, new = release(__init__="turn = 1\nspin = 1\n"), release(__init__=init)
    assert spans(v1_0=old, v2_0=new) == {}
    assert "=turn" in spans(v1_0=old, v2_0=release(__init__="spin = 1\n", _own="turn = 1\n"))
    assert ":turn" in spans(v1_0=old, v2_0=release(__init__="spin = 1\n"))


def test_what_came_and_went_has_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(package_names._MEMBERS, "cart", r".*")
    monkeypatch.setitem(package_names._LEVEL, "cart", 1)
    later = PARTS.replace("def spin(times)", "def spin(count)")
    found = spans(
        v1_0=release(__init__=INIT, parts=PARTS, old="x = 1"),
        v1_1=release(__init__=INIT, parts=later),
        v2_0=release(
            __init__=INIT.replace("turn(", "rotate("),
            parts=later.replace("    spokes: int = 3", "    pass"),
        ),
    )
    assert found[":turn"] == ("", "1.1")
    assert found[".old"] == ("", "1.0")
    assert found["Wheel.spokes"] == ("", "1.1")
    assert found["spin(times)"] == ("", "1.0")
    assert not any("_hidden" in name for name in found)
    assert package_names.rows(found, ["1.0", "1.1", "2.0"])["-1"].startswith(":turn")


ARGUMENTS = (  # what takes an argument in another way is not said to have lost it
    "def spin(**kwargs): return other(**kwargs)\n",
    "@deprecate_kwarg('times', new_name='count')\ndef spin(count): ...\n",
    "@renamed(times='count')\ndef spin(count): ...\n",
    "def spin(count, **kwargs):\n    times = kwargs.pop('times', None)\n",
)


@pytest.mark.parametrize("later", ARGUMENTS)
def test_an_argument_that_is_taken_in_another_way(
    later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(package_names._MEMBERS, "cart", r".*")
    old = release(__init__="def spin(times): ...\n")
    assert spans(v1_0=old, v2_0=release(__init__=later)) == {}
    assert "spin(times)" in spans(v1_0=old, v2_0=release(__init__="def spin(count): ...\n"))


@pytest.mark.parametrize("kind", ["whl", "tar.gz"])
def test_an_archive_is_read(kind: str, tmp_path: Path) -> None:
    inside = tmp_path / "file"
    inside.write_text(INIT)
    if kind == "whl":
        with zipfile.ZipFile(tmp_path / "cart-1.0-py3-none-any.whl", "w") as wheel:
            wheel.write(inside, "cart/__init__.py")
    else:
        with tarfile.open(tmp_path / "cart-1.0.tar.gz", "w:gz") as archive:
            archive.add(inside, "cart-1.0/src/cart/__init__.py")
    inside.unlink()
    assert "turn" in package_names.archives(tmp_path)["cart"]["1.0"]["names", ""].has
