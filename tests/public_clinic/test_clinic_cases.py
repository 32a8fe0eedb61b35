"""The cases themselves: whole, proven, and what the format refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import made_up
import pytest
from pydantic import ValidationError

from clinic import sealed
from clinic.case import CASES, BadCase, Case, Kind, cases, digest, load
from clinic.patient import Failed
from clinic.wheels import pins

EVERY = cases()


@pytest.mark.parametrize("case", EVERY, ids=lambda c: c.id)
def test_its_truth_log_agrees_with_it(case: Case) -> None:
    """truth.json is what the commands really said; it must say what case.toml claims."""
    rows = json.loads((case.folder / "truth.json").read_text("utf-8"))["log"]
    assert [r["run"] for r in rows if "run" in r] == [t.run for t in case.truth]
    for truth, row in zip(case.truth, rows, strict=False):
        assert row["exit"] != 0 if truth.exit == "fails" else row["exit"] == truth.exit
    if case.remedy:
        assert rows[-1] == {"remedy": "fails"}


@pytest.mark.parametrize("case", EVERY, ids=lambda c: c.id)
def test_it_can_be_made_again(case: Case) -> None:
    for listing in case.folder.glob("*.txt"):
        if "--hash" in listing.read_text("utf-8"):
            pins(listing)
    if case.recipe.script:
        script = (case.folder / case.recipe.script).read_text("utf-8")
        assert "def make(patient" in script
    for file in case.cause.files if case.cause else ():
        assert (case.folder / case.recipe.project / file).exists(), file


@pytest.mark.parametrize("case", EVERY, ids=lambda c: c.id)
def test_nothing_of_a_tool_under_test_or_a_machine_is_in_it(case: Case) -> None:
    for path in case.folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            assert not re.search(r"gpufix|/root/|/home/(?!user)|/tmp/[a-z0-9]", text), path


def test_there_are_enough_of_each_kind() -> None:
    count = Counter((c.kind, c.healthy) for c in EVERY)
    assert len(EVERY) >= 120
    assert sum(c.healthy for c in EVERY) >= 40
    assert count[Kind.tree, False] + count[Kind.tree, True] >= 25
    assert len({c.family for c in EVERY}) >= 15
    assert [s for s, n in Counter(c.title for c in EVERY).items() if n > 1] == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"mechanism": ""}, "thread"),
        ({"cause": None}, "names its cause"),
        ({"remedy": None}, "remedy"),
        ({"cause": {"name": "bad-luck"}}, "taxonomy.toml has no cause 'bad-luck'"),
        ({"cause": {"name": "arch-hard-coded"}}, "of this kind"),
        ({"never": {"causes": ["bad-luck"]}}, "bad-luck"),
        ({"truth": made_up.WORKS}, "no truth shows"),
        ({"healthy": True, "truth": made_up.FAILS}, "fails on a healthy case"),
        ({"healthy": True, "remedy": {"text": "x", "check": [["true"]]}}, "neither cause nor"),
        ({"gpu": ["RTX 5080"]}, "pattern"),
        ({"kind": "tree", "recipe": {}, "remedy": None}, "a tree has a project"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises((ValidationError, re.error), match=re.escape(why)):
        made_up.case(**more)


def test_a_bad_file_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("id = 'x'\n[recipe")
    with pytest.raises(BadCase, match=rf"{re.escape(str(tmp_path))}/case\.toml"):
        load(tmp_path)
    with pytest.raises(BadCase, match="no case, family, tag or kind is called nothing"):
        cases(["nothing"])


@pytest.mark.parametrize("line", ["torch==2.0", "torch --hash=sha256:" + "0" * 64, "-r other.txt"])
def test_a_pin_has_version_and_hash(tmp_path: Path, line: str) -> None:
    (tmp_path / "wheels.txt").write_text(f"# a comment\n{line}\n")
    with pytest.raises(Failed, match=r"wheels\.txt:2"):
        pins(tmp_path / "wheels.txt")


def test_a_sealed_case_is_the_one_that_was_published(tmp_path: Path) -> None:
    folder, published = tmp_path / "opened" / EVERY[0].id, tmp_path / "sealed.toml"
    shutil.copytree(CASES / EVERY[0].id, folder)
    published.write_text(sealed.line(folder))
    assert [c.id for c in sealed.opened(folder.parent, published)] == [EVERY[0].id]
    (folder / "truth.json").unlink()  # is remade, and no part of what was published
    assert digest(folder) == digest(CASES / EVERY[0].id)
    (folder / "case.toml").write_text((folder / "case.toml").read_text() + "\n")
    with pytest.raises(BadCase, match="another content"):
        sealed.opened(folder.parent, published)
    published.write_text("")
    with pytest.raises(BadCase, match="is not in"):
        sealed.opened(folder.parent, published)
