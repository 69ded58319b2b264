# SPDX-License-Identifier: Apache-2.0
"""Mode cdi with files that nvidia-ctk made: one meaning with jit-cdi, and files that do not fit the machine any more."""
import re

import pytest

from harness import BIN

CTK = BIN / "nvidia-ctk"


def with_file(machine, *options, name="nvidia.yaml"):
    """A configuration of mode cdi with a file of this machine's GPUs, the file, and the log of the wrapper."""
    directory = machine.tmp / f"cdi{'-'.join(options).replace('/', '_')}"
    file = directory / name
    if not file.exists():
        machine.run(CTK, "cdi", "generate", f"--output={file}", *options).ok()
    log = machine.tmp / "wrapper.log"
    config = (f'[nvidia-container-runtime]\nmode = "cdi"\ndebug = "{log}"\n'
              f'[nvidia-container-runtime.modes.cdi]\nspec-dirs = ["{directory}"]\n')
    return config, file, log


def privileged(config):
    for caps in config["process"]["capabilities"].values():
        caps.append("CAP_SYS_ADMIN")


def normal(result):
    """What of a config.json is a request's doing, in one order; the root of each bundle by one name."""
    config = result.ok().config
    text = str(result.bundle / "rootfs")
    hooks = [{**h, "args": sorted(a.replace(text, "ROOT") for a in h["args"])} for h in config["hooks"]["createContainer"]]
    return {
        "env": sorted(config["process"]["env"]),
        "groups": sorted(config["process"]["user"].get("additionalGids", [])),
        "nodes": sorted(config["linux"]["devices"], key=lambda d: d["path"]),
        "rules": sorted(map(str, config["linux"]["resources"]["devices"])),
        "mounts": sorted(map(str, config["mounts"])),
        "hooks": hooks,
    }


def ask(machine, config, *env, **options):
    return machine.container(env=[v if re.match("[A-Z_]+=", v) else f"NVIDIA_VISIBLE_DEVICES={v}" for v in env], config=config,
                             **options)


def message(result):
    return re.search(r'level=error msg="(.*)"$', result.failed(1).err, re.M)[1].replace('\\"', '"')


@pytest.mark.parametrize("platform, env", [
    ("dgx-h100", ["0"]), ("dgx-h100", ["all"]), ("dgx-h100", ["none"]), ("dgx-h100", ["3,1"]),
    ("dgx-h100", ["0", "NVIDIA_DRIVER_CAPABILITIES=compute"]),
    ("dgx-h100", ["0", "NVIDIA_DRIVER_CAPABILITIES=utility"]),
    ("dgx-h100", ["0", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]),
    ("dgx-h100", ["0", "NVIDIA_DRIVER_CAPABILITIES=video,display"]),
    ("dgx-h100", ["0", "NVIDIA_DRIVER_CAPABILITIES=graphics"]),
    ("dgx-h100", ["0", "NVIDIA_IMEX_CHANNELS=0,3"]),
    ("dgx-h100", ["0", "NVIDIA_NVSWITCH=enabled", "NVIDIA_GDS=enabled"]),
    ("dgx-h100", ["all", "NVIDIA_REQUIRE_CUDA=cuda>=12.0 arch>=9.0"]),
    ("workstation", ["all"]), ("workstation", ["1", "NVIDIA_DRIVER_CAPABILITIES=compute"]),
    ("workstation", ["1", "NVIDIA_DRIVER_CAPABILITIES=graphics,utility"]),
    ("a100-mig", ["all"]), ("a100-mig", ["1:0,1:2"]), ("a100-mig", ["MIG-a100c0de-0002-5020-9000-000000000001"]),
    ("a100-mig", ["all", "NVIDIA_MIG_CONFIG_DEVICES=all"]), ("a100-mig", ["1:0", "NVIDIA_MIG_MONITOR_DEVICES=all"]),
    ("a100-mig", ["0", "NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=utility"])])
def test_a_request_means_the_same_by_file_and_without(machines, platform, env):
    m = machines(platform)
    edit = privileged if any("MIG_" in v for v in env) else None
    by_file = normal(ask(m, with_file(m)[0], *env, edit=edit))
    assert by_file == normal(ask(m, '[nvidia-container-runtime]\nmode = "jit-cdi"', *env, edit=edit))


@pytest.mark.parametrize("value", ["cuda>=99", "arch>=10.0", "driver<470"])
def test_requirements_fail_by_file_as_without(machines, value):
    m = machines("dgx-h100")
    env = ["0", f"NVIDIA_REQUIRE_CUDA={value}"]
    assert message(ask(m, with_file(m)[0], *env)).split("requirements not met")[1] == \
        message(ask(m, '[nvidia-container-runtime]\nmode = "jit-cdi"', *env)).split("requirements not met")[1]


