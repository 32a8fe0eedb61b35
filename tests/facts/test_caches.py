"""JIT caches and their locks. A lock that a running build holds is never called stale."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_site import Site
from machine import write

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import caches
from gpufix.model import CacheEntry, Torch

KEY = "py311_cu128"


@pytest.fixture
def live(ctx: CollectContext) -> CollectContext:
    """The real /proc: holders are real processes."""
    ctx.root = Path("/")
    return ctx


def cache(ctx: CollectContext, entry: str = f"{KEY}/my_ext") -> Path:
    folder = ctx.home / ".cache/torch_extensions" / entry
    folder.mkdir(parents=True)
    return folder


def only(ctx: CollectContext) -> CacheEntry:
    (entry,) = caches.collect(ctx, None, None)
    return entry


def test_no_cache(live: CollectContext):
    assert caches.collect(live, None, None) == []
    assert live.gaps == []


def test_an_entry_without_lock(live: CollectContext):
    folder = cache(live)
    write(folder, "my_ext.so")
    write(folder, "main.o")
    entry = only(live)
    assert (entry.cache, entry.name, entry.key) == ("torch_extensions", "my_ext", KEY)
    assert entry.libraries == [str(folder / "my_ext.so")]
    assert (entry.lock, entry.lock_age, entry.lock_holders) == (None, None, [])


ALL = pytest.mark.needs("all of the machine's processes")


@ALL
def test_a_stale_lock(live: CollectContext):
    lock = write(cache(live), "lock")
    os.utime(lock, (1, 1))
    entry = only(live)
    assert entry.lock == str(lock)
    assert entry.lock_age is not None and entry.lock_age > 1e9
    assert (entry.lock_judged, entry.lock_holders) == (True, [])


@pytest.fixture
def process() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


HOLDERS = {
    # torch's FileBaton: os.open(path, O_CREAT | O_EXCL), kept until release
    "holds it open": "import os; os.open({lock!r}, os.O_CREAT | os.O_EXCL)",
    "stands in the folder": "import os; open({lock!r}, 'w').close(); os.chdir({folder!r})",
    "builds there": "open({lock!r}, 'w').close()  # nvcc -o {folder}/main.o",
}


@ALL
@pytest.mark.parametrize("code", HOLDERS.values(), ids=HOLDERS)
def test_a_living_build(live: CollectContext, process: list[subprocess.Popen[bytes]], code: str):
    folder = cache(live)
    script = code.format(lock=str(folder / "lock"), folder=str(folder))
    script = script.split("#")[0] + "\nprint(flush=True); input()\n#" + script.partition("#")[2]
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.append(child)
    assert child.stdout is not None
    child.stdout.readline()
    assert only(live).lock_holders == [child.pid]
    child.kill()
    child.wait()
    entry = only(live)
    assert (entry.lock_judged, entry.lock_holders) == (True, [])


@ALL
def test_through_a_link_to_another_disk(live: CollectContext, tmp_path: Path, process):
    (tmp_path / "disk/py311_cu128/my_ext").mkdir(parents=True)
    (live.home / ".cache").mkdir()
    (live.home / ".cache/torch_extensions").symlink_to(tmp_path / "disk")
    write(tmp_path, "disk/py311_cu128/my_ext/lock")
    child = subprocess.Popen(
        ["sleep", "60"], cwd=tmp_path / "disk/py311_cu128/my_ext", stdout=subprocess.PIPE
    )
    process.append(child)
    assert only(live).lock_holders == [child.pid]


def test_without_a_process_list_nothing_is_judged(ctx: CollectContext):
    write(cache(ctx), "lock")
    assert only(ctx).lock_judged is False


MOUNTS = "21 1 8:1 / / rw - {root} /dev/sda1 rw\n25 21 0:9 / {home} rw - {kind} server:/home rw\n"


@pytest.mark.parametrize(
    ("kind", "namespace", "judged"),
    [
        ("ext4", "pid:[4026531836]", True),
        ("nfs4", "pid:[4026531836]", False),  # a build on another machine
        ("fuse.sshfs", "pid:[4026531836]", False),
        ("ext4", "pid:[4026532999]", False),  # a volume that other containers may share
    ],
)
def test_what_can_be_judged(ctx: CollectContext, kind: str, namespace: str, judged: bool):
    write(cache(ctx), "lock")
    home = str(ctx.home).replace(" ", "\\040")
    write(ctx.root, "/proc/self/mountinfo", MOUNTS.format(root="ext4", home=home, kind=kind))
    write(ctx.root, "/proc/1/cmdline", "init\0")
    ctx.at("/proc/1/fd").mkdir()
    ctx.at("/proc/1/cwd").symlink_to("/")
    ctx.at("/proc/self/ns").mkdir()
    ctx.at("/proc/self/ns/pid").symlink_to(namespace)
    assert only(ctx).lock_judged is judged


def test_inside_a_container_its_own_root_is_judged(ctx: CollectContext):
    write(cache(ctx), "lock")
    write(ctx.root, "/proc/self/mountinfo", "21 1 0:40 / / rw - overlay overlay rw\n")
    write(ctx.root, "/proc/1/cmdline", "init\0")
    ctx.at("/proc/1/fd").mkdir()
    ctx.at("/proc/1/cwd").symlink_to("/")
    ctx.at("/proc/self/ns").mkdir()
    ctx.at("/proc/self/ns/pid").symlink_to("pid:[4026532999]")
    assert only(ctx).lock_judged is True


def test_a_lock_one_level_down(live: CollectContext):
    """StyleGAN's custom_ops keeps one build folder for each hash of the sources."""
    folder = cache(live, f"{KEY}/bias_act_plugin")
    lock = write(folder, "3f1e-nvidia-h200/lock")
    assert only(live).lock == str(lock)


