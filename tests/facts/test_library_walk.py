"""Which libraries the walk finds, and by which path: real folders, links, loops, bounds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_site import Site
from layout_package import SUFFIX

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import library_walk
from gpufix.facts.libraries.library_walk import Found, find

MODULE = f"_m{SUFFIX}"


def made(folder: Path, *files: str) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def linked(folder: Path, **links: str) -> None:
    for name, target in links.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def walked(ctx: CollectContext, site: Site, **python: object) -> Found:
    return find(ctx, site.python(**python), [])


def names(site: Site, found: Found) -> list[str]:
    return [os.path.relpath(path, site.folder) for path in found.paths]


def _real(site: Path, _: Path) -> None:
    made(site, f"a/{MODULE}", "a.libs/libx.so.1", "a/include/no.so", "a/__pycache__/no.so")


def _links_of_one_folder(site: Path, _: Path) -> None:
    """As libraries are versioned: the file is found by its own name."""
    made(site, "a/libx.so.1.2")
    (site / "a/libx.so.1").symlink_to("libx.so.1.2")
    (site / "a/libx.so").symlink_to("libx.so.1")


def _named_by_a_link(site: Path, outside: Path) -> None:
    """As Debian's lldb: the module is a link to a library with another name."""
    made(outside, "liblldb.so.1")
    made(site, f"lldb/{MODULE}".replace("_m", "_n"))
    (site / "lldb" / MODULE).symlink_to(outside / "liblldb.so.1")


def _cross_links(site: Path, _: Path) -> None:
    made(site, f"a/{MODULE}", f"b/{MODULE}")
    (site / "a/b").symlink_to("../b")
    (site / "b/a").symlink_to("../a")


def _into_a_walked_one(site: Path, outside: Path) -> None:
    """Both the folder and one in it are linked to."""
    made(outside, f"all/sub/{MODULE}", f"all/{MODULE}")
    (site / "a").symlink_to(outside / "all/sub")
    (site / "b").symlink_to(outside / "all")


def _to_a_folder_around(site: Path, outside: Path) -> None:
    made(site, f"a/{MODULE}")
    made(outside, MODULE)
    for number, target in enumerate((".", "..", "../..", "/", str(outside.parent))):
        (site / f"up{number}").symlink_to(target)


def _a_loop_behind_a_link(site: Path, outside: Path) -> None:
    made(outside, f"a/{MODULE}")
    (outside / "a/again").symlink_to(".")
    (outside / "a/around").symlink_to("..")
    (site / "a").symlink_to(outside / "a")


def _a_folder_named_like_a_library(site: Path, outside: Path) -> None:
    made(outside, f"x/{MODULE}")
    (site / "x.so").symlink_to(outside / "x")


def _no_file(site: Path, _: Path) -> None:
    os.mkfifo(site / "pipe.so")
    (site / "x.so").symlink_to("pipe.so")
    (site / "y.so").symlink_to("y.so")
    (site / "libgone.so").symlink_to("libgone.so.1")


