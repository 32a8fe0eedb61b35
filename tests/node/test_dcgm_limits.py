"""DCGM's published limits, one below, at and above: what its health watches say is what the rules say.

NVIDIA/DCGM v4.6.0 (72fa3fe), modules/health/DcgmHealthWatch.cpp; each row names the function.
"""

from __future__ import annotations

from typing import Any

import pytest
from scenarios import machine, n

from gpufix.checks.judge import Selection
from gpufix.diagnosis.node import judge_node, node_rules
from gpufix.model import KernelLog

ERROR, WARNING, WELL = "error", "warning", None
SINCE = 60.0  # seconds: its counters are compared within a minute

# What is otherwise, DCGM's result, the rule that must say the same.
LIMITS: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("MonitorMemVolatileDbes", {"ecc_uncorrected": 0}, WELL, "NOD1111"),
    ("MonitorMemVolatileDbes", {"ecc_uncorrected": 1}, ERROR, "NOD1111"),
    ("MonitorMemRetiredPending", {"retired_pending": True}, WARNING, "NOD1110"),
    ("MonitorMemSbeDbeRetiredPages", {"retired_single": 63}, ERROR, "NOD1109"),
    ("MonitorMemSbeDbeRetiredPages", {"retired_single": 40, "retired_double": 23}, ERROR, "NOD1109"),
    ("MonitorMemRowRemapFailures", {"remap_failure": True}, ERROR, "NOD1106"),
    ("MonitorMemRowRemapUncorrectable", {"remapped": 511}, WELL, "NOD1108"),
    ("MonitorMemRowRemapUncorrectable", {"remapped": 512}, WARNING, "NOD1108"),
    ("MonitorMemUnrepairableFlag", {"unrepairable": True}, ERROR, "NOD1115"),
    ("MonitorGpuRecoveryAction", {"recovery_action": 0}, WELL, "NOD1105"),
    ("MonitorGpuRecoveryAction", {"recovery_action": 1}, ERROR, "NOD1105"),
    ("MonitorGpuRecoveryAction", {"recovery_action": 2}, ERROR, "NOD1105"),
    ("MonitorGpuRecoveryAction", {"recovery_action": 3}, WARNING, "NOD1105"),
    ("MonitorGpuRecoveryAction", {"recovery_action": 4}, ERROR, "NOD1105"),
    ("MonitorFabricFields", {"fabric_state": 0}, WELL, "NOD1124"),
    ("MonitorFabricFields", {"fabric_state": 1}, ERROR, "NOD1124"),
    ("MonitorFabricFields", {"fabric_state": 2}, WARNING, "NOD1124"),
    ("MonitorFabricFields", {"fabric_state": 3}, WELL, "NOD1124"),
    ("MonitorFabricFields", {"fabric_state": 3, "fabric_status": 999}, ERROR, "NOD1124"),
    ("MonitorFabricFields", {"fabric_health": 0x19A}, ERROR, "NOD1127"),
    ("MonitorFabricFields", {"fabric_health": 0x5AA}, ERROR, "NOD1127"),
    ("MonitorFabricFields", {"fabric_health": 0x1AA}, WELL, "NOD1127"),
    ("MonitorFabricFields", {"fabric_health": 0x0AA}, WELL, "NOD1127"),
    ("MonitorPower", {"power": None, "unread": {"power": "Unknown Error"}}, WARNING, "NOD1132"),
    ("MonitorPower", {"power": None, "unsupported": [*n.PAGES, "power"]}, WELL, "NOD1132"),
    ("MonitorNVLink4Fields", {"risen": {"nvlink_replays": 1}}, ERROR, "NOD1123"),
    ("MonitorNVLink4Fields", {"risen": {"nvlink_recoveries": 1}}, ERROR, "NOD1123"),
    ("MonitorNVLink4Fields", {"risen": {"nvlink_crc": 1}}, WARNING, "NOD1123"),
    ("MonitorNVLink4Fields", {"risen": {"nvlink_crc": 5_999}}, WARNING, "NOD1123"),
    ("MonitorNVLink4Fields", {"risen": {"nvlink_crc": 6_000}}, ERROR, "NOD1123"),
    ("MonitorPcie", {"risen": {"pcie_replays": 31}}, WELL, "NOD1121"),
    ("MonitorPcie", {"risen": {"pcie_replays": 32}}, WARNING, "NOD1121"),
    ("MonitorPcie", {"risen": {"pcie_replays": 8}, "pcie_generation_max": 3}, WELL, "NOD1121"),
    ("MonitorPcie", {"risen": {"pcie_replays": 9}, "pcie_generation_max": 3}, WARNING, "NOD1121"),
]  # fmt: skip
RULES = node_rules(Selection())
# Those that it watches always ("devastating"), and an application's, which it does not.
XIDS = {
    48: True,
    74: True,
    79: True,
    95: True,
    119: True,
    120: True,
    140: True,
    13: False,
    45: False,
}


def severity(facts: Any, code: str) -> str | None:
    found = [f for f in judge_node(facts, RULES).findings if f.code == code]
    return max(found, key=lambda f: f.severity.rank).severity.value if found else None


@pytest.mark.parametrize(
    ("function", "changes", "result", "code"), LIMITS, ids=[f"{c}-{d}" for _, d, _, c in LIMITS]
)
def test_a_limit_is_dcgms(
    function: str, changes: dict[str, Any], result: str | None, code: str
) -> None:
    make = n.volta if any(name.startswith("retired") for name in changes) else n.gpu
    still = {"pcie_replays": 0, "nvlink_crc": 0, "nvlink_replays": 0, "nvlink_recoveries": 0}
    given = {**changes, "risen": {**still, **changes.get("risen", {})}}
    assert severity(machine([make(0, **given)], look=SINCE), code) == result, function


@pytest.mark.parametrize("number", XIDS)
def test_an_xid_that_dcgm_watches_always_is_a_warning(number: int) -> None:
    facts = machine(log=KernelLog(events=[n.xid(number)]))
    assert (severity(facts, "NOD1134") == "warning") is XIDS[number]


def test_trap_links_of_a_gpu_in_mig_mode_are_not_down() -> None:
    links = {"nvlinks": [False] * 18, "mig_current": True, "mig_pending": True, "mig_instances": 1}
    assert severity(machine([n.gpu(0), n.gpu(1, **links)]), "NOD1122") is None
    assert severity(machine([n.gpu(0), n.gpu(1, nvlinks=[False] * 18)]), "NOD1122") == "warning"
