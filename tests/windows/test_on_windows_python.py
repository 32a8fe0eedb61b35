"""gpufix in Windows' own CPython, run by wine: it starts, asks what it asks there, and changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from wine_python import WindowsPython

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs(
        "wine", "mingw-w64", "package index", "a Python that wheels have for Windows"
    ),
]
HERE = r"C:\py"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsPython]:
    made = WindowsPython(tmp_path_factory.mktemp("windows"))
    yield made
    made.close()


COMMANDS = [
    (["--version"], 0, "gpufix 0."),
    ([], 0, "gpufix doctor"),
    (["doctor"], 0, "no environment is active"),
    (["doctor", "--python", HERE], 0, "clean: nothing wrong found"),
    (["fix", "--python", HERE], 0, "nothing to repair"),
    (["undo", "--python", HERE], 0, "there is nothing to undo"),
    (["undo", "--list"], 0, "no runs"),
    (["explain", "ABI306", "--python", HERE], 0, "vc-runtime-too-old"),
    (["inspect", rf"{HERE}\DLLs\libffi-8.dll"], 0, "x86_64"),
    (["recommend", "--gpu", "sm_120", "--python", HERE], 2, "are for Linux"),
    (["rules"], 0, "TCH214"),
    (["doctor", "--python", r"C:\nothing"], 2, "is not a usable Python"),
    (["smoke"], 2, "gpufix: "),
]


def test_every_command_ends_as_it_should(windows: WindowsPython) -> None:
    done = windows.each([command for command, _, _ in COMMANDS])
    for (command, code, says), (ended, said) in zip(COMMANDS, done, strict=True):
        assert "internal error" not in said, said
        assert (ended, says in said) == (code, True), f"{command}: {ended}\n{said}"


def test_the_interpreter_is_asked(windows: WindowsPython) -> None:
    """A folder that only it knows of: what files alone say has no such entry."""
    script = (
        "import sys; from pathlib import Path; from gpufix.facts.collect import collect\n"
        "from gpufix.facts.context import CollectContext as C\n"
        f"c = C(); p = collect(c, {HERE!r}, None).python; print(p.version, p.implementation, p.soabi, c.gaps)\n"
        "from gpufix.facts.python import interpreter as i\n"
        "r = i._ask(C(), Path(sys.executable)); print(r['platform'], r['version'])\n"
    )
    own, reply = windows.run("-c", script).stdout.splitlines()
    assert own.startswith("3.") and own.endswith(
        f"cpython cp3{sys.version_info.minor}-win_amd64 []"
    )
    assert reply.split() == ["win32", own.split()[0]]


def test_a_program_that_does_not_end_is_ended(windows: WindowsPython) -> None:
    script = (
        "import sys, time, os; from gpufix.process import ask, NoAnswer\n"
        "def tried(code, seconds):\n"
        "    begin = time.monotonic()\n"
        "    try: answer = ask([sys.executable, '-c', code], os.environ, seconds)\n"
        "    except NoAnswer as error: print(error, time.monotonic() - begin < 20)\n"
        "    else: print(answer.code, answer.stdout.strip(), answer.stderr.strip())\n"
        "tried('import time; time.sleep(60)', 2)\n"
        "tried('import sys; print(1); print(2, file=sys.stderr); sys.exit(5)', 30)\n"
        "tried('while True: print(9 * \"9\" * 9999)', 30)\n"
        "try: ask([r'C:\\nothing.exe'], os.environ, 5)\n"
        "except NoAnswer as error: print(str(error)[:24])\n"
    )
    assert windows.run("-c", script).stdout.splitlines() == [
        "it did not end within 2 s True",
        "5 1 2",
        "it printed more than 1 MiB True",
        "it could not be started:",
    ]


def test_driver_studio_registry_and_page_file(windows: WindowsPython) -> None:
    """NVML through its DLL, vswhere run, LongPathsEnabled set: all of it in a snapshot."""
    windows.nvidia()
    windows.visual_studio()
    (windows.drive / "pagefile.sys").write_bytes(b"0" * 4096)
    key = r"SYSTEM\CurrentControlSet\Control\FileSystem"
    script = (
        f"import winreg; k = winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, {key!r}); "
        "winreg.SetValueEx(k, 'LongPathsEnabled', 0, winreg.REG_DWORD, 1)"
    )
    assert windows.run("-c", script).returncode == 0
    done = windows.gpufix("snapshot", "--python", HERE)
    found = json.loads(done.stdout)
    assert found["gaps"] == []
    (gpu,), (driver,) = found["gpus"], found["drivers"]
    assert (gpu["name"], gpu["arch"], gpu["source"]) == (
        "NVIDIA GeForce RTX 5080",
        "sm_120",
        "nvml",
    )
    assert (driver["version"], driver["cuda"], driver["error"]) == ("576.88", "12.9", None)
    state = found["windows"]
    assert (state["long_paths"], state["vswhere"], state["page_file"]) == (True, True, 4096)
    assert [s["toolsets"] for s in state["visual_studios"]] == [["14.44.35207"]]
    assert "sm_120 (NVIDIA GeForce RTX 5080)" in windows.gpufix("doctor", "--python", HERE).stdout


def test_plans_are_for_the_user_and_for_his_shell(windows: WindowsPython) -> None:
    info = windows.site / "needy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: needy\nVersion: 1.0\nRequires-Dist: rich<10,>=9\n"
    )
    said = windows.gpufix("doctor", "--python", HERE).stdout
    assert rf'$ {HERE}\python.exe -m pip install "rich<10,>=9"' in said
    assert said.splitlines()[-1] == rf"next:  gpufix fix --python {HERE}"
    done = windows.gpufix("fix", "--apply", "--unsafe", "--python", HERE)
    assert (done.returncode, "not applied WHL506" in done.stdout) == (1, True), done