FOUND: dict[str, tuple[Callable[[Path, Path], None], list[str]]] = {
    "real": (_real, [f"a/{MODULE}", "a.libs/libx.so.1"]),
    "links of one folder": (_links_of_one_folder, ["a/libx.so.1.2"]),
    "named by a link": (_named_by_a_link, [f"lldb/_n{SUFFIX}", f"lldb/{MODULE}"]),
    "cross links": (_cross_links, [f"a/{MODULE}", f"b/{MODULE}"]),
    "into a walked one": (_into_a_walked_one, [f"a/{MODULE}", f"b/{MODULE}"]),
    "to a folder around": (_to_a_folder_around, [f"a/{MODULE}"]),
    "a loop behind a link": (_a_loop_behind_a_link, [f"a/{MODULE}"]),
    "a folder named like a library": (_a_folder_named_like_a_library, []),
    "no file": (_no_file, []),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found(ctx: CollectContext, site: Site, tmp_path: Path, name: str) -> None:
    make, expected = FOUND[name]
    make(site.folder, tmp_path / "outside")
    assert names(site, walked(ctx, site)) == expected
    assert ctx.gaps == []


def test_thousands_of_links_are_one_library(ctx: CollectContext, site: Site) -> None:
    made(site.folder, "a/libx.so")
    for number in range(2_000):
        (site.folder / f"a/lib{number}.so").symlink_to("libx.so")
    found = walked(ctx, site)
    assert names(site, found) == ["a/libx.so"]
    assert len(found.others[found.paths[0]]) < 10
    assert ctx.gaps == []


def test_what_the_bounds_cut_off_is_a_gap(
    ctx: CollectContext, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_walk, "_LINKS", 5)
    made(site.folder, "a/libx.so", f"b/{MODULE}")
    for number in range(6):
        (site.folder / f"a/lib{number}.so").symlink_to("libx.so")
    assert names(site, walked(ctx, site)) == ["a/libx.so"]
    (gap,) = ctx.gaps
    assert gap.reason.startswith("not all was looked at") and "6 links" in gap.reason


def test_links_that_lead_nowhere_are_one_gap(ctx: CollectContext, site: Site) -> None:
    """Those to modules and packages: of others nobody knows whether they are missed."""
    made(site.folder, f"a/{MODULE}")
    for name in (f"a/_n{SUFFIX}", f"a/_o{SUFFIX}", "pkg", "README.txt"):
        (site.folder / name).symlink_to("gone/file")
    assert names(site, walked(ctx, site)) == [f"a/{MODULE}"]
    (gap,) = ctx.gaps
    assert gap.subject == f"{site.folder}/pkg"
    assert gap.reason == "a link to a file that is gone (and 2 more)"


@pytest.mark.needs("a user other than root")
def test_links_to_where_nobody_may_look_are_one_gap(
    ctx: CollectContext, site: Site, tmp_path: Path
) -> None:
    made(tmp_path, f"cache/a/{MODULE}", f"cache/b/{MODULE}")
    for name in ("a", "b"):
        (site.folder / name).symlink_to(tmp_path / "cache" / name)
    (tmp_path / "cache").chmod(0)
    assert names(site, walked(ctx, site)) == []
    (tmp_path / "cache").chmod(0o700)
    (gap,) = ctx.gaps
    assert gap.reason == "a link to where nobody may look (and 1 more)"


def test_folders_of_sys_path_without_metadata(
    ctx: CollectContext, site: Site, tmp_path: Path
) -> None:
    made(tmp_path, f"plain/a/{MODULE}", f"plain/.venv/a/{MODULE}", f"plain/env/a/{MODULE}")
    made(tmp_path, "plain/env/pyvenv.cfg", "std/os.py", f"std/{MODULE}", f"lib-dynload/{MODULE}")
    (tmp_path / "again").symlink_to(site.folder)
    folders = [str(tmp_path / name) for name in ("plain", "std", "lib-dynload", "again", "none")]
    made(site.folder, f"b/{MODULE}")
    found = walked(ctx, site, sys_path=[*folders, str(site.folder)])
    assert found.paths == [f"{site.folder}/b/{MODULE}", f"{tmp_path}/plain/a/{MODULE}"]


def test_a_library_that_is_named_besides_is_no_second_one(site: Site) -> None:
    made(site.folder, f"a/{MODULE}", f"b/{MODULE}")
    linked(site.folder, link=f"a/{MODULE}")
    found = Found([f"{site.folder}/a/{MODULE}"])
    found.add([f"{site.folder}/link", f"{site.folder}/b/{MODULE}"])
    assert names(site, found) == [f"a/{MODULE}", f"b/{MODULE}"]


def test_the_path_that_is_recorded_stands() -> None:
    found = Found(["/a", "/b"], {"/a": ["/c", "/d"], "/b": ["/e"]})
    found.prefer({"/d", "/b", "/e"})
    assert found == Found(["/d", "/b"], {"/d": ["/a", "/c"], "/b": ["/e"]})
