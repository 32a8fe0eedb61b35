"""What gcm's and Azure's own checks say of 78 nodes, rendered for them, is what the rules say.

tests/node/verdicts.json holds their verdicts: facebookresearch/gcm 1b7bde97, with nvidia-ml-py, dcgmi,
ibstat and dmesg stubbed; Azure/azurehpc-health-checks 0e0a1ac2 and mej/nhc 9c4a38c0, with nvidia-smi,
lspci, sysfs and syslog stubbed. Where the rules say otherwise on purpose, DIFFERENCES says why.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from scenarios import SCENARIOS

from gpufix.checks.judge import Selection
from gpufix.diagnosis.node import judge_node, node_rules
from gpufix.model import Finding

RECORDED = json.loads(Path(__file__).with_name("verdicts.json").read_text("utf-8"))
GONE = ("NOD1104", "NOD1105")  # gcm says of every reading that the GPU is lost
CHECKS: dict[str, tuple[str, ...]] = {
    "gcm gpu_num": ("NOD1103",),
    "gcm gpu_mem_usage": ("NOD1131", *GONE),
    "gcm gpu_retired_pages": ("NOD1109", "NOD1110", *GONE),
    "gcm ecc_uncorrected_volatile_total": ("NOD1111", *GONE),
    "gcm ecc_corrected_volatile_total": ("NOD1113", *GONE),
    "gcm vbios_mismatch": ("NOD1133", *GONE),
    "gcm row_remap": ("NOD1106", "NOD1107", *GONE),
    "gcm row_remap_pending": ("NOD1107", *GONE),
    "gcm row_remap_failed": ("NOD1106", *GONE),
    "gcm gpu_temperature": ("NOD1118", *GONE),
    "gcm dcgmi nvlink_status": ("NOD1122",),
    "gcm ibstat physical_state": ("NET1201",),
    "gcm ibstat state": ("NET1201", "NET1202"),
    "gcm iblink": ("NET1201", "NET1202", "NET1203", "NET1216"),
    "gcm pci": ("NOD1119", "NOD1120"),
    "gcm xid": ("NOD1134",),
    "azure check_gpu_count 8": ("NOD1103", "NOD1104"),
    "azure check_gpu_ecc 20000000 10000": (
        "NOD1104", "NOD1106", "NOD1107", "NOD1108", "NOD1109", "NOD1111", "NOD1113",
    ),
    "azure check_gpu_ecc 20000000 10000, 0/1": (
        "NOD1104", "NOD1106", "NOD1107", "NOD1108", "NOD1109", "NOD1111", "NOD1113",
    ),
    "azure check_gpu_clock_throttling": ("NOD1104", "NOD1116", "NOD1117"),
    "azure check_nvlink_status": ("NOD1104", "NOD1122"),
    "azure check_gpu_xid": ("NOD1134",),
    "azure check_gpu_persistence": ("NOD1104", "NOD1130"),
    "azure check_ib_link_flapping 24 5": ("NET1205",),
    "azure check_nvsmi_healthmon": ("NOD1104",),
    "azure check_hw_ib 400": ("NET1201", "NET1202", "NET1203"),
}  # fmt: skip
VOLTA = [name for name in SCENARIOS if name.startswith("volta")]
AMPERE = [name for name in SCENARIOS if name not in (*VOLTA, "gpu-lost", "reset-required")]
ECC = ("azure check_gpu_ecc 20000000 10000", "azure check_gpu_ecc 20000000 10000, 0/1")
# Why, by which checks, on which nodes.
REASONS: list[tuple[str, tuple[str, ...], list[str]]] = [
    (
        "a reading that a GPU does not have is a warning of gcm's, on every healthy one",
        ("gcm gpu_retired_pages",),
        AMPERE,
    ),
    (
        "the same, for rows on GPUs that have none",
        ("gcm row_remap", "gcm row_remap_pending", "gcm row_remap_failed"),
        VOLTA,
    ),
    (
        "the limits of SRAM and DRAM are Azure's, the limit of all is gcm's: the rules hold both",
        ("gcm ecc_corrected_volatile_total",),
        ["ecc-sram-corrected-10001", "ecc-dram-corrected-20000001"],
    ),
    ("as before", ECC, ["ecc-corrected-50000001"]),
    (
        "trap: Azure holds uncorrected errors of DRAM against 20 million, and a V100's against nothing",
        ECC,
        ["ecc-uncorrected-1", "ecc-uncorrected-7", "volta-uncorrected"],
    ),
    (
        "trap: Azure reads the fourth of three columns, so that remapped rows never reach 512",
        ECC,
        ["remapped-rows-512", "remapped-rows-513"],
    ),
    (
        "trap: nvidia-smi 580 prints Yes and No, which Azure's code compares as the number 0",
        ECC[:1],
        ["row-remap-pending", "row-remap-failed"],
    ),
    (
        "Azure alarms on a V100's table at 62 pages with a further one pending; gcm's and DCGM's limits "
        "are held here",
        ECC,
        ["volta-single-11", "volta-double-11", "volta-pages-62", "volta-pages-63"],
    ),
    (
        "trap: a GPU at rest lowers its PCIe generation; here that is a gap",
        ("gcm pci",),
        ["pcie-generation-1-at-rest"],
    ),
    (
        "trap: whole masks: application clocks, and idle with a power cap, are well",
        ("azure check_gpu_clock_throttling",),
        ["clock-events-0x2", "clock-events-0x5"],
    ),
    (
        "Azure turns persistence on and passes; here it is advice",
        ("azure check_gpu_persistence",),
        ["persistence-off"],
    ),
    (
        "a port that somebody disabled is no fault; gcm and Azure know which ports should be up",
        ("gcm ibstat physical_state", "gcm ibstat state", "gcm iblink", "azure check_hw_ib 400"),
        ["port-disabled"],
    ),
    (
        "gcm and Azure are given the rate; here ports are compared with each other, and nodes with nodes",
        ("gcm iblink", "azure check_hw_ib 400"),
        ["ports-all-slow"],
    ),
    (
        "NVIDIA's first action decides here: a program is restarted (8, 94), a GPU reset (109)",
        ("gcm xid",),
        ["xid-8", "xid-94", "xid-109"],
    ),
    (
        "the same: nothing is done or a program restarted (63, 68, 92), a GPU reset (95, 109, 140)",
        ("azure check_gpu_xid",),
        ["xid-63", "xid-68", "xid-92", "xid-95", "xid-109", "xid-140"],
    ),
]
DIFFERENCES = {(name, check) for _, checks, names in REASONS for check in checks for name in names}


@cache
def findings(name: str) -> list[Finding]:
    return judge_node(SCENARIOS[name], node_rules(Selection())).findings


def alarm(name: str, check: str) -> str | None:
    """What the rules say, in the words of the check."""
    found = [finding for finding in findings(name) if finding.code in CHECKS[check]]
    if not found:
        return None
    worst = max(found, key=lambda f: f.severity.rank).severity.value
    return worst if check in ("gcm xid", "azure check_gpu_xid") else "alarm"


def theirs(check: str, verdict: str) -> str | None:
    if verdict in ("OK", "pass"):
        return None
    if check == "gcm xid":
        return {"CRITICAL": "warning", "WARN": "advice"}[verdict]
    return "warning" if check == "azure check_gpu_xid" else "alarm"


def pairs() -> list[tuple[str, str, str]]:
    return [
        (name, f"{tool} {check}", verdict)
        for name, tools in RECORDED.items()
        for tool, checks in tools.items()
        for check, verdict in checks.items()
    ]


def test_every_scenario_was_recorded() -> None:
    assert RECORDED.keys() == SCENARIOS.keys()
    assert len(SCENARIOS) >= 40
    assert {check for _, check, _ in pairs()} == CHECKS.keys()


def test_most_verdicts_are_equal() -> None:
    """Of about 2,000 verdicts; without those on readings that a GPU does not have, nearly all."""
    unequal = DIFFERENCES & {(name, check) for name, check, _ in pairs()}
    absent = {pair for _, checks, names in REASONS[:2] for pair in _pairs(checks, names)}
    assert len(pairs()) > 2000
    assert len(unequal - absent) < 45


def _pairs(checks: tuple[str, ...], names: list[str]) -> set[tuple[str, str]]:
    return {(name, check) for check in checks for name in names}


@pytest.mark.parametrize("check", CHECKS)
def test_verdicts_are_equal_but_for_the_differences(check: str) -> None:
    unequal = {
        name
        for name, of, verdict in pairs()
        if of == check and not _equal(check, alarm(name, check), theirs(check, verdict))
    }
    assert unequal == {name for name, of in DIFFERENCES if of == check}


def _equal(check: str, ours: str | None, other: str | None) -> bool:
    if check == "azure check_gpu_xid" and ours == "advice":
        ours = None  # it watches for what takes a node out of service
    return ours == other
