"""What Kubernetes is given: gpufix in ConfigMaps, and a Job or DaemonSet that looks at every node."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from gpufix.fleet.launch import Look, work
from gpufix.fleet.pack import zipapp
from gpufix.frozen import Frozen

_PART = 900_000  # bytes of one ConfigMap, which may have 1 MiB
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,50}[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./]{0,300}=[-A-Za-z0-9_.]{0,63}")
_TAINTS = ("nvidia.com/gpu", "amd.com/gpu", "gpufix.dev/odd")
_AT = "/gpufix"


class Request(Frozen):
    """What was asked for. `selector`: "KEY=VALUE". `own`: the image has gpufix itself."""

    kind: Literal["job", "daemonset"]
    image: str
    nodes: int = 1
    name: str = "gpufix-fleet"
    namespace: str | None = None
    python: str | None = None
    gpus: int = 0
    selector: tuple[str, ...] = ()
    seconds: int = 600
    own: bool = False


class BadManifest(ValueError):
    """Something that Kubernetes would refuse."""


def render(request: Request) -> str:
    """The manifest as YAML: `kubectl create -f -` takes it."""
    _check(request)
    told = [f"# {line}\n" for line in _about(request)]
    documents = [*_config_maps(request), _workload(request)]
    return "".join([*told, *("---\n" + _yaml(document) for document in documents)])


def _check(request: Request) -> None:
    for name in (request.name, request.namespace):
        if name is not None and not _NAME.fullmatch(name):
            raise BadManifest(f"{name!r}: expected small letters, digits and hyphens, 52 at most")
    for label in request.selector:
        if not _LABEL.fullmatch(label):
            raise BadManifest(f"--node-selector {label!r}: expected KEY=VALUE")
    if not request.image.strip() or any(c.isspace() for c in request.image):
        raise BadManifest(f"--image {request.image!r} names no image")


def _about(request: Request) -> Iterator[str]:
    where = f" -n {request.namespace}" if request.namespace else ""
    yield "What is judged is the environment inside the container, on each node."
    yield f"gpufix fleet manifest … | kubectl create{where} -f -"
    yield (
        f"kubectl logs{where} -l app.kubernetes.io/name={request.name} --prefix --tail=-1 "
        "--max-log-requests=1000 | gpufix fleet report -"
    )


def _parts() -> list[bytes]:
    whole = zipapp()
    return [whole[at : at + _PART] for at in range(0, len(whole), _PART)]


def _config_maps(request: Request) -> Iterator[dict[str, Any]]:
    for number, part in enumerate([] if request.own else _parts()):
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(request, f"{request.name}-{number}"),
            "binaryData": {f"part-{number}": base64.b64encode(part).decode()},
        }


def _metadata(request: Request, name: str) -> dict[str, Any]:
    place = {"namespace": request.namespace} if request.namespace else {}
    return {"name": name, **place, "labels": _labels(request)}


def _labels(request: Request) -> dict[str, str]:
    return {"app.kubernetes.io/name": request.name}


def _workload(request: Request) -> dict[str, Any]:
    labels = _labels(request)
    template = {"metadata": {"labels": labels}, "spec": _pod(request)}
    metadata = _metadata(request, request.name)
    if request.kind == "daemonset":
        spec = {"selector": {"matchLabels": labels}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}
    template["spec"] |= {
        "restartPolicy": "Never",
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"},
        ]}},
    }  # fmt: skip
    job: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": request.nodes,
        "parallelism": request.nodes,
        "backoffLimit": 0,
        "activeDeadlineSeconds": request.seconds,
        "template": template,
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job}


def _pod(request: Request) -> dict[str, Any]:
    """One container, of the image that the training uses; it needs no right beyond that."""
    resources = {"limits": {"nvidia.com/gpu": request.gpus}} if request.gpus else {}
    container: dict[str, Any] = {
        "name": "gpufix",
        "image": request.image,
        "command": ["sh", "-c", _script(request), "gpufix"],
        "args": list(_look(request)),
        "env": [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "GPUFIX_IMAGE", "value": request.image},
        ],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    container |= {"resources": resources} if resources else {}
    pod: dict[str, Any] = {"containers": [container], "automountServiceAccountToken": False}
    if not request.own:
        container["volumeMounts"] = [{"name": "gpufix", "mountPath": _AT, "readOnly": True}]
        names = [f"{request.name}-{number}" for number in range(len(_parts()))]
        sources = [{"configMap": {"name": name}} for name in names]
        pod["volumes"] = [{"name": "gpufix", "projected": {"sources": sources}}]
    if request.selector:
        pod["nodeSelector"] = dict(label.split("=", 1) for label in request.selector)
    pod["tolerations"] = [{"key": key, "operator": "Exists"} for key in _TAINTS]
    return pod


def _look(request: Request) -> tuple[str, ...]:
    look = Look(
        python=request.python,
        source="node" if request.own else "stream",
        seconds=request.seconds,
    )
    return work(look).command


def _script(request: Request) -> str:
    """The look, which never fails the pod; a DaemonSet's then stays, or it would be started again."""
    given = "</dev/null" if request.own else ""
    feed = "" if request.own else f"cat {_AT}/part-* | "
    told = 'echo "gpufix-fleet:0:$NODE_NAME:the look ended with $?"'
    stay = "; exec sleep 2147483647" if request.kind == "daemonset" else ""
    return f'{feed}"$@" {given} || {told}{stay}'


def _yaml(value: Any, depth: int = 0) -> str:
    """Block style; texts and numbers as JSON writes them, which YAML reads as the same."""
    pad = "  " * depth
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{_below(item, depth)}" for key, item in value.items())
    return "".join(f"{pad}-{_item(item, depth)}" for item in value)


def _below(value: Any, depth: int) -> str:
    if isinstance(value, (dict, list)) and value:
        return f"\n{_yaml(value, depth + 1)}"
    return f" {json.dumps(value)}\n"


def _item(value: Any, depth: int) -> str:
    if isinstance(value, (dict, list)) and value:
        return f" {_yaml(value, depth + 1).lstrip()}"
    return f" {json.dumps(value)}\n"
