"""doctor → fix → fix --apply → doctor → undo, on real environments."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from venvs import Pair, Snapshot, Venv, codes, snapshot


def fix(venv: Venv, *arguments: str, **options: object) -> dict[str, Any]:
    """The JSON report of `gpufix fix`; `exit` holds the exit code."""
    done = venv.gpufix(
        "fix", "--python", str(venv.python), "--format", "json", *arguments, **options
    )
    assert "Traceback" not in done.stderr, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return {**report, "exit": done.returncode}


def undo(venv: Venv, *arguments: str) -> dict[str, Any]:
    done = venv.gpufix("undo", "--python", str(venv.python), "--format", "json", *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return {**json.loads(done.stdout), "exit": done.returncode}


def found(venv: Venv) -> list[str]:
    return codes(venv.doctor()["findings"])  # type: ignore[arg-type]


@pytest.fixture
def taken(empty: Venv, pair: Pair) -> Venv:
    """A wheel whose files another one has taken along."""
    empty.pip("install", "--no-deps", pair.wanted)
    empty.pip("install", "--no-deps", pair.stray)
    empty.pip("uninstall", "-y", pair.names[1])
    return empty


def test_a_healthy_environment_needs_nothing(empty: Venv) -> None:
    before = snapshot(empty.path, empty.home)
    assert fix(empty)["plans"] == []
    assert fix(empty)["exit"] == 0
    applied = fix(empty, "--apply")
    assert (applied["state"], applied["exit"]) == ("nothing", 0)
    assert snapshot(empty.path, empty.home) == before


def test_what_was_taken_is_shown_repaired_and_put_back(taken: Venv, pair: Pair) -> None:
    before = snapshot(taken.path, taken.home)
    shown = fix(taken)
    assert shown["exit"] == 1
    assert shown["refused"] is None
    assert shown["steps"][0]["downloads"] == [pair.wanted]
    assert snapshot(taken.path, taken.home) == before, "a preview writes nothing at all"

    applied = fix(taken, "--apply")
    assert (applied["state"], applied["exit"]) == ("kept", 0), applied
    assert [f["code"] for f in applied["fixed"]] == ["WHL503"]
    assert applied["introduced"] == applied["remaining"] == []
    assert found(taken) == []
    assert (taken.site / pair.library).stat().st_size > 1 << 15

    repaired = snapshot(taken.path)
    assert fix(taken, "--apply")["state"] == "nothing"
    assert snapshot(taken.path) == repaired, "applying twice changes nothing the second time"

    undone = undo(taken)
    assert (undone["state"], undone["exit"]) == ("undone", 0)
    assert snapshot(taken.path) == {
        k: v for k, v in before.items() if k.startswith(f"{taken.path}/")
    }
    assert undo(taken)["state"] == "nothing"
    assert found(taken) == ["WHL503"]


@pytest.fixture
def six(empty: Venv) -> Venv:
    """six, edited by hand after its installation."""
    empty.pip("install", "--no-deps", "six==1.16.0", "idna==3.7")
    path = empty.site / "six.py"
    text = path.read_text()
    path.unlink()
    path.write_text(text + "# edited\n")
    os.utime(path, (path.stat().st_mtime + 60,) * 2)
    return empty


def test_an_altered_file_is_restored(six: Venv) -> None:
    assert found(six) == ["WHL503"]
    others = {k: v for k, v in snapshot(six.path).items() if "idna" in k}
    applied = fix(six, "--apply", "--probe")
    assert (applied["state"], applied["exit"]) == ("kept", 0), applied
    assert applied["probes"] == [{"module": "six", "ok": True, "said": "", "driver": False}]
    assert "# edited" not in (six.site / "six.py").read_text()
    assert {k: v for k, v in snapshot(six.path).items() if "idna" in k} == others
    assert undo(six, applied["run"])["exit"] == 0
    assert (six.site / "six.py").read_text().endswith("# edited\n")


@pytest.mark.slow
def test_what_was_changed_since_is_not_overwritten(six: Venv) -> None:
    applied = fix(six, "--apply")
    (six.site / "six.py").unlink()
    (six.site / "six.py").write_text("mine = 1\n")
    refused = undo(six)
    assert refused["exit"] == 1
    assert str(six.site / "six.py") in refused["problems"]
    assert (six.site / "six.py").read_text() == "mine = 1\n"
    assert undo(six, applied["run"], "--force")["exit"] == 0
    assert (six.site / "six.py").read_text().endswith("# edited\n")


def test_a_failing_installer_changes_nothing(six: Venv) -> None:
    before = snapshot(six.path)
    applied = fix(six, "--apply", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/no/such/place"})
    assert (applied["state"], applied["exit"]) == ("failed", 1)
    assert "restored" in applied["reason"]
    assert snapshot(six.path) == before
    assert found(six) == ["WHL503"]


@pytest.mark.needs("all of the machine's processes")
def test_a_plan_that_fails_does_not_take_the_others_with_it(six: Venv) -> None:
    entry = six.home / ".cache/torch_extensions/py311_cpu/my_ext"
    entry.mkdir(parents=True)
    (entry / "lock").touch()
    os.utime(entry / "lock", (time.time() - 7200,) * 2)
    before = snapshot(six.path)
    applied = fix(six, "--apply", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/no/such/place"})
    assert (applied["state"], applied["exit"]) == ("kept", 1), applied
    assert [f["code"] for f in applied["fixed"]] == ["JIT703"]
    assert [f["code"] for f in applied["remaining"]] == ["WHL503"]
    assert "pip" in applied["held"][0]["reason"]
    assert snapshot(six.path) == before
    assert undo(six)["exit"] == 0
    assert (entry / "lock").exists()


@pytest.mark.needs("all of the machine's processes")
def test_a_stale_lock_is_gone_and_a_foreign_entry_is_not(empty: Venv) -> None:
    cache = empty.home / ".cache/torch_extensions/py311_cpu"
    (cache / "my_ext").mkdir(parents=True)
    (cache / "other").mkdir()
    (cache / "other/main.cpp").write_text("int x;\n")
    lock = cache / "my_ext/lock"
    lock.touch()
    os.utime(lock, (time.time() - 7200,) * 2)
    before = snapshot(empty.path, cache)
    applied = fix(empty, "--apply")
    assert (applied["state"], applied["exit"]) == ("kept", 0), applied
    assert not lock.exists()
    assert (cache / "other/main.cpp").exists()
    assert undo(empty)["exit"] == 0
    assert snapshot(empty.path, cache) == before


def test_variables_go_into_the_environment_file_and_github_env(empty: Venv) -> None:
    github = empty.home / "github_env"
    env = {"CUDA_LAUNCH_BLOCKING": "1", "GITHUB_ENV": str(github)}

    def judged() -> list[str]:
        report = empty.doctor("--gpu", "sm_120", "--select", "RUN805", env=env)
        return codes(report["findings"])  # type: ignore[arg-type]

    assert judged() == ["RUN805"]
    applied = fix(empty, "--apply", "--gpu", "sm_120", "--only", "RUN805", env=env)
    assert applied["state"] == "kept", applied
    assert [f["code"] for f in applied["fixed"]] == ["RUN805"]
    assert "CUDA_LAUNCH_BLOCKING<<gpufix_" in github.read_text()
    assert judged() == []
    assert undo(empty)["exit"] == 0
    assert judged() == ["RUN805"]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_that_is_interrupted_says_undo(number: signal.Signals, six: Venv) -> None:
    """Ctrl-C while pip works: pip is ended, the state can be undone, a new run waits for that."""
    before = snapshot(six.path)
    command = [sys.executable, "-m", "gpufix", "fix", "--apply", "--python", str(six.python)]
    with socket.create_server(("127.0.0.1", 0)) as index:  # it never answers
        address = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        process = subprocess.Popen(
            command,
            env=six.environ({"PIP_INDEX_URL": address, "PIP_NO_INDEX": "0"}),
            cwd=six.home,
            stderr=subprocess.PIPE,
            text=True,
        )
        index.settimeout(60)
        connection, _ = index.accept()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == 130, said
    refused = fix(six, "--apply")
    assert refused["state"] == "failed"
    assert "cut off" in refused["reason"]
    undone = undo(six)
    assert undone["state"] == "undone"
    for hint in (said, refused["reason"]):
        assert f"`gpufix undo {undone['id']}`" in hint
    assert snapshot(six.path) == before


def test_system_interpreters_are_refused(empty: Venv) -> None:
    """PEP 668: the reason and the way out, and nothing is tried."""
    from gpufix.engine.run_context import Refused, RunContext
    from gpufix.engine.steps import install
    from gpufix.model import Facts, Host, Install, Python

    python = Python(
        executable="/usr/bin/python3",
        version="3.11.2",
        tag="cp311",
        prefix="/usr",
        base_prefix="/usr",
        kind="system",
        externally_managed="/usr/lib/python3.11/EXTERNALLY-MANAGED",
    )
    facts = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"), python=python)
    with pytest.raises(Refused, match=r"EXTERNALLY-MANAGED.*-m venv"):
        install.check(Install(install=["six==1.16.0"]), RunContext(facts, environ={}))


@pytest.mark.slow
def test_gradio_and_what_came_after_it_is_solved(empty: Venv) -> None:
    """Versions that import; what had been chosen is moved only with --unsafe."""
    empty.pip("install", "gradio==4.44.1", "huggingface_hub==1.2.0", "pydantic==2.12.0")
    before = snapshot(empty.path)
    assert fix(empty, "--apply")["state"] == "nothing"
    assert snapshot(empty.path) == before
    applied = fix(empty, "--apply", "--unsafe", "--probe")
    assert (applied["state"], applied["exit"]) == ("kept", 0), applied
    code = "import gradio; gradio.Interface(str, 'text', 'text')"
    subprocess.run([str(empty.python), "-B", "-c", code], check=True, capture_output=True)
    assert undo(empty)["exit"] == 0
    (empty.site / "gradio" / "hash_seed.txt").unlink()  # gradio writes it when it is imported
    assert _sources(snapshot(empty.path)) == _sources(before)


def _fake_torch(venv: Venv, requirement: str) -> None:
    """What makes an environment one of torch 2.1.0 for CUDA 12.1, without its gigabytes."""
    files = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.1.0+cu121'\ncuda = '12.1'\nhip = None\n",
        "torch-2.1.0+cu121.dist-info/METADATA": "Metadata-Version: 2.1\nName: torch\n"
        f"Version: 2.1.0+cu121\nRequires-Dist: {requirement}\n",
        "torch-2.1.0+cu121.dist-info/INSTALLER": "pip\n",
    }
    rows = "".join(f"{path},,\n" for path in files)
    files["torch-2.1.0+cu121.dist-info/RECORD"] = rows
    for path, text in files.items():
        (venv.site / path).parent.mkdir(exist_ok=True)
        (venv.site / path).write_text(text)


def _sources(found: Snapshot) -> dict[str, Any]:
    """Content of each file but bytecode, which holds times."""
    return {k: v[-1] for k, v in found.items() if len(v) == 3 and not k.endswith(".pyc")}


@pytest.mark.slow
def test_a_stray_cuda_11_is_removed_and_torchs_files_come_back(empty: Venv, pair: Pair) -> None:
    """The last one installed holds the files that both own; removing it takes them along."""
    _fake_torch(empty, pair.wanted)
    empty.pip("install", "--no-deps", pair.wanted, "idna==3.7")
    declared = snapshot(empty.site / "nvidia")
    empty.pip("install", "--no-deps", pair.stray)
    stray = pair.names[1]
    (info,) = empty.site.glob(f"{stray.replace('-', '_')}-*.dist-info")
    (info / "REQUESTED").unlink()
    others = snapshot(empty.site / "torch", empty.site / "idna")
    before = snapshot(empty.path)

    shown = fix(empty, "--only", "WHL501")
    assert [s["title"] for s in shown["steps"]] == [
        f"remove {stray}",
        f"install {pair.wanted}",
    ]
    applied = fix(empty, "--apply", "--only", "WHL501")
    assert applied["state"] == "kept", applied
    assert "WHL501" in [f["code"] for f in applied["fixed"]]
    assert _sources(snapshot(empty.site / "nvidia")) == _sources(declared)
    assert not info.exists()
    assert snapshot(empty.site / "torch", empty.site / "idna") == others
    assert undo(empty)["exit"] == 0
    assert snapshot(empty.path) == before
