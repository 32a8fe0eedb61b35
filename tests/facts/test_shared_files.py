"""Files that two distributions record: whose bytes are there, and what a removal took along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import distributions
from gpufix.model import Distribution, SharedFile

NCCL = "nvidia/nccl/lib/libnccl.so.2"
INIT = "nvidia/__init__.py"


def collect(ctx: CollectContext, site: Site) -> tuple[dict[str, Distribution], list[SharedFile]]:
    dists, shared = distributions.collect(ctx, site.python())
    assert ctx.gaps == []
    return {dist.name: dist for dist in dists}, shared


def test_equal_files_are_nothing(ctx: CollectContext, site: Site) -> None:
    site.install("nvidia-nccl-cu12", files={INIT: b"", NCCL: b"twelve"})
    site.install("nvidia-cublas-cu12", files={INIT: b"", "nvidia/cublas/lib/libcublas.so": b"x"})
    assert collect(ctx, site)[1] == []


def test_two_versions_of_one_distribution_are_no_shared_files(
    ctx: CollectContext, site: Site
) -> None:
    site.install("pkg", "1.0", {"pkg/a.py": b"one"})
    site.install("pkg", "2.0", {"pkg/a.py": b"two"})
    assert collect(ctx, site)[1] == []


@pytest.mark.parametrize("first", [b"eleven", b"eleven!"], ids=["size-differs", "size-equal"])
def test_the_last_installed_holds_the_file(ctx: CollectContext, site: Site, first: bytes) -> None:
    site.install("nvidia-nccl-cu11", files={INIT: b"", NCCL: first})
    site.install("nvidia-nccl-cu12", files={INIT: b"", NCCL: b"twelve!"})
    dists, shared = collect(ctx, site)
    owners = ["nvidia-nccl-cu11", "nvidia-nccl-cu12"]
    assert shared == [SharedFile(path=NCCL, owners=owners, differ=True, holder=owners[1])]
    record = dists["nvidia-nccl-cu11"].record
    assert record is not None
    assert record.altered == ([] if len(first) == 7 else [NCCL])


def test_a_gone_file_names_all_who_record_it(ctx: CollectContext, site: Site) -> None:
    for name in ("one", "two"):
        site.install(name, files={"shared/same.py": b"same", "shared/other.py": name.encode()})
    for file in ("same.py", "other.py"):
        (site.folder / "shared" / file).unlink()
    found = {file.path: (file.differ, file.holder) for file in collect(ctx, site)[1]}
    assert found == {"shared/same.py": (False, "missing"), "shared/other.py": (True, "missing")}


def test_uninstalling_one_leaves_the_other_without_its_file(
    ctx: CollectContext, site: Site
) -> None:
    old = site.install("nvidia-nccl-cu11", files={INIT: b"", NCCL: b"eleven"})
    site.install("nvidia-nccl-cu12", files={INIT: b"", NCCL: b"twelve"})
    shutil.rmtree(old)
    (site.folder / NCCL).unlink()
    dists, shared = collect(ctx, site)
    assert shared == []
    record = dists["nvidia-nccl-cu12"].record
    assert record is not None and record.missing == [NCCL]


def test_bytes_of_nobody(ctx: CollectContext, site: Site) -> None:
    site.install("one", files={"top.py": b"one"})
    site.install("two", files={"top.py": b"two"})
    (site.folder / "top.py").write_bytes(b"xxx")
    assert [file.holder for file in collect(ctx, site)[1]] == [None]


def test_scripts_outside_the_site_folder_are_shared_too(ctx: CollectContext, site: Site) -> None:
    script = "../../../bin/tool"
    site.install("one", files={script: b"one"})
    site.install("two", files={script: b"two!"})
    assert Path(site.prefix, "bin/tool").exists()
    assert [(file.path, file.holder) for file in collect(ctx, site)[1]] == [(script, "two")]


def test_a_package_hides_a_module_of_another(ctx: CollectContext, site: Site) -> None:
    site.install("nvidia-ml-py", files={"pynvml.py": b"new"})
    site.install("pynvml", files={"pynvml/__init__.py": b"old"})
    owners, package = ["nvidia-ml-py", "pynvml"], "pynvml/__init__.py"
    hidden = SharedFile(
        path="pynvml.py", owners=owners, differ=True, holder="pynvml", behind=package
    )
    assert collect(ctx, site)[1] == [hidden]


@pytest.mark.parametrize(
    "beside",
    [{"six/a.py": b""}, {"sixth/__init__.py": b""}],
    ids=["a namespace, which Python takes last", "another name"],
)
def test_a_module_that_nothing_hides(
    ctx: CollectContext, site: Site, beside: dict[str, bytes]
) -> None:
    site.install("six", files={"six.py": b""})
    site.install("other", files=beside)
    assert collect(ctx, site)[1] == []


def test_a_module_beside_a_package_of_its_own(ctx: CollectContext, site: Site) -> None:
    site.install("six", files={"six.py": b"", "six/__init__.py": b""})
    assert collect(ctx, site)[1] == []


def test_bytes_that_are_none_of_the_one_are_the_mute_ones(ctx: CollectContext, site: Site) -> None:
    site.install("pillow", files={"PIL/_imaging.so": b"new"})
    site.install("pillow-simd", files={"PIL/_imaging.so": b"older"})
    record = next(site.folder.glob("pillow_simd-*/RECORD"))
    record.write_text("PIL/_imaging.so,,\n")
    [shared] = collect(ctx, site)[1]
    assert (shared.differ, shared.holder) == (True, "pillow-simd")
