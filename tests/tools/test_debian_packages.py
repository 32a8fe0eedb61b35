"""tools/debian_packages.sh with an apt of a table: what it would install, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import need_finders
import needs

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "tools" / "debian_packages.sh"
LIST = ROOT / "tools" / "debian_packages.txt"
LIST_FULL = ROOT / "tools" / "debian_packages_full.txt"

# What a Debian has in any case: essential packages, and those that g++ brings.
ALWAYS = {"bash", "coreutils", "libc-bin", "mount", "gcc", "libc6-dev", "libstdc++6", "python3"}
COMMON = [
    *(
        "g++",
        "gcc-multilib",
        "binutils",
        "make",
        "git",
        "patch",
        "cmake",
        "zstd",
        "fish",
        "direnv",
        "zsh",
    ),
    *("musl-tools", "openssl"),
]
FULL = [
    *("wine", "gcc-mingw-w64-x86-64-win32", "openssh-server", "openssh-client"),
    *("slurmctld", "slurmd", "slurm-client", "munge"),
]
LLVM = "clang-{0} clang-tools-{0} lld-{0} llvm-{0}"
HIP = ["libamdhip64-dev", "librocprim-dev"]
# Of the names in the list, those that a release has: read off the first three; the Ubuntus' are
# from their published lists, untried, and hold only what is certain.
RELEASES = {
    "bookworm": [*COMMON, *LLVM.format(19).split(), "rocm-device-libs", *HIP, "chromium"],
    "trixie": [
        *COMMON,
        *(name for n in (19, 22) for name in LLVM.format(n).split()),
        *("rocm-device-libs-17", *HIP, "chromium"),
    ],
    "forky": [
        *COMMON,
        *(name for n in (21, 22) for name in LLVM.format(n).split()),
        *("rocm-device-libs-21", *HIP, "chromium"),
    ],
    "noble": [
        *COMMON,
        *(name for n in (19, 20) for name in LLVM.format(n).split()),
        *("rocm-device-libs-17", *HIP),
    ],
    "jammy": COMMON,
}
CHOSEN = {
    "bookworm": RELEASES["bookworm"],
    "trixie": [*COMMON, "chromium", *LLVM.format(19).split(), "rocm-device-libs-17", *HIP],
    "forky": [*COMMON, "chromium", *LLVM.format(21).split(), "rocm-device-libs-21", *HIP],
    "noble": [*COMMON, *LLVM.format(19).split(), "rocm-device-libs-17", *HIP],
    "jammy": COMMON,
}
ABSENT = {
    "noble": {"chromium"},
    "jammy": {"chromium", "clang-19", "rocm-device-libs", *HIP},
}
PROGRAMS = {
    "apt-get": """
echo "$*" >>"$APT/calls"
case "$*" in
  *update*) exit "${UPDATE:-0}";;
esac
for name; do
  case " $BROKEN " in *" $name "*) exit 100;; esac
done
for name; do echo "$name" >>"$APT/installed"; done""",
    "apt-cache": """
shift
for name; do
  if grep -qxF "$name" "$APT/offered"; then printf '%s:\\n  Installed: x\\n  Candidate: 1.0\\n' "$name"
  elif [ "$name" = python3-venv ]; then printf '%s:\\n  Candidate: (none)\\n' "$name"; fi
done""",
    "dpkg-query": """
for name; do grep -qxF "$name" "$APT/installed" && echo "$name installed"; done; true""",
    "id": "echo ${ID:-0}",
    "python": """
case "$2" in
  *version_info*) echo 3.11;;
  *ensurepip*) exit ${ENSUREPIP:-0};;
  *Python.h*) exit ${HEADERS:-0};;
