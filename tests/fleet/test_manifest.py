"""Kubernetes manifests: what is printed is what the API takes, and its script is what a pod runs."""

from __future__ import annotations

import base64
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gpufix.fleet.inputs import read_all
from gpufix.fleet.manifest import BadManifest, Request, render
from gpufix.fleet.pack import zipapp

SCHEMA = json.loads((Path(__file__).parent / "kubernetes.json").read_text())
JOB = Request(
    "job", "registry.example/train:1@sha256:abc", nodes=8, python="/opt/env", gpus=8,
    selector=("pool=gpu",), namespace="ml",
)  # fmt: skip
SET = Request("daemonset", "train:1", own=True)


@cache
def documents(request: Request) -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Python's own takes seconds
    return [document for document in yaml.load_all(render(request), loader) if document]


@pytest.mark.parametrize("request_", [JOB, SET], ids=["job", "daemonset"])
def test_the_api_takes_it(request_: Request) -> None:
    for document in documents(request_):
        jsonschema.validate(document, {**SCHEMA, "$ref": f"#/definitions/{document['kind']}"})


def test_gpufix_comes_along_in_parts() -> None:
    maps = [d for d in documents(JOB) if d["kind"] == "ConfigMap"]
    parts = [base64.b64decode(data) for d in maps for data in d["binaryData"].values()]
    assert b"".join(parts) == zipapp()
    assert all(len(part) < 1 << 20 for part in parts)
    names = [
        s["configMap"]["name"]
        for s in documents(JOB)[-1]["spec"]["template"]["spec"]["volumes"][0]["projected"][
            "sources"
        ]
    ]
    assert names == [d["metadata"]["name"] for d in maps]
    assert {d["metadata"]["namespace"] for d in documents(JOB)} == {"ml"}


def test_one_pod_a_node() -> None:
    job = documents(JOB)[-1]["spec"]
    pod = job["template"]["spec"]
    assert (job["completions"], job["parallelism"], job["completionMode"]) == (8, 8, "Indexed")
    rule = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
    assert rule["labelSelector"]["matchLabels"] == job["template"]["metadata"]["labels"]
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": 8}


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ('test "$1" = --version && exit; echo looked >&2; exit 3', "the look ended with 97"),
        (None, "the look ended with 97"),
    ],
)
def test_a_pod_never_fails_and_its_log_says_why(own: str | None, line: str, tmp_path: Path) -> None:
    if own:
        (tmp_path / "gpufix").write_text(f"#!/bin/sh\n{own}\n")
        (tmp_path / "gpufix").chmod(0o755)
    container = documents(Request("job", "train:1", own=True))[-1]["spec"]["template"]["spec"][
        "containers"
    ][0]
    done = subprocess.run(
        [*container["command"], *container["args"]], capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "NODE_NAME": "gke-1"},
    )  # fmt: skip
    log = tmp_path / "log.txt"
    log.write_text(
        "".join(f"[pod/gpufix-fleet-0-x/gpufix] {one}\n" for one in done.stdout.splitlines())
    )
    assert done.returncode == 0
    assert [(r.node, r.problem) for r in read_all([str(log)])] == [("gke-1", line)]


@pytest.mark.parametrize(
    "change",
    [
        {"image": "a b"}, {"image": ""}, {"name": "Upper"}, {"namespace": "a/b"},
        {"selector": ("nolabel",)},
    ],
)  # fmt: skip
def test_what_kubernetes_would_refuse(change: dict[str, Any]) -> None:
    with pytest.raises(BadManifest):
        render(Request(**{"kind": "job", "image": "train:1", **change}))
