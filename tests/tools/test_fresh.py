"""tools/fresh.py: its table, what it reads, and a sweep over roots of a few programs."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tools"))

from tiny_root import make_debootstrap, make_root

from fresh_roots import host, measure, readme
from fresh_roots.rows import ROWS, Row
from fresh_roots.sandbox import Sandbox
from fresh_roots.trial import REQUIRED

FRESH = readme.ROOT / "tools" / "fresh.py"
enter = pytest.mark.needs("sandbox")
PLAIN = [row for row in ROWS if not row.says and row.torch]
VALUES = {
    "suite": lambda row: row.suite,
    "user": lambda row: row.user,
    "compilers": lambda row: row.compilers,
    "path": lambda row: row.odd,
    "source": lambda row: row.tarball,
    "LANG": lambda row: row.lang,
}


def test_every_value_meets_every_other() -> None:
    for one, other in itertools.combinations(VALUES.values(), 2):
        wanted = set(itertools.product(map(one, PLAIN), map(other, PLAIN)))
        assert {(one(row), other(row)) for row in PLAIN} == wanted


def test_all_machines_are_tried_as_both_users_with_and_without_compilers() -> None:
    met = {(row.suite, row.user, row.compilers) for row in PLAIN}
    suites = ("bookworm", "trixie", "forky")
    assert met == set(itertools.product(suites, (False, True), (False, True)))
    assert len(PLAIN) == len(met)


def test_ci_run_is_tried_as_both_users_on_every_machine() -> None:
    ci = [row for row in PLAIN if row.ci]
    assert {row.suite for row in ci} == {"bookworm", "trixie", "forky"}
    assert {row.user for row in ci} == {row.odd for row in ci} == {False, True}
    assert all(row.user or row.compilers for row in ci)  # as root, .ci/run brings them


def test_names_are_their_own_and_read_as_rows() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    listed = subprocess.run([sys.executable, FRESH, "--list"], capture_output=True, text=True)
    assert listed.stdout.split() == names


def test_the_readme_is_read() -> None:
    text = "# x\n## Start\n```sh\nmake a  # one\npip install .\n```\nand\n```sh\nmake b\n```\n## End\n```sh\nmake c\n```\n"
    assert readme.commands(text) == ["make a", "make b"]
    own = readme.README.read_text("utf-8")
    assert readme.commands(own) == ["make doctor", "make test"]
    assert set(readme.packages(own)) == {"make", "python3-venv"}
    with pytest.raises(SystemExit, match="names no packages"):
        readme.packages(text)


def test_what_compilers_must_make_possible_is_known_to_the_tests() -> None:
    assert set(REQUIRED) <= set(needs.NEEDS)


LISTED = """\
:env:.cert='/etc/ssl/own.pem'
:env:.find-links='/srv/wheels /srv/more'
global.cert='/etc/ssl/other.pem'
global.cache-dir='/var/cache/pip'
global.index-url='https://user:it%27s@index.example/simple'
install.find-links='/not/this'
install.trusted-host="index.example"
"""


def test_pips_settings_are_taken_over() -> None:
    made = host.pip_settings(LISTED)
    assert made == {
        "global": {
            "cert": "/etc/ssl/own.pem",
            "find-links": "/srv/wheels /srv/more",
            "index-url": "https://user:it%27s@index.example/simple",
        },
        "install": {"trusted-host": "index.example"},
    }
    assert "find-links" not in host.pip_settings(LISTED, local=False)["global"]
    assert host.pip_settings("") == {"global": {}}


def test_pip_reads_the_settings_back(tmp_path: Path) -> None:
    text = host.pip_file(host.pip_settings(LISTED))
    (tmp_path / "pip.conf").write_text(text)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(
        command,
        env={**env, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")},
        capture_output=True,
        text=True,
        check=True,
    )
    read, given = host.pip_settings(done.stdout), host.pip_settings(LISTED)
    assert given["global"].items() <= read["global"].items()  # beside what this machine says
    assert given["install"].items() <= read["install"].items()


def test_local_paths(tmp_path: Path) -> None:
    index = tmp_path / "index" / "simple"
    index.mkdir(parents=True)
    blank = tmp_path / "a b"
    blank.mkdir()
    text = f"https://x.example/simple file://{index} file://localhost{tmp_path}/a%20b /no/such relative"
    assert host.local_paths([text]) == sorted([tmp_path / "index", blank])
    assert host.local_paths([str(blank), f"{tmp_path} {index}"]) == [
        tmp_path
    ]  # the rest lies in it


CLOSING = [
    ("12 passed, 3 skipped in 2.50s (0:00:02)", True),
    ("1 failed, 11 passed in 2.5s", True),
    ("===== 3 errors in 0.1s =====", True),
    ("2 errors\n", False),
    ("installed 3 packages in 2s", False),
]


@pytest.mark.parametrize(("text", "is_one"), CLOSING)
def test_pytests_last_line(text: str, is_one: bool) -> None:
    assert measure.closing_lines(f"before\n{text}\nafter\n") == [text.strip("= ")] * is_one


def test_what_was_not_run() -> None:
    line = "not run because of missing: g++ 37 tests (Debian: g++)"
    assert measure.wanting(f"x\n\x1b[33m{line}\x1b[0m\n{line}\n") == [line]
    assert measure.wanting("12 passed in 1s\n") == []


def test_what_pip_took(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(bytes(3_000_000))
    lines = [
        "  Downloading x-1.whl (600 kB)",
        "     ━━━━ 600/600 kB 3.1 MB/s eta 0:00:00",
        "Downloading https://index.example/torch.whl (1.2 GB)",
        f"Processing {wheel}",
        "Processing /home/somebody/gpufix",
        "  Using cached y-1.whl (90 MB)",
    ]
    assert measure.downloads("\n".join(lines)) == 1204
    assert measure.downloads("") == 0


def test_elsewhere_it_says_why_and_ends_well(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, FRESH, "--state", tmp_path / "state"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert re.fullmatch("fresh: skipped: (only root|not installed|clean roots).*\n", done.stdout)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("tiny") / "root")


@enter
def test_a_command_sees_its_own_machine(tiny: Path, tmp_path: Path) -> None:
    shared, odd = tmp_path / "shared folder", tiny / "home/somebody/ä ö"
    shared.mkdir()
    (shared / "wheel").touch()
    odd.mkdir(exist_ok=True)
    box, log = Sandbox(tiny, [shared]), tmp_path / "log"
    before = Path("/proc/self/mountinfo").read_text()
    script = (
        f"id -u; env; ls /proc; ls '{shared}'; touch '{shared}/new'; ls -d /dev/pts/ptmx; exit 7"
    )
    code = box.run(script, log, {"LANG": "C", "A": "c d"}, "/home/somebody/ä ö", user=1000)
    assert code == 7
    said = log.read_text().split("\n")[1:]
    assert said[0] == "1000"
    assert {"LANG=C", "A=c d", "PWD=/home/somebody/ä ö", "wheel", "/dev/pts/ptmx"} < set(said)
    assert not any(line.startswith("HOME=") for line in said)
    assert len([line for line in said if line.isdigit()]) < 8  # 1000, and its processes alone
    assert any("Read-only file system" in line or "read-only" in line.lower() for line in said)
    assert [path.name for path in shared.iterdir()] == ["wheel"]
    assert Path("/proc/self/mountinfo").read_text() == before
    assert box.run("sleep 100", log, {}, timeout=0.5) == 124


def processes_in(folder: Path) -> list[str]:
    """Processes that have a root below the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/root"):
        try:
            inside = entry.readlink().is_relative_to(folder)
        except OSError:
            continue
        if inside:
            found.append(entry.parent.name)
    return found


def wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


class Sweep:
    """A sweep of two rows from tarballs, whose Debian is the tiny root."""

    ROWS = ("bookworm-user", "forky-root")

    def __init__(self, folder: Path, root: Path) -> None:
        self.state = folder / "state"
        self.bin = make_debootstrap(folder / "bin", root)
        self.command = [sys.executable, str(FRESH), "--state", str(self.state)]
        self.command += ["--mirror", "http://debian.example", "--only", *self.ROWS]
        self.env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        command = [*self.command, *more]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command, env=self.env, stdout=subprocess.PIPE, text=True)

    def log(self, name: str) -> str:
        return (self.state / "logs" / f"{name}.log").read_text()

    def root(self, name: str) -> Path:
        return self.state / "root" / name


@pytest.fixture
def slow(tiny: Path) -> Iterator[Path]:
    """While this file is there, `make test` takes its time."""
    yield tiny / "slow"
    for name in ("slow", "red"):
        (tiny / name).unlink(missing_ok=True)


@pytest.mark.slow
@enter
def test_a_sweep_is_green_recorded_and_not_repeated(tiny: Path, tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, tiny)
    done = sweep.run()
    assert done.returncode == 0, done.stdout + done.stderr
    calls = (sweep.bin / "calls").read_text().splitlines()
    assert [call.split()[1] for call in calls] == ["bookworm", "forky"]
    assert all("http://debian.example" in call for call in calls)
    odd = "in /home/somebody/Grüße aus Köln/gpu fix as 1000, LANG=C TORCH="
    assert sweep.log("bookworm-user").splitlines()[:4:2] == ["$ make doctor", "$ make test"]
    assert odd in sweep.log("bookworm-user").splitlines()
    assert "in /root/gpufix as 0, LANG=C TORCH=" in sweep.log("forky-root").splitlines()
    result = json.loads((sweep.state / "results" / "forky-root.json").read_text())
    assert result["closing"] == ["12 passed, 3 skipped in 2.50s (0:00:02)"]
    assert result["wanting"] == ["not run because of missing: g++ 3 tests (Debian: g++)"]
    assert result["disk_mb"] > 1
    summary = (sweep.state / "summary.md").read_text()
    assert summary.count("| green |") == 2
    assert list((sweep.state / "root").iterdir()) == []

    again = sweep.run()
    assert again.returncode == 0
    assert (sweep.bin / "calls").read_text().splitlines() == calls
    assert "…" not in again.stdout  # no row was begun
    assert again.stdout.count("| green |") == 2
    short = sweep.run("--doctor", "--only", "bookworm-user")
    assert "bookworm-user: green; make doctor 0 s\n" in short.stdout
    assert "bookworm-user …" in sweep.run("--again", "--only", "bookworm-user").stdout


