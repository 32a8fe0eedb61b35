"""tools/floors.toml: each package imports from the floors below its own, and from the top of a file."""

from __future__ import annotations

import pytest
from house import Import, declared, imports, modules, package

HEIGHT = {
    name: height for height, floor in enumerate(declared()["floor"]) for name in floor["packages"]
}


def rises(each: Import) -> bool:
    above, below = package(each.importer), package(each.imported)
    return above != below and bool(below) and HEIGHT[below] >= HEIGHT[above]


def test_every_package_stands_on_a_floor() -> None:
    assert {package(name) for name in modules()} - {""} == set(HEIGHT)


def test_no_package_imports_from_its_own_floor_or_above() -> None:
    assert [each for each in imports() if rises(each)] == []


def test_an_import_that_rises_is_seen() -> None:
    assert rises(Import("binary.elf", "facts.reading", inside=True))
    assert rises(Import("kernels.manifest", "fallbacks.catalogue", inside=False))
    assert not rises(Import("facts.reading", "binary.elf", inside=False))
    assert not rises(Import("cli.app", "", inside=False))


@pytest.mark.parametrize("each", declared()["lazy"], ids=lambda each: each["why"].split(":")[0])
def test_what_may_import_inside_functions_does(each: dict[str, list[str]]) -> None:
    lazy = {i.importer for i in imports() if i.inside}
    assert set(each.get("modules", ())) <= lazy
    assert set(each.get("packages", ())) <= {package(name) for name in lazy}


def test_imports_inside_functions_have_a_reason() -> None:
    named = [name for each in declared()["lazy"] for name in each.get("modules", ())]
    whole = [name for each in declared()["lazy"] for name in each.get("packages", ())]
    unexplained = [
        each
        for each in imports()
        if each.inside and each.importer not in named and package(each.importer) not in whole
    ]
    assert unexplained == []


def test_modules_import_each_other_in_no_circle() -> None:
    """Within a package, too; what stands inside functions counts."""
    below: dict[str, set[str]] = {name: set() for name in modules()}
    for each in imports():
        if each.imported and each.imported != each.importer:
            below[each.importer].add(each.imported)
    circles = {name for name in below if name in _reached(below, name)}
    assert circles == {name for each in declared()["circle"] for name in each["modules"]}


def _reached(below: dict[str, set[str]], start: str) -> set[str]:
    """All modules that one imports, directly or not."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new = below[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached
