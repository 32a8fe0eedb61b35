"""What `gpufix build` shows: nothing read acts on the terminal, live lines give way to results."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.console import Console

from gpufix.engine.builds.build_process import Ended
from gpufix.fixes.build_environment.assemble import BuildEnvironment
from gpufix.fixes.build_environment.variables import Folder, Variable
from gpufix.model.outcome import BuildResult, BuiltLibrary
from gpufix.report.builds import BuildReport
from gpufix.report.progress import BuildProgress

FOLDER = Folder("/src/evil\x1b[2J\nname", "python", stale=("/src/\x1b]0;x\x07",))
ESCAPES = ("\x1b[2J", "\x1b]0", "\x07", "\nname")


@dataclass
class Log:
    def progress(self) -> tuple[int, int]:
        return (3, 7)


@dataclass
class Running:
    log: Log = field(default_factory=Log)
    seconds: float = 2.0


def test_a_report_is_clean() -> None:
    out = io.StringIO()
    report = BuildReport(Console(file=out, width=200))
    variable = Variable("CUDA_HOME", "/a\x1b[2J", "because \x1b[2J")
    report.preview(FOLDER, [["pip", FOLDER.path]], BuildEnvironment((variable,), ("\x1b[2J",)))
    library = BuiltLibrary(path="/x/_C\x1b[2J.so", code="no code")
    report.result(
        BuildResult(
            path=FOLDER.path,
            ok=False,
            reasons=["\x1b[2J"],
            errors=["a.cpp:1:1: error: \x1b[2J\n1 | x"],
            libraries=[library],
            log="/log",
        )
    )
    report.summary([], 1.0)
    assert not any(text in out.getvalue() for text in ESCAPES)
    assert "1 | x" in out.getvalue()


def test_live_lines() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with BuildProgress(console) as watch:
        watch.started(FOLDER, 2)
        watch.progress([(FOLDER, Running())])
        watch.ended(Ended(FOLDER, 2, None, None))
        shown = len(out.getvalue())
        watch.progress([])
    assert "3/7 files" in out.getvalue()
    assert not any(text in out.getvalue() for text in ESCAPES)
    assert len(out.getvalue()) == shown  # nothing is drawn over the result


def test_lines_without_a_terminal() -> None:
    out = io.StringIO()
    with BuildProgress(Console(file=out, width=100)) as watch:
        watch.started(FOLDER, 2)
        watch.progress([(FOLDER, Running())])
        watch.ended(Ended(FOLDER, 2, None, "pip exits with 1", 3.0))
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 and "up to 2 compilers" in lines[0]
    assert lines[1].endswith("pip exits with 1 after 3.0 s")