@enter
@pytest.mark.slow
def test_a_red_row_keeps_none_of_the_others_away(slow: Path, tiny: Path, tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, tiny)
    (tiny / "red").touch()
    done = sweep.run("--only", "bookworm-user")
    (tiny / "red").unlink()
    assert done.returncode == 1
    assert "bookworm-user: RED; 'make test' ended with 2; make doctor" in done.stdout
    assert "    1 failed, 11 passed in 2.5s\n" in done.stdout
    assert (tmp_path / "state" / "roots").is_dir()
    subprocess.run(["rm", "-r", tmp_path / "state" / "roots"], check=True)
    after = sweep.run()  # what was red is tried again
    assert after.returncode == 0, after.stdout
    assert "bookworm-user …" in after.stdout


@enter
@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_however_it_ends_nothing_stays(
    ending: signal.Signals, slow: Path, tiny: Path, tmp_path: Path
) -> None:
    sweep = Sweep(tmp_path, tiny)
    before = Path("/proc/self/mountinfo").read_text()
    slow.touch()
    process = sweep.start()
    inside = sweep.root("bookworm-user") / "home/somebody/Grüße aus Köln/gpu fix"
    wait_for((inside / "started").exists)
    assert processes_in(tmp_path)
    other = sweep.run()
    assert (other.returncode, "another run is using" in other.stdout) == (1, True)
    process.send_signal(ending)
    if ending == signal.SIGTERM:  # as timeout does it: to the process, and to its group
        time.sleep(0.01)
        process.send_signal(ending)
    said, _ = process.communicate(timeout=30)
    wait_for(lambda: not processes_in(tmp_path))
    assert Path("/proc/self/mountinfo").read_text() == before
    if ending != signal.SIGKILL:
        assert process.returncode == 130
        assert "the same command goes on" in said
    # Killed, it could not tidy up; the next run does.
    assert sweep.root("bookworm-user").exists() == (ending == signal.SIGKILL)
    slow.unlink()
    subprocess.run(["rm", "-r", tmp_path / "state" / "roots"], check=True)
    assert sweep.run("--only", "forky-root").returncode == 0
    assert not sweep.root("bookworm-user").exists()


def test_what_a_row_is() -> None:
    row = Row("forky", user=True, compilers=True, suffix="no-venv", lacks="python3-venv")
    assert row.name == "forky-user-compilers-no-venv"
    assert row.packages(("make", "python3-venv")) == ("python3", "make")
    assert [Row("x", u, True, ci=c).furnished for u in (False, True) for c in (False, True)] == [
        True,
        False,
        True,
        True,
    ]