esac""",
}


@dataclass
class Apt:
    """A machine whose packages are two tables."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def lines(self, name: str) -> list[str]:
        return (self.folder / name).read_text().split("\n")[:-1]

    def write(self, name: str, names: list[str]) -> None:
        (self.folder / name).write_text("".join(f"{n}\n" for n in names))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        bin = self.folder / "bin"
        env = {"PATH": str(bin), "APT": str(self.folder), "PYTHON": str(bin / "python"), **self.env}
        command = [SCRIPT, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("env", "bash", "sh", "sed", "grep", "awk", "tr", "dirname"):
        (folder / name).symlink_to(need_finders.program(name)())
    for name, text in PROGRAMS.items():
        (folder / name).write_text(f"#!/bin/sh{text if text[0] == chr(10) else chr(10) + text}\n")
        (folder / name).chmod(0o755)
    made = Apt(tmp_path)
    for name in ("offered", "installed", "calls"):
        made.write(name, [])
    return made


def packages(apt: Apt) -> list[str]:
    """What was installed, without apt-get's words."""
    words = {"install", "DPkg::Lock::Timeout=120"}
    return [name for name in apt.lines("installed") if name not in words and name[0] != "-"]


def test_nothing_is_done_where_all_is_there(apt: Apt) -> None:
    apt.write("installed", RELEASES["bookworm"])
    apt.env["ID"] = "1000"
    done = apt.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert apt.lines("calls") == []


def test_a_newer_clang_that_is_whole_is_enough(apt: Apt) -> None:
    rest = [name for name in RELEASES["bookworm"] if "-19" not in name]
    apt.write("installed", [*rest, *LLVM.format(21).split()])
    assert (apt.run().returncode, apt.lines("calls")) == (0, [])


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_has_is_installed(release: str, apt: Apt) -> None:
    apt.write("offered", RELEASES[release])
    done = apt.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(packages(apt)) == sorted(CHOSEN[release])
    absent = re.findall(
        r"^not in .+?: ([^ ,]+).* \(.+\); its tests are skipped$", done.stdout, re.M
    )
    assert set(absent) == ABSENT.get(release, set())


def test_the_slow_tests_need_more(apt: Apt) -> None:
    apt.write("installed", RELEASES["bookworm"])
    apt.write("offered", FULL)
    before = len(apt.lines("installed"))
    assert (apt.run().returncode, packages(apt)[before:]) == (0, [])
    assert (apt.run("full").returncode, packages(apt)[before:]) == (0, FULL)


def test_half_a_clang_is_completed(apt: Apt) -> None:
    apt.write("offered", RELEASES["bookworm"])
    apt.write("installed", [n for n in RELEASES["bookworm"] if n not in ("lld-19", "llvm-19")])
    before = len(apt.lines("installed"))
    assert apt.run().returncode == 0
    assert packages(apt)[before:] == LLVM.format(19).split()


@pytest.mark.parametrize(
    ("lacks", "offered", "wanted"),
    [
        ("HEADERS", ["python3.11-dev", "python3-dev"], "python3.11-dev"),
        ("HEADERS", ["python3-dev"], "python3-dev"),
        ("ENSUREPIP", ["python3.11-venv", "python3-venv"], "python3.11-venv"),
    ],
)
def test_the_python_in_use(lacks: str, offered: list[str], wanted: str, apt: Apt) -> None:
    apt.write("installed", RELEASES["bookworm"])
    apt.write("offered", offered)
    apt.env[lacks] = "1"
    before = len(apt.lines("installed"))
    assert apt.run().returncode == 0
    assert packages(apt)[before:] == [wanted]


def test_a_package_that_fails_keeps_none_of_the_others_away(apt: Apt) -> None:
    apt.write("offered", RELEASES["bookworm"])
    apt.env["BROKEN"] = "chromium"
    done = apt.run()
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "could not be installed: chromium"
    assert set(packages(apt)) == set(RELEASES["bookworm"]) - {"chromium"}


def test_old_package_lists_are_used_when_new_ones_cannot_be_had(apt: Apt) -> None:
    apt.write("offered", RELEASES["bookworm"])
    apt.env["UPDATE"] = "100"
    done = apt.run()
    assert done.returncode == 0
    assert "the package lists could not be updated" in done.stdout
    assert set(packages(apt)) == set(RELEASES["bookworm"])


def test_what_old_package_lists_lack_may_be_in_the_release(apt: Apt) -> None:
    apt.write("offered", [name for name in RELEASES["bookworm"] if name != "fish"])
    apt.env["UPDATE"] = "100"
    done = apt.run()
    assert done.returncode == 1
    assert "not in the lists that are here: fish (" in done.stdout
    assert done.stdout.splitlines()[-1] == "could not be installed: fish"


def test_a_user_is_told_what_to_run(apt: Apt) -> None:
    apt.write("offered", RELEASES["bookworm"])
    apt.write("installed", ["g++"])
    apt.env["ID"] = "1000"
    done = apt.run()
    assert done.returncode == 2
    assert done.stdout.splitlines()[0] == f"only root can install packages: sudo {SCRIPT}"
    assert "  git # " in done.stdout
    assert "g++" not in done.stdout
    assert apt.lines("calls") == []


def test_another_system_is_told_the_names(apt: Apt) -> None:
    (apt.folder / "bin" / "apt-get").unlink()
    done = apt.run()
    assert done.returncode == 2
    assert done.stdout.startswith("no apt-get here")
    for name in ("g++", "chromium", "clang-19"):
        assert name in done.stdout


def test_the_list_has_all_that_tests_need() -> None:
    told = [re.match(r"Debian: ([^,]+)", need.brings) for need in needs.NEEDS.values()]
    asked = {name for match in told if match for name in match[1].split()}
    listed = {
        name
        for file in (LIST, LIST_FULL)
        for line in file.read_text("utf-8").splitlines()
        for name in re.split("[ ,]+", line.partition("#")[0])
    }
    assert len(asked) > 10
    assert asked - listed - ALWAYS - {"python3-dev"} == set()
    assert "python3-dev" in SCRIPT.read_text("utf-8")


def test_bash_finds_no_fault_in_it() -> None:
    assert os.access(SCRIPT, os.X_OK)
    done = subprocess.run(["bash", "-n", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
