"""Written scripts: the same structure and the same calls as bash's own."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest
from shell_print import canonical, inner, printed
from shell_recorder import TOOLS, WATCHED, Recorded, recorded

from gpufix.source.builds.installs import installs
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.world import BuildWorld, TorchSeen


class EmptyFolder:
    """A project without files."""

    def text(self, path: str) -> str | None:
        return None

    def exists(self, path: str) -> bool | None:
        return path == "/p"

    def names_in(self, folder: str) -> list[str]:
        return []

    def is_folder(self, path: str) -> bool | None:
        return path == "/p"


WORLD = BuildWorld(
    root="/p", files=EmptyFolder(), gpu=True, torch=TorchSeen("2.9.0+cu128", cuda="12.8"),
    nvcc="12.8",
)  # fmt: skip


def _scripts() -> dict[str, tuple[list[str], str]]:
    found = {}
    text = (Path(__file__).parent / "shell_scripts.txt").read_text()
    for part in text.split("=== ")[1:]:
        head, _, body = part.partition("\n")
        found[head.split()[0]] = (parse_words(head.partition(" ")[2]), body)
    return found


def parse_words(text: str) -> list[str]:
    import shlex

    return shlex.split(text)


SCRIPTS = _scripts()


def answers(code: str, world: BuildWorld) -> str | None:
    """What a call of Python prints here."""
    if world.torch is None:
        return None
    if "__version__" in code:
        return f"{world.torch.version}\n"
    return f"{world.torch.cuda}\n" if "version.cuda" in code else ""


@pytest.mark.needs("bash")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_structure_is_bashs(name: str) -> None:
    _, text = SCRIPTS[name]
    script = parse(text)
    assert script.error is None
    assert canonical(printed(script, text)) == canonical(text)
    for _, part in inner(script):
        assert canonical(printed(parse(part), part)) == canonical(part)


@pytest.mark.some(25)
@pytest.mark.needs("bash")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_calls_are_bashs(name: str, tmp_path: Path) -> None:
    """All that surely runs ran; all that ran is among what may run; nothing else is unknown."""
    arguments, text = SCRIPTS[name]
    root = tmp_path / "p"
    root.mkdir()
    real = recorded(text, arguments, root, tmp_path / "log")
    found = run(text, "setup.sh", WORLD, arguments, answers)
    calls = [c for c in found.commands if c.words[0] not in TOOLS]
    sure = [_row(c) for c in calls if not c.hangs]
    assert found.whole
    assert [row for row in sure if row not in real] == []
    assert _in_order(real, [_row(c) for c in calls])
    if not any(c.hangs for c in calls):
        assert sure == real


def _row(command: object) -> Recorded:
    environment = command.environment  # type: ignore[attr-defined]
    pairs = tuple(sorted((n, environment[n]) for n in WATCHED if n in environment))
    folder = posixpath.relpath(command.folder, "/p")  # type: ignore[attr-defined]
    return Recorded(command.words, "" if folder == "." else folder, pairs)  # type: ignore[attr-defined]


def _in_order(real: list[Recorded], found: list[Recorded]) -> bool:
    rest = iter(found)
    return all(any(_fits(row, other) for other in rest) for row in real)


def _fits(real: Recorded, found: Recorded) -> bool:
    return real == found or any(UNKNOWN_PART in word for word in found.words)


@pytest.mark.parametrize(
    ("text", "said"), [("a\r", "unexpected '\\r'"), ("a; )b", "unexpected )b")]
)
def test_what_no_shell_reads_is_said(text: str, said: str) -> None:
    assert parse(text).error == (1, said)


def test_an_install_that_a_loop_repeats_is_one() -> None:
    text = (
        "n=0\nuntil [ $n -ge 2 ]; do pip install a; done\nfor x in b c; do pip install $x; done\n"
    )
    found = installs(run(text, "setup.sh", WORLD, (), answers))
    assert [install.targets for install in found] == [("a",), ("b",), ("c",)]


def test_what_awk_leaves_open_is_unknown() -> None:
    found = run("run $(echo ab | awk -F '' '{print $1}')", "setup.sh", WORLD, (), answers)
    assert [c.words for c in found.commands if c.words[0] == "run"] == [("run", UNKNOWN_PART)]
