"""What bootstrap does with a folder that it finds, and that the folder is whole or gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import (
    NO_INDEX,
    Checkout,
    read_only,
    silent_index,
    small_disk,
    tree,
    wheel,
    write_project,
)
from environment import Environment

MARK = ".made-by-make"


@pytest.mark.parametrize(
    ("mark", "pip", "package", "kept"),
    [
        ("whole\n", True, True, True),
        ("", True, True, True),  # a venv that somebody made
        ("half made\n", True, True, False),
        ("whole\n", False, True, False),  # its Python is another one now
        ("", False, False, False),  # python -m venv without ensurepip
    ],
)
def test_what_is_half_made_is_made_again(
    tmp_path: Path, mark: str, pip: bool, package: bool, kept: bool
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    (site,) = tmp_path.glob("lib/python3*/site-packages")
    names = ["pip"] * pip + ["six-1.0.dist-info"] * package
    for name in names:
        (site / name).mkdir()
    if mark:
        (tmp_path / MARK).write_text(mark)
    Environment(tmp_path).settle()
    assert bool(tree(tmp_path)) == kept


@pytest.mark.slow
def test_it_is_made_once_and_the_checkout_is_not_written_to(
    checkout: Checkout, tmp_path: Path
) -> None:
    venv = tmp_path / "elsewhere é" / "venv"
    before = tree(checkout.folder)
    with read_only(checkout.folder):
        done = checkout.make("doctor", f"VENV={venv}")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "judged"), done
        assert "gpufix: up to 15 MB to download, 65 MB on disk" in done.stdout
        again = checkout.make("doctor", f"VENV={venv}")
        assert again.returncode == 0 and len(again.stdout.splitlines()) == 2, again
    assert tree(checkout.folder) == before
    assert (venv / "bin" / "gpufix").exists()


@pytest.mark.slow
def test_a_failure_leaves_nothing_and_the_next_call_works(
    checkout: Checkout, tmp_path: Path
) -> None:
    write_project(checkout.folder, "needed-tool")
    failed = checkout.make("doctor", **NO_INDEX, PIP_RETRIES="1")
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-3:-1] == [
        "gpufix: .venv is removed, nothing is left half made",
        "gpufix: No matching distribution found for needed-tool "
        "(the package index does not answer: [Errno 111] Connection refused)",
    ]
    assert not checkout.venv.exists()
    wheel(tmp_path / "wheels", "needed_tool", "1")
    done = checkout.make("doctor", PIP_FIND_LINKS=str(tmp_path / "wheels"))
    assert done.returncode == 0, done.stderr


def begun(checkout: Checkout, index: str) -> subprocess.Popen[str]:
    """Bootstrap, with a pip that waits for the index."""
    write_project(checkout.folder, "needed-tool")
    return subprocess.Popen(
        [sys.executable, "tools/bootstrap", ".venv", "base"],
        cwd=checkout.folder,
        env=checkout.environ({**NO_INDEX, "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_that_is_ended_leaves_nothing(checkout: Checkout, number: int, code: int) -> None:
    with silent_index() as (url, asked), begun(checkout, url) as process:
        asked()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "nothing is left half made" in said
    assert not checkout.venv.exists()


@pytest.mark.slow
def test_after_a_kill_the_next_call_waits_for_pip_and_begins_anew(checkout: Checkout) -> None:
    with silent_index() as (url, asked), begun(checkout, url) as process:
        asked()
        process.kill()
        process.wait()
        assert (checkout.venv / MARK).read_text() == "half made\n"
        write_project(checkout.folder)
        command = checkout.command("doctor")
        environ = checkout.environ({})
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert "waits for the process that works in .venv" in second.stdout.readline()
            asked.end()
            assert "is half made: made again" in second.stdout.readline()
            assert second.stdout.read().splitlines()[-1] == "judged"
    assert second.returncode == 0


@pytest.mark.slow
def test_two_at_once_make_it_once(checkout: Checkout) -> None:
    command, environ = checkout.command("doctor"), checkout.environ({})
    pair = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert sorted("installs into" in text for text in said) == [False, True]


@pytest.mark.slow
def test_what_was_whole_stays_when_an_update_fails(checkout: Checkout) -> None:
    assert checkout.make("doctor").returncode == 0
    write_project(checkout.folder, "needed-tool")
    with (checkout.folder / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    failed = checkout.make("doctor", **NO_INDEX, PIP_RETRIES="1")
    assert failed.returncode == 2 and "removed" not in failed.stderr
    assert (checkout.venv / MARK).read_text() == "whole\n"
    write_project(checkout.folder)
    assert checkout.make("doctor").returncode == 0


@pytest.mark.slow
def test_a_venv_that_somebody_made_is_used_and_never_removed(checkout: Checkout) -> None:
    subprocess.run([sys.executable, "-m", "venv", checkout.venv], check=True)
    stamp = checkout.venv / ".base"
    stamp.symlink_to("/no/such/folder/stamp")  # fails when gpufix has been installed
    failed = checkout.make("doctor")
    assert failed.returncode == 2 and "removed" not in failed.stderr
    assert (checkout.venv / "bin" / "gpufix").exists()
    stamp.unlink()
    assert checkout.make("doctor").returncode == 0
    assert not (checkout.venv / MARK).exists()


@pytest.mark.slow
def test_a_full_disk(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", "4m"):
        venv = tmp_path / "disk" / "venv"
        failed = checkout.make("doctor", f"VENV={venv}")
        assert failed.returncode == 2
        assert "has 4 MB of free space and needs 80 MB: set VENV=" in failed.stderr
        stages = checkout.folder / "tools/bootstrap/stages.py"
        stages.write_text(stages.read_text().replace('"gpufix", 15, 65', '"gpufix", 1, 1'))
        full = checkout.make("doctor", f"VENV={venv}")
        assert "No space left on device" in full.stderr.splitlines()[-2]
        assert not venv.exists()
