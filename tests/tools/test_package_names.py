"""Which names a release of a package has, read from its files."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

import package_names

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
    def __init__(self, size): ...
    def stop(self): ...
class Wheel(Base):
    spokes: int = 3
def spin(times): ...
"""


def files(texts: dict[str, str]) -> package_names.Files:
    return [(path, lambda text=text: text.encode()) for path, text in texts.items()]


def reading(init: str = INIT, parts: str = PARTS, **more: str) -> package_names.Reading:
    texts = {"cart/__init__.py": init, "cart/parts.py": parts, "cart/tests/test_a.py": "test = 1"}
    texts |= {f"cart/{name}.py": text for name, text in more.items()}
    return package_names.read(files(texts), {"cart"})


def test_a_release_is_read_with_what_it_takes_over() -> None:
    found = package_names.tokens("cart", reading())
    assert {":turn", ":fast", ":old", ":spin", ":Wheel"} <= found[""]
    assert found["Wheel."] >= {"Wheel.stop", "Wheel.spokes"}
    assert "Wheel(size)" in found["Wheel("]
    assert not any("test" in one for names in found.values() for one in names)


def test_what_came_and_went_has_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_names, "_ATTRIBUTES", {"cart"})
    releases = {
        "1.0": reading(old="x = 1"),
        "1.1": reading(parts=PARTS.replace("def spin(times)", "def spin(count)")),
        "2.0": reading(
            INIT.replace("turn(", "rotate("), PARTS.replace("    spokes: int = 3", "    pass")
        ),
    }
    spans = package_names.spans("cart", releases)
    assert spans[":turn"] == ("", "1.1")
    assert spans[":rotate"] == ("2.0", "")
    assert spans[".old"] == ("", "1.0")
    assert spans["Wheel.spokes"] == ("", "1.1")
    assert not any("_hidden" in name for name in spans)
    assert package_names.rows(spans, ["1.0", "1.1", "2.0"])["2-"] == ":rotate"


def test_names_that_a_module_forwards_are_its_own() -> None:
    init = "_MOVED = {'gone': 'elsewhere'}\ndef __getattr__(name): return _MOVED[name]\n"
    assert ":gone" in package_names.tokens("cart", reading(init))[""]


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
    assert "turn" in package_names.archives(tmp_path)["cart"]["1.0"].modules["cart"]
