# SPDX-License-Identifier: Apache-2.0
"""NVML on simulated machines: what nvidia-smi prints of it, what nvml-facts makes of it, and every way it can fail."""
import os
import pathlib
import re
import time

import pytest
from harness import BIN

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
FACTS = BIN.resolve().parent / "libexec/nvidia-container-toolkit/nvml-facts"
CALLS = "/run/nvidia-gpu-sim/nvml-calls"


def without_date(text):
    return re.sub(r"^... ... +\d+ ..:..:.. \d{4} {7}$", "(date)", text, flags=re.M)


def smi(m, *args):
    """The machine's nvidia-smi; hosted machines have it in a directory of its own."""
    path = {"PATH": os.environ["PATH"] + ":/usr/local/nvidia/bin"}
    return m.run("/bin/sh", "-c", 'exec nvidia-smi "$@"', "sh", *args, env=path)


# nvidia-smi


@pytest.mark.parametrize("platform", ["h200-x1", "a100-mig", "workstation"])
def test_smi_prints_the_table_of_the_real_one(machines, platform):
    got = smi(machines(platform)).ok().out
    assert without_date(got) == (DATA / f"nvidia-smi-{platform}.txt").read_text()
    assert {len(line) for line in got.splitlines()[1:] if line} == {91}


def test_smi_lists_gpus_and_mig_devices(machines):
    assert smi(machines("a100-mig"), "-L").ok().out.splitlines()[1:3] == [
        "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-a100face-0002-4a10-8040-000000000086)",
        "  MIG 3g.20gb     Device  0: (UUID: MIG-a100c0de-0002-5020-9000-000000000001)"]


def test_smi_refuses_what_it_does_not_know(machines):
    assert "knows -L and the plain table" in smi(machines("h200-x1"), "-q").failed(2).out


def test_smi_tells_of_a_lost_gpu_and_shows_the_others(machine):
    m = machine("h200-x4")
    m.set("fault=nvmlDeviceGetHandleByIndex_v2:gpu=2,return=15")
    out = smi(m, "-L").failed(15).out
    assert "handle for GPU2: GPU is lost.  Reboot the system to recover this GPU" in out
    assert [line[:6] for line in out.splitlines()[1:]] == ["GPU 0:", "GPU 1:", "GPU 3:"]


def test_smi_without_driver_says_so(machine):
    m = machine("h200-x1")
    m.set("fault=nvmlInit_v2:return=9")
    assert "couldn't communicate with the NVIDIA driver" in smi(m).failed(9).out


# nvml-facts


def test_facts_are_those_of_the_machine(machines):
    facts = machines("a100-mig").run(FACTS).ok().json
    assert facts["driver_version"] == "550.54.15" and facts["cuda_version"] == "12.4"
    plain, cut = facts["gpus"]
    assert plain == {"index": 0, "pci": "0000:3b:00.0", "uuid": "GPU-a100face-0001-4a10-8040-00000000003b",
                     "name": "NVIDIA A100-SXM4-40GB", "minor": 0, "brand": "Nvidia", "arch": "8.0",
                     "coherent": False, "mig_enabled": False}
    assert [m["profile"] for m in cut["migs"]] == ["3g.20gb", "2g.10gb", "1g.5gb"]


def test_one_initialisation_and_few_calls(machines):
    m = machines("mig-112")
    m.run("sh", "-c", f"mkdir -p /run/nvidia-gpu-sim && : > {CALLS} && chmod 666 {CALLS}").ok()
    m.run(FACTS).ok()
    calls = [line.split()[1] for line in m.run("cat", CALLS).out.splitlines()]
    assert calls.count("nvmlInit_v2") == 1
    # Ten for a GPU and five for a MIG device; the original makes 112 for one GPU of each kind.
    assert len(calls) <= 4 + 16 * 11 + 112 * 5