def torch(release: str, **build: str) -> Torch:
    return Torch(state="ok", location="/x", version=release, release=release, **build)


@pytest.mark.parametrize(
    ("key", "tag", "build", "own"),
    [
        ("py311_cu128", "cp311", torch("2.7.1", cuda="12.8"), True),
        ("py310_cu128", "cp311", torch("2.7.1", cuda="12.8"), False),
        ("py311_cu118", "cp311", torch("2.7.1", cuda="12.8"), False),
        ("py311_cpu", "cp311", torch("2.13.0"), True),
        ("py313t_cu130", "cp313t", torch("2.9.0", cuda="13.0"), True),
        ("py313_cu124", "cp313t", torch("2.5.1", cuda="12.4"), True),
        ("py312_cpu", "cp312", torch("2.9.1", hip="6.4.43484"), True),
        ("py312_rocm7151802", "cp312", torch("2.11.0", hip="7.1.51802"), True),
        ("py312_cpu", "cp312", torch("2.11.0", hip="7.1.51802"), False),
        (None, "cp311", torch("2.7.1", cuda="12.8"), False),
        ("py311_cu128", "cp311", None, None),
    ],
)
def test_whose_entry_it_is(site: Site, key: str | None, tag: str, build, own: bool | None):
    assert caches.is_own(key, True, site.python(tag=tag), build) is own


def test_torch_extensions_dir_has_no_keys(live: CollectContext, tmp_path: Path):
    write(tmp_path, "elsewhere/my_ext/lock")
    live.environ = {**live.environ, "TORCH_EXTENSIONS_DIR": str(tmp_path / "elsewhere")}
    entry = only(live)
    assert (entry.key, entry.own, entry.name) == (None, True, "my_ext")


def test_xdg_cache_home(live: CollectContext, tmp_path: Path):
    write(tmp_path, "xdg/torch_extensions/py39_cpu/e/e.so")
    live.environ = {**live.environ, "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert (only(live).key, only(live).name) == ("py39_cpu", "e")


def test_links_are_not_followed(live: CollectContext, tmp_path: Path):
    (tmp_path / "far/deep").mkdir(parents=True)
    folder = cache(live)
    (folder.parent / "link").symlink_to(tmp_path / "far")
    assert [e.name for e in caches.collect(live, None, None)] == ["my_ext"]
