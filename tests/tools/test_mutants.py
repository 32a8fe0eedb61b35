"""tools/mutants.py on a package of two modules: what dies, what lives, what is remembered."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("cosmic_ray")
TOOL = Path(__file__).parents[2] / "tools" / "mutants.py"
GATES = """
from __future__ import annotations
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    NUMBER = 1 > 2

def over(number: "0 > 1") -> "1 > 2":
    bound: "2 > 3" = 3
    return number > bound

@cache
def twice(number):
    return number + number
"""
LOOPS = """
def down(number):
    while number > 0:
        number -= 1
    return number
"""
TEST_GATES = """
from odd.gates import over, twice

def test_over():
    assert over(9) and not over(1)

def test_twice():
    assert twice(2) == 4
"""
TEST_LOOPS = """
from odd.loops import down

def test_down():
    assert down(0) == 0
"""
SETTINGS = """
package = "odd"
source = "src"
tests = "tests"
apart = []
seed = 1
sample = 9
floor = 0.9
nearest = 2
budget = 9
patience = 0
preload = []
operators = ["ReplaceComparisonOperator_Gt_GtE", "AddNot", "RemoveDecorator"]

[[group]]
name = "gates"
sources = ["src/odd/gates.py"]

[[group]]
name = "loops"
sources = ["src/odd/loops.py"]
"""
FASTER = """
[[equivalent]]
file = "src/odd/gates.py"
function = "twice"
operator = "RemoveDecorator"
before = "@cache"
after = ""
reason = "it is only faster"
"""
PROJECT = """
[tool.pytest.ini_options]
markers = ["slow"]
"""
FILES = {
    "pyproject.toml": PROJECT,
    "src/odd/__init__.py": "",
    "src/odd/gates.py": GATES,
    "src/odd/loops.py": LOOPS,
    "tests/test_gates.py": TEST_GATES,
    "tests/test_loops.py": TEST_LOOPS,
    "tools/mutants.toml": SETTINGS,
    "tools/equivalent_mutants.toml": FASTER,
}


@dataclass(frozen=True)
class Tree:
    """A project that is judged."""

    root: Path

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (path,) = self.root.rglob(f"{name}.*")
            path.write_text(text)

    def run(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, TOOL, "--root", self.root, "--workers", "1", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def files(self) -> dict[str, str]:
        paths = [p for p in self.root.rglob("*") if p.is_file() and "build" not in p.parts]
        return {str(p.relative_to(self.root)): p.read_text() for p in paths}


def made(root: Path) -> Tree:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(root)


def figures(said: str, group: str) -> list[int]:
    """Population, sample, killed, timed out, equivalent, survived."""
    (row,) = re.findall(rf"^{group} +(.*)  [\d.]+%$", said, re.MULTILINE)
    return [int(number) for number in row.split()]


def judged(said: str) -> int:
    found = re.search(r"^(\d+) mutants? to judge", said, re.MULTILINE)
    return int(found[1]) if found else 0


@pytest.mark.slow
def test_from_the_first_run_to_the_last_survivor(tmp_path: Path) -> None:
    tree = made(tmp_path)
    code, said = tree.run()
    assert figures(said, "gates") == [2, 2, 0, 0, 1, 1]
    assert figures(said, "loops") == [2, 2, 1, 1, 0, 0]
    assert (code, judged(said)) == (1, 4)
    assert (
        "src/odd/gates.py:11: over: ReplaceComparisonOperator_Gt_GtE\n"
        "  - return number > bound\n"
        "  + return number >= bound\n"
        "  lives through tests/test_gates.py\n"
    ) in said
    assert "gates: 0.0% killed, at least 90% must be" in said
    assert tree.files() == FILES, "the tree itself is not written to"

    ledger = tmp_path / "build" / "mutants" / "ledger.jsonl"
    ledger.write_text(ledger.read_text()[:-20])
    again = tree.run()
    assert (again[0], judged(again[1])) == (1, 1), "what was cut off goes on"
    assert figures(again[1], "loops") == [2, 2, 1, 1, 0, 0]

    tree.write(test_gates=TEST_GATES.replace("over(1)", "over(3)"))
    code, said = tree.run()
    assert figures(said, "gates") == [2, 2, 1, 0, 1, 0]
    assert (code, judged(said)) == (0, 2), "what other tests have killed is dead"
    assert tree.run() == (0, said[said.index("\ngroup") :]), "nothing has changed"


def test_a_list_that_is_wrong_is_an_error(tmp_path: Path) -> None:
    tree = made(tmp_path)
    kills = "\ndef test_cache():\n    assert twice.cache_info().misses\n"
    tree.write(
        test_gates=TEST_GATES.replace("over(1)", "over(3)") + kills,
        equivalent_mutants=FASTER + FASTER.replace("twice", "thrice"),
    )
    code, said = tree.run("gates")
    assert code == 1 and figures(said, "gates") == [2, 2, 2, 0, 0, 0]
    assert "no such mutant: src/odd/gates.py: thrice: RemoveDecorator: @cache" in said
    assert "tests/test_gates.py::test_cache tells it: src/odd/gates.py: RemoveDecorator" in said


@pytest.mark.slow
def test_broken_tests_kill_none_and_slow_ones_where_there_are_no_others(tmp_path: Path) -> None:
    tree = made(tmp_path)
    slow = "import pytest\npytestmark = pytest.mark.slow\n"
    tree.write(
        test_gates=TEST_GATES + "\ndef test_broken():\n    assert over(2)\n",
        test_loops=slow + TEST_LOOPS.replace("down(0)", "down(4)"),
    )
    _, said = tree.run()
    assert "FAIL WITHOUT A MUTANT, and kill none:\n  tests/test_gates.py::test_broken\n" in said
    assert figures(said, "gates") == [2, 2, 0, 0, 1, 1]
    assert figures(said, "loops") == [2, 2, 2, 0, 0, 0]


def test_the_sample_stays_when_lines_move(tmp_path: Path) -> None:
    tree = made(tmp_path)
    many = "".join(f"def f{n}(x):\n    return x > {n}\n\n" for n in range(40))
    tree.write(gates=many)
    _, first = tree.run("gates", "--list")
    assert len(first.splitlines()) == 9
    assert tree.run("gates", "--list")[1] == first
    moved = '"""Lines above."""\n\n' + many.replace("f3(x):\n", "f3(x):\n    x = x > 0\n")
    tree.write(gates=moved)
    bodies = [line.partition(" ")[2] for line in first.splitlines()]
    _, second = tree.run("gates", "--list")
    now = [line.partition(" ")[2] for line in second.splitlines()]
    assert len(set(now) - set(bodies)) <= 1, "one function has changed"


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("--file", "src/odd/gone.py")], ids=["group", "file"]
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, said = made(tmp_path).run(*arguments)
    assert code == 2 and arguments[-1] in said and "Traceback" not in said
