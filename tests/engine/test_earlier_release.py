"""Which earlier release is installed: the newest within the series asked whose files have the name."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gpufix.engine.run_context import RunContext, StepFailed
from gpufix.engine.steps import earlier_release
from gpufix.model import Facts, Host, Install, Python

# Releases of p and whether each has the name; the requirement; what is installed, or None; what was unpacked.
CASES: dict[str, tuple[Mapping[str, bool], str, str | None, list[str]]] = {
    "the one before has it": ({"1.2": True, "1.1": True}, "p<1.3", "1.2", ["1.2"]),
    "an earlier series has it": (
        {"4.57.0": False, "4.56.2": True, "4.56.1": True}, "p<4.57.1", "4.56.2", ["4.57.0", "4.56.2"]
    ),
    "across a major release": (
        {"5.1.0": False, "5.0.0": False, "4.57.6": True}, "p<5.2", "4.57.6", ["5.1.0", "5.0.0", "4.57.6"]
    ),
    "what others declare is kept": ({"2.1": False, "1.9": True}, "p>=2,<2.2", None, ["2.1"]),
    "none has it": ({"2.1": False, "2.0": False}, "p<2.2", None, ["2.1", "2.0"]),
    "six series are read": (
        {f"1.{n}": n < 2 for n in (7, 6, 5, 4, 3, 2, 1)}, "p<1.8", None, [f"1.{n}" for n in (7, 6, 5, 4, 3, 2)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_newest_that_has_the_name(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases, wanted, expected, asked = CASES[case]
    unpacked: list[str] = []

    def run(argv: Sequence[str], *_: object) -> None:
        """An installer that knows these releases."""
        folder, spec = Path(argv[argv.index("--target") + 1]), Requirement(argv[-1]).specifier
        assert not folder.exists()
        found = next((v for v in releases if spec.contains(v)), None)
        if found is None:
            raise StepFailed("no such release")
        unpacked.append(found)
        (folder / f"p-{found}.dist-info").mkdir(parents=True)
        (folder / "p").mkdir()
        (folder / "p/__init__.py").write_text("name = 1\n" if releases[found] else "")

    monkeypatch.setattr(earlier_release.child, "run", run)
    python = Python(
        executable=sys.executable, version="3.11.7", tag="cp311", prefix="/env", base_prefix="/usr", kind="venv"
    )  # fmt: skip
    context = RunContext(
        Facts(host=Host(os="linux", machine="x86_64", kernel="6.1"), python=python),
        environ={"TMPDIR": str(tmp_path)},
    )
    step = Install(install=[wanted, "q"], dependencies=True, freeze=True, sought="p.name")
    if expected is None:
        with pytest.raises(StepFailed, match=r"has p\.name; read were"):
            earlier_release.settled(step, context)
    else:
        settled = earlier_release.settled(step, context)
        assert settled.install == [f"p=={expected}", "q"]
    assert unpacked == asked
    assert not list(tmp_path.iterdir())