def test_the_site_bounds_what_files_give(machines):
    m = machines("workstation")
    top = 'supported-driver-capabilities = "compute,utility"\n'
    by_file = normal(ask(m, top + with_file(m)[0], "0"))
    assert by_file == normal(ask(m, top + '[nvidia-container-runtime]\nmode = "jit-cdi"', "0"))
    assert not [x for x in by_file["nodes"] if "/dri/" in x["path"]]


def test_files_with_separate_hooks_or_of_others_are_applied_as_they_are(machines):
    m = machines("workstation")
    config, file, _ = with_file(m, "--feature-flag=separate-hooks")
    result = ask(m, config, "0", "NVIDIA_DRIVER_CAPABILITIES=utility").ok().config
    assert [x for x in result["mounts"] if "libnvidia-glcore" in x["destination"]]
    assert "--fingerprint" not in file.read_text()


# Files that do not fit any more

STALE = "was made for another driver or other GPUs than this machine has now"


def test_after_an_upgrade_devices_are_described_anew(machine):
    m = machine("dgx-h100")
    config, file, log = with_file(m)
    ask(m, config, "0").ok()
    assert STALE not in log.read_text()
    before = file.read_text()
    m.set("driver=590.10")
    anew = normal(ask(m, config, "0", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"))
    assert any("libcuda.so.590.10" in x for x in anew["mounts"])
    assert anew == normal(ask(m, '[nvidia-container-runtime]\nmode = "jit-cdi"', "0", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"))
    warning, = [l for l in log.read_text().splitlines() if STALE in l]
    assert f"{file} {STALE}" in warning and f"run nvidia-ctk cdi generate --output={file}" in warning
    assert file.read_text() == before
    for value in ("all", "none", "nvidia.com/gpu=3"):
        ask(m, config, value).ok()


def test_after_a_change_of_mig_devices_those_that_are_left_work(machine):
    m = machine("a100-mig")
    config, file, _ = with_file(m, "--device-name-strategy=type-index,uuid")
    ask(m, config, "nvidia.com/gpu=mig1:2").ok()
    m.set("mig.1=3g.20gb")
    anew = normal(ask(m, config, "nvidia.com/gpu=mig1:0"))
    assert anew == normal(ask(m, '[nvidia-container-runtime]\nmode = "jit-cdi"', "1:0"))
    text = message(ask(m, config, "nvidia.com/gpu=mig1:2"))
    assert f"{file} {STALE}" in text and 'there is no device "1:2"' in text
    assert f"nvidia-ctk cdi generate --output={file}" in text
    m.set("mig.0=1g.5gb,1g.5gb")
    text = message(ask(m, config, "nvidia.com/gpu=mig0:0"))
    assert "unresolvable CDI devices nvidia.com/gpu=mig0:0" in text and f"{file} {STALE}" in text


def test_other_majors_are_taken_from_the_machine(machine):
    m = machine("a100-mig")
    m.set("remove=/dev/nvidia-caps/nvidia-cap156")
    config, _, _ = with_file(m)
    m.set("majors.nvidia-uvm=510", "majors.nvidia-caps=511")
    nodes = {d["path"]: d["major"] for d in ask(m, config, "all").ok().config["linux"]["devices"]}
    assert nodes["/dev/nvidia-uvm"] == 510
    caps = {path: major for path, major in nodes.items() if "/nvidia-caps/" in path}
    assert len(caps) == 6 and set(caps.values()) == {511}


def test_management_files_are_made_anew_too(machine):
    m = machine("dgx-h100")
    config, _, _ = with_file(m, "--mode=management")
    m.set("driver=590.10")

    def annotated(document):
        document["annotations"] = {"cdi.k8s.io/x": "management.nvidia.com/gpu=all"}

    result = m.container(env=[], config=config, edit=annotated).ok().config
    assert any("libcuda.so.590.10" in x["source"] for x in result["mounts"])
    assert "/dev/nvidia7" in [d["path"] for d in result["linux"]["devices"]]


def test_without_the_driver_the_file_and_the_cause_are_named(machine):
    m = machine("h200-x1")
    config, file, _ = with_file(m)
    where = next(v for v in ask(m, config, "0").ok().config["process"]["env"] if "LIBCUDA_DIR=" in v).split("=")[1]
    m.run("sh", "-c", f"rm {where}/libcuda.so* {where}/libnvidia-ml.so*").ok()
    text = message(ask(m, config, "0"))
    assert f"{file} {STALE}" in text and "nvidia-ctk cdi generate" in text