def test_facts_come_from_inside_the_driver_root(machines):
    m = machines("driver-root")
    facts = m.run(FACTS, "--driver-root=/run/nvidia/driver").ok().json
    assert len(facts["gpus"]) == 2
    # Without it the library is not found.
    assert "cannot open shared object file" in m.run(FACTS).failed(3).err


def test_nvml_runs_without_rights(machine):
    m = machine("h200-x1")
    m.set("fault=nvmlSystemGetDriverVersion:hang")
    out = m.run("sh", "-c", f"{FACTS} & sleep 0.5; grep -E 'Uid|CapEff|CapPrm|NoNewPrivs|Groups' /proc/$!/status; "
                            "kill -9 $!").out
    assert out.split("\n")[:5] == ["Uid:\t65534\t65534\t65534\t65534", "Groups:\t ", "CapPrm:\t0000000000000000",
                                   "CapEff:\t0000000000000000", "NoNewPrivs:\t1"]


@pytest.mark.parametrize("fault, words", [
    ("nvmlInit_v2:return=9", "Driver Not Loaded: the kernel module is not loaded; run modprobe nvidia"),
    ("nvmlInit_v2:return=18", "Driver/library version mismatch: the loaded kernel module and the library are of"),
    ("nvmlInit_v2:return=4", "the device nodes may not be opened"),
    ("nvmlDeviceGetUUID:missing", "has no function nvmlDeviceGetUUID: the library is damaged"),
    ("nvmlDeviceGetCount_v2:return=999", "ask NVML for the number of GPUs: Unknown Error"),
])
def test_a_failure_of_the_whole_names_the_cure(machine, fault, words):
    m = machine("h200-x1")
    m.set(f"fault={fault}")
    result = m.run(FACTS).failed(1)
    assert result.out == "" and result.err.startswith("nvml-facts: ") and words in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("call, text", [
    ("nvmlDeviceGetHandleByIndex_v2", "handle: GPU is lost"),
    ("nvmlDeviceGetUUID", "UUID: GPU is lost"),
    ("nvmlDeviceGetMigMode", "MIG mode: GPU is lost"),
])
def test_a_failure_of_one_gpu_is_its_own(machine, call, text):
    m = machine("h200-x4")
    m.set(f"fault={call}:gpu=2,return=15")
    gpus = m.run(FACTS).ok().json["gpus"]
    assert gpus[2]["failure"] == text
    assert [g.get("failure") for g in gpus] == [None, None, text, None]
    assert all("mig_enabled" in g for g in gpus if "failure" not in g)


@pytest.mark.parametrize("call", ["nvmlDeviceGetMigMode", "nvmlDeviceGetAddressingMode", "nvmlDeviceGetBrand"])
def test_an_older_library_lacks_what_is_not_needed(machine, call):
    m = machine("h200-x1")
    m.set(f"fault={call}:missing")
    gpu = m.run(FACTS).ok().json["gpus"][0]
    assert gpu["uuid"].startswith("GPU-") and "failure" not in gpu


# through nvidia-ctk, which runs nvml-facts


def generate(m, **options):
    start = time.monotonic()
    result = m.run(BIN / "nvidia-ctk", "cdi", "generate", "--device-name-strategy=uuid", "--output=/tmp/nvidia.yaml",
                   **options)
    return result, time.monotonic() - start


def test_a_crash_of_nvml_is_an_ordinary_error(machine):
    m = machine("a100-mig")
    m.set("fault=nvmlInit_v2:crash")
    result, _ = generate(m)
    assert "libnvidia-ml crashed (Segmentation fault)" in result.failed(1).err


def test_a_hang_of_nvml_ends_at_the_deadline_once_for_all(machine):
    m = machine("a100-mig")
    m.set("fault=nvmlInit_v2:hang")
    result, first = generate(m)
    assert "NVML gave no answer in 10 s" in result.failed(1).err
    result, second = generate(m)
    assert "NVML is asked again in" in result.failed(1).err
    assert 9.5 < first < 13 and second < 3
