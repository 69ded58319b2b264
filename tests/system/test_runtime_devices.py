# SPDX-License-Identifier: Apache-2.0
"""What a request means, in jit-cdi and cdi mode, on simulated machines with real runc (spec: runtime.md 8.5).

The device nodes of config.json are compared as a whole: one too many is as wrong as one too few. That the kernel
agrees is looked at from inside: opening a node of the simulation gives ENXIO where the container may use it and
EPERM where it may not.
"""
import json
import os
import re
import stat
import subprocess

import pytest

from harness import BIN

CONTROL = ["/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl"]
DGX = [f"GPU-d6c0de0{i}-0100-4800-a100-0000000000{bus}" for i, bus in enumerate("1b 43 52 61 9d c3 d1 df".split())]
A100 = "GPU-a100face-0001-4a10-8040-00000000003b"
A100_MIG = "GPU-a100face-0002-4a10-8040-000000000086"
MIG = [("MIG-a100c0de-0002-5020-9000-000000000001", 2), ("MIG-a100c0de-0003-5010-9000-000000000002", 3),
       ("MIG-a100c0de-0009-5005-9000-000000000003", 9)]


def cap(gpu, gi, ci=None):
    """The node of a MIG access file, as the driver numbers them: 15 instances of 8 parts on each GPU."""
    return f"/dev/nvidia-caps/nvidia-cap{3 + gpu * 135 + gi * 9 + (0 if ci is None else 1 + ci)}"


def mig_nodes(*indices):
    return ["/dev/nvidia1"] + [node for i in indices for node in (cap(1, MIG[i][1]), cap(1, MIG[i][1], 0))]


def nodes(result):
    """NVIDIA's GPU nodes in config.json, without those that all GPU containers share and without /dev/dri."""
    paths = [d["path"] for d in result.config.get("linux", {}).get("devices", [])]
    assert len(paths) == len(set(paths))
    return sorted(p for p in paths if p.startswith("/dev/nvidia") and p not in CONTROL)


def has_driver(result):
    paths = [d["path"] for d in result.config.get("linux", {}).get("devices", [])]
    return "/dev/nvidiactl" in paths


def gpus(*minors):
    return sorted(f"/dev/nvidia{m}" for m in minors)


def ask(machine, *env, **options):
    """A container with these variables; what is none is the value of NVIDIA_VISIBLE_DEVICES."""
    return machine.container(env=[v if re.match("[A-Z_]+=", v) else f"NVIDIA_VISIBLE_DEVICES={v}" for v in env], **options)


def message(result):
    """The one line that a refused container leaves."""
    result.failed(1)
    lines = [l for l in result.err.splitlines() if "level=error" in l]
    assert len(lines) == 1 and len(result.err.splitlines()) == 1, result.err
    return re.search(r'msg="(.*)"$', lines[0])[1].replace('\\"', '"')


def unchanged(result, before):
    assert (result.bundle / "config.json").read_text() == before


# Devices

@pytest.mark.parametrize("value, expected", [
    ("all", range(8)), ("0", [0]), ("7", [7]), ("0,1", [0, 1]), (" 0 , 1 ", [0, 1]), ("0,0", [0]), ("1,0,1", [0, 1]), ("00", [0]),
    ("all,0", range(8)), ("0,all", range(8)), ("none", []), ("0,none", []), ("none,all", []), (DGX[3], [3]),
    (DGX[3].upper().replace("GPU-", "GPU-"), [3]), ("GPU-d6c0de05", [5]), ("0000:43:00.0", [1]), ("00000000:43:00.0", [1]),
    ("43:00.0", [1]), (f"{DGX[2]},2,0000:52:00.0", [2]), ("runtime.nvidia.com/gpu=2", [2]), ("runtime.nvidia.com/gpu=all", range(8))])
def test_devices_of_eight_gpus(machines, value, expected):
    result = ask(machines("dgx-h100"), value).ok()
    assert nodes(result) == gpus(*expected)
    assert has_driver(result)


@pytest.mark.parametrize("value", ["void", "", ",", "0,void", " "])
def test_no_device_no_change(machines, value):
    m = machines("dgx-h100")
    bundle = m.bundle(env=[f"NVIDIA_VISIBLE_DEVICES={value}"])
    before = (bundle / "config.json").read_bytes()
    # The runc of a simulation adds a hook of its own.
    m.start(bundle, config='[nvidia-container-runtime]\nruntimes = ["/bin/true"]').ok()
    assert (bundle / "config.json").read_bytes() == before


@pytest.mark.parametrize("value, words", [
    ("8", ["8", "8 GPUs"]), ("GPU-d6c0de", ["GPU-d6c0de"]), ("GPU-00000000", ["GPU-00000000", "8 GPUs"]), ("bad", ["bad"]),
    ("0000:ff:00.0", ["0000:ff:00.0"]), ("0:0", ["0:0"]), ("+0", ["+0"]), ("a/b=c", ["a/b=c"]),
    ("0,nvidia.com/gpu=1", ["not supported when requesting other CDI devices"]),
    ("runtime.nvidia.com/gpu=0,nvidia.com/gpu=1", ["not supported when requesting other CDI devices"])])
def test_unknown_devices_are_refused_by_name(machines, value, words):
    m = machines("dgx-h100")
    bundle = m.bundle(env=[f"NVIDIA_VISIBLE_DEVICES={value}"])
    before = (bundle / "config.json").read_text()
    result = m.start(bundle)
    for word in words:
        assert word in message(result)
    unchanged(result, before)


@pytest.mark.parametrize("value, expected", [
    ("all", gpus(0) + mig_nodes(0, 1, 2)), ("0", gpus(0)), ("1", ["/dev/nvidia1"]), ("1:0", mig_nodes(0)), ("1:2", mig_nodes(2)),
    (MIG[1][0], mig_nodes(1)), (MIG[0][0] + "," + MIG[1][0], mig_nodes(0, 1)), ("MIG-a100c0de-0009", mig_nodes(2)),
    (f"MIG-{A100_MIG}/3/0", mig_nodes(1)), (A100, gpus(0)), ("0,1:0", gpus(0) + mig_nodes(0))])
def test_devices_of_a_machine_with_mig(machines, value, expected):
    assert nodes(ask(machines("a100-mig"), value).ok()) == sorted(expected)


def test_all_of_112_mig_devices(machines):
    result = ask(machines("mig-112"), "all").ok()
    found = nodes(result)
    assert len([n for n in found if "nvidia-caps" in n]) == 224
    assert [n for n in found if "nvidia-caps" not in n] == gpus(*range(16))


def test_the_last_of_112_mig_devices(machines):
    found = nodes(ask(machines("mig-112"), "15:6").ok())
    assert len(found) == 3 and "/dev/nvidia15" in found


# Seen from inside

LOOK = 'for d in /dev/nvidia* /other; do [ -c $d ] && { read x < $d; } 2>&1; done; exit 0'


def test_the_kernel_lets_a_container_open_what_it_was_given_and_nothing_else(machines):
    m = machines("dgx-h100")
    bundle = m.bundle(args=("/bin/sh", "-c", LOOK), env=["NVIDIA_VISIBLE_DEVICES=0"])
    os.mknod(bundle / "rootfs/other", 0o666 | stat.S_IFCHR, os.makedev(195, 1))
    result = m.start(bundle).ok()
    assert "/dev/nvidia0: No such device or address" in result.out
    assert "/dev/nvidia1" not in result.out
    assert "/other: Operation not permitted" in result.out


def test_rules_are_given_once_for_each_node(machines):
    config = ask(machines("dgx-h100"), "0").ok().config
    rules = [(r.get("major"), r.get("minor")) for r in config["linux"]["resources"]["devices"] if r.get("allow") and r.get("major")]
    assert len(rules) == len(set(rules))
    assert (195, 0) in rules and (195, 1) not in rules


def test_variables_are_replaced_in_place(machines):
    env = ask(machines("dgx-h100"), "0").ok().config["process"]["env"]
    assert [v for v in env if v.startswith("NVIDIA_VISIBLE_DEVICES=")] == ["NVIDIA_VISIBLE_DEVICES=void"]


def test_one_hook_knows_the_root(machines):
    result = ask(machines("dgx-h100"), "0").ok()
    hooks = result.config["hooks"]["createContainer"]
    assert len(hooks) == 1
    assert hooks[0]["path"] == str((BIN / "nvidia-cdi-hook").resolve()) and hooks[0]["env"]
    assert any(str(result.bundle / "rootfs") in a for a in hooks[0]["args"])


def test_the_hook_does_not_see_the_environment_of_the_image(machines):
    hook = ask(machines("dgx-h100"), "0", "ZED=fromcontainer").ok().config["hooks"]["createContainer"][0]
    assert not any("ZED" in v for v in hook["env"])


def test_the_rest_of_the_spec_survives(machines):
    def odd(config):
        config["newField"] = {"b": 18446744073709551616, "a": [1, 2]}
        config["linux"]["newField"] = 1

    result = ask(machines("dgx-h100"), "0", edit=odd)
    text = (result.bundle / "config.json").read_text()
    assert '"newField": {' in text and "18446744073709551616" in text
    assert text.index('"ociVersion"') < text.index('"process"') < text.index('"root"') < text.index('"newField"')


# Capabilities

def mounted(result):
    return {m["destination"].rsplit("/", 1)[-1] for m in result.config["mounts"]}


def has(result, name):
    return any(m.startswith(name) for m in mounted(result))


def test_capabilities_choose_the_files(machines):
    m = machines("dgx-h100")
    compute = ask(m, "0", "NVIDIA_DRIVER_CAPABILITIES=compute").ok()
    utility = ask(m, "0", "NVIDIA_DRIVER_CAPABILITIES=utility").ok()
    everything = ask(m, "0", "NVIDIA_DRIVER_CAPABILITIES=all").ok()
    unset = ask(m, "0").ok()
    assert has(compute, "libcuda.so.") and not has(compute, "nvidia-smi") and not has(compute, "libnvidia-encode.so.")
    assert has(utility, "nvidia-smi") and has(utility, "libnvidia-ml.so.") and not has(utility, "libcuda.so.")
    assert has(everything, "libcuda.so.") and has(everything, "nvidia-smi") and has(everything, "libnvidia-encode.so.")
    assert mounted(unset) == mounted(everything)


def test_the_site_bounds_capabilities(machines):
    m = machines("dgx-h100")
    config = 'supported-driver-capabilities = "utility"'
    assert not has(ask(m, "0", config=config).ok(), "libcuda.so.")
    assert not has(ask(m, "0", "NVIDIA_DRIVER_CAPABILITIES=all", config=config).ok(), "libcuda.so.")
    text = message(ask(m, "0", "NVIDIA_DRIVER_CAPABILITIES=compute,utility", config=config))
    assert "unsupported capabilities found in NVIDIA_DRIVER_CAPABILITIES: compute (allowed: utility)" in text


def test_an_unknown_capability_is_refused(machines):
    assert "magic" in message(ask(machines("dgx-h100"), "0", "NVIDIA_DRIVER_CAPABILITIES=compute,magic"))


def test_the_reference_level_injects_everything_as_the_original(machines):
    result = ask(machines("dgx-h100"), "0", "NVIDIA_DRIVER_CAPABILITIES=utility", "NVIDIA_REQUIRE_CUDA=cuda>=99",
                 config='compat-level = "reference"').ok()
    assert has(result, "libcuda.so.")
    message(ask(machines("dgx-h100"), "GPU-d6c0de05", config='compat-level = "reference"'))
    message(ask(machines("dgx-h100"), "0000:43:00.0", config='compat-level = "reference"'))


# Requirements: driver 570.133.20, CUDA 12.8, compute capability 9.0

@pytest.mark.parametrize("value", ["cuda>=12.4", "cuda>=12.8", "cuda>=99 driver>=470", "cuda>=12.4 brand=tesla,driver>=470,driver<471",
                                   "driver>550", "arch>=9.0", "cuda!=11.0", "", "csv-mounts=all"])
def test_requirements_that_hold(machines, value):
    ask(machines("dgx-h100"), "0", f"NVIDIA_REQUIRE_CUDA={value}").ok()


@pytest.mark.parametrize("value", ["cuda>=99", "driver<470", "arch>=10.0", "cuda>=99 driver<470", "cuda>=12.4,driver<470"])
def test_requirements_that_do_not_hold(machines, value):
    text = message(ask(machines("dgx-h100"), "0", f"NVIDIA_REQUIRE_CUDA={value}"))
    assert text.startswith("requirements not met: NVIDIA_REQUIRE_CUDA=")
    assert value in text and "cuda 12.8" in text and "570.133.20" in text and "NVIDIA_DISABLE_REQUIRE" in text


def test_requirements_can_be_disabled(machines):
    m = machines("dgx-h100")
    ask(m, "0", "NVIDIA_REQUIRE_CUDA=cuda>=99", "NVIDIA_DISABLE_REQUIRE=true").ok()
    ask(m, "0", "NVIDIA_REQUIRE_CUDA=cuda>=99", config="disable-require = true").ok()


def test_images_from_before_requirements_need_their_cuda_version(machines):
    m = machines("dgx-h100")
    assert nodes(ask(m, "CUDA_VERSION=12.4.1").ok()) == gpus(*range(8))
    assert "CUDA_VERSION" in message(ask(m, "CUDA_VERSION=99.0"))


def test_a_malformed_requirement_is_an_error(machines):
    assert "NVIDIA_REQUIRE_X" in message(ask(machines("dgx-h100"), "0", "NVIDIA_REQUIRE_X=cuda"))


# Privileges

def privileged(config):
    config["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")


ENV_NEEDS_PRIVILEGES = "accept-nvidia-visible-devices-envvar-when-unprivileged = false"


def test_the_environment_may_need_privileges(machines):
    m = machines("dgx-h100")
    assert not has_driver(ask(m, "0", config=ENV_NEEDS_PRIVILEGES).ok())
    assert nodes(ask(m, "0", config=ENV_NEEDS_PRIVILEGES, edit=privileged).ok()) == gpus(0)


@pytest.mark.parametrize("what, name", [("MIG_CONFIG_DEVICES", "config"), ("MIG_MONITOR_DEVICES", "monitor")])
def test_mig_administration(machines, what, name):
    m = machines("a100-mig")
    assert f"cannot set {what} in non privileged container" in message(ask(m, "all", f"NVIDIA_{what}=all"))
    plain, admin = ask(m, "all", edit=privileged).ok(), ask(m, "all", f"NVIDIA_{what}=all", edit=privileged).ok()
    assert len(nodes(admin)) == len(nodes(plain)) + 1, name


# Mount list

def volumes(*names, root="/var/run/nvidia-container-devices"):
    def edit(config):
        for name in names:
            config["mounts"].append({"destination": f"{root}/{name}", "source": "/dev/null", "type": "bind", "options": ["bind"]})
    return edit


MOUNT_LIST = "accept-nvidia-visible-devices-as-volume-mounts = true\n" + ENV_NEEDS_PRIVILEGES


@pytest.mark.parametrize("edit, expected", [
    (volumes("0"), [0]), (volumes("0", "3", "0"), [0, 3]), (volumes("all"), range(8)), (volumes(DGX[4]), [4]),
    (volumes("2", root="/run/nvidia-container-devices"), [2])])
def test_devices_of_the_mount_list(machines, edit, expected):
    result = ask(machines("dgx-h100"), "void", config=MOUNT_LIST, edit=edit).ok()
    assert nodes(result) == gpus(*expected)
    assert any(m["source"] == "/dev/null" for m in result.config["mounts"] if "source" in m)


@pytest.mark.parametrize("edit", [volumes(""), volumes("0", root="/var/run/nvidia-container-devicesfoo"), volumes("void")])
def test_mounts_that_name_no_device(machines, edit):
    assert not has_driver(ask(machines("dgx-h100"), "1", config=MOUNT_LIST, edit=edit).ok())


def test_the_mount_list_must_be_turned_on(machines):
    assert not has_driver(ask(machines("dgx-h100"), "void", edit=volumes("0")).ok())


# IMEX and gated features

def imex(*channels):
    return [f"/dev/nvidia-caps-imex-channels/channel{c}" for c in channels]


@pytest.mark.parametrize("value, expected", [("0", [0]), ("0,3", [0, 3]), ("channel2", [2]), ("2047,0,0", [0, 2047]), ("none", []), ("", []),
                                             ("all", [])])
def test_imex_channels(machines, value, expected):
    found = nodes(ask(machines("dgx-h100"), "0", f"NVIDIA_IMEX_CHANNELS={value}").ok())
    assert found == sorted(gpus(0) + imex(*expected))


def test_imex_channels_of_the_mount_list(machines):
    m = machines("dgx-h100")
    result = ask(m, "void", config=MOUNT_LIST, edit=volumes("0", "imex/all")).ok()
    assert nodes(result) == sorted(gpus(0) + imex(0, 1, 2, 3, 2047))
    ignoring = MOUNT_LIST + "\n[features]\nignore-imex-channel-requests = true"
    assert nodes(ask(m, "void", config=ignoring, edit=volumes("0", "imex/all")).ok()) == gpus(0)


@pytest.mark.parametrize("value", ["77", "1048576", "-1", "x"])
def test_a_channel_that_is_not_there_is_an_error(machines, value):
    assert value in message(ask(machines("dgx-h100"), "0", f"NVIDIA_IMEX_CHANNELS={value}"))


@pytest.mark.parametrize("variable, pattern, count", [
    ("NVIDIA_GDS", r"/dev/nvidia-fs\d+", 16), ("NVIDIA_MOFED", r"/dev/infiniband/(uverbs\d+|rdma_cm)", 9),
    ("NVIDIA_GDRCOPY", "/dev/gdrdrv", 1), ("NVIDIA_NVSWITCH", r"/dev/nvidia-nvswitch(ctl|\d+)", 5)])
def test_gated_features(machines, variable, pattern, count):
    def matching(value):
        config = ask(machines("dgx-h100"), "0", f"{variable}={value}").ok().config
        return [d["path"] for d in config["linux"]["devices"] if re.fullmatch(pattern, d["path"])]

    assert len(matching("enabled")) == count
    assert matching("true") == matching("ENABLED") == []


# Swarm (users.md P33)

def test_swarm_gives_the_assigned_gpu(machines):
    m = machines("dgx-h100")
    config = 'swarm-resource = "DOCKER_RESOURCE_GPU"'
    assigned = f"DOCKER_RESOURCE_GPU={DGX[6]}"
    assert nodes(ask(m, "all", assigned, config=config).ok()) == gpus(6)
    assert nodes(ask(m, "all", config=config).ok()) == gpus(*range(8))
    assert not has_driver(ask(m, "all", "DOCKER_RESOURCE_GPU=", config=config).ok())


# Annotations and CDI files

def annotated(value):
    def edit(config):
        config["annotations"] = {"cdi.k8s.io/test": value}
    return edit


@pytest.fixture(scope="module")
def with_specs(machines, tmp_path_factory):
    """A machine and configuration with a CDI file of ours, in YAML as nvidia-ctk writes it."""
    m = machines("dgx-h100")
    cdi = tmp_path_factory.mktemp("cdi")
    m.run(BIN / "nvidia-ctk", "cdi", "generate", f"--output={cdi}/nvidia.yaml").ok()
    return m, f'[nvidia-container-runtime.modes.cdi]\nspec-dirs = ["{cdi}"]\n[nvidia-container-runtime]\n'


@pytest.mark.parametrize("value, expected", [
    ("nvidia.com/gpu=0", [0]), ("nvidia.com/gpu=0, nvidia.com/gpu=3", [0, 3]), ("nvidia.com/gpu=all", range(8)),
    ("runtime.nvidia.com/gpu=2", [2])])
def test_annotations(with_specs, value, expected):
    m, config = with_specs
    assert nodes(ask(m, "1", config=config, edit=annotated(value)).ok()) == gpus(*expected)


@pytest.mark.parametrize("value, expected", [
    ("0", [0]), ("all", range(8)), ("none", []), ("GPU-d6c0de05", [5]), ("0000:43:00.0", [1]), (DGX[3], [3]), ("nvidia.com/gpu=4", [4])])
def test_ids_mean_the_same_in_cdi_mode(with_specs, value, expected):
    m, config = with_specs
    result = ask(m, value, config=config + 'mode = "cdi"').ok()
    assert nodes(result) == gpus(*expected) and has_driver(result)


def test_cdi_mode_says_why_a_name_does_not_resolve(with_specs):
    m, config = with_specs
    text = message(ask(m, "nvidia.com/gpu=99", config=config))
    assert text.startswith("failed to inject CDI devices: unresolvable CDI devices nvidia.com/gpu=99")


def test_imex_channels_in_cdi_mode(with_specs):
    m, config = with_specs
    result = ask(m, "nvidia.com/gpu=0", "NVIDIA_IMEX_CHANNELS=0", config=config).ok()
    assert nodes(result) == sorted(gpus(0) + imex(0))


def test_requirements_in_cdi_mode(with_specs):
    m, config = with_specs
    assert "requirements not met" in message(ask(m, "nvidia.com/gpu=0", "NVIDIA_REQUIRE_CUDA=cuda>=99", config=config))


# Sick machines

def test_a_lost_gpu_is_left_out_of_all_and_refused_by_name(machine):
    m = machine("dgx-h100")
    m.set("gpu.2.lost=true")
    log = m.tmp / "wrapper.log"
    assert nodes(ask(m, "all", config=f'[nvidia-container-runtime]\ndebug = "{log}"').ok()) == gpus(0, 1, 3, 4, 5, 6, 7)
    assert log.read_text().count("is left out") == 1
    assert "lost" in message(ask(m, "2"))


def test_without_a_driver_the_message_says_what_to_do(tmp_path):
    """The host of the tests has no GPU."""
    bundle = tmp_path / "b"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps({"process": {"env": ["NVIDIA_VISIBLE_DEVICES=all"]}}))
    if os.path.exists("/proc/driver/nvidia"):
        pytest.skip("this machine has a driver")
    done = subprocess.run([BIN / "nvidia-container-runtime", "create", "--bundle", bundle, "x"], capture_output=True, text=True,
                          check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 1
    assert "driver" in done.stderr and done.stderr.count("\n") == 1


# Driver containers, NVML in trouble, YAML

def test_a_driver_below_a_root(machines):
    m = machines("driver-root")
    config = '[nvidia-container-cli]\nroot = "/run/nvidia/driver"'
    result = ask(m, "0", config=config).ok()
    assert nodes(result) == gpus(0)
    sources = [mount["source"] for mount in result.config["mounts"] if "libcuda.so." in mount["destination"]]
    assert sources and all(s.startswith("/run/nvidia/driver/") for s in sources)
    assert not any("/run/nvidia/driver" in mount["destination"] for mount in result.config["mounts"])
    assert "/run/nvidia/driver" in message(ask(m, "0")) or "driver root" in message(ask(m, "0"))


def test_nvml_in_trouble_stops_only_what_needs_it(machine):
    m = machine("a100-mig")
    m.set("fault=nvmlInit_v2:crash")
    assert nodes(ask(m, "0").ok()) == gpus(0)
    ask(m, "0", "NVIDIA_REQUIRE_CUDA=cuda>=12.0").ok()
    assert nodes(ask(m, "1:0").ok()) == sorted(mig_nodes(0))
    assert "NVML" in message(ask(m, MIG[0][0]))


def test_yaml_is_converted_once_and_again_when_it_changes(machine, tmp_path):
    m = machine("dgx-h100")
    cdi = tmp_path / "cdi"
    cdi.mkdir()
    spec = cdi / "acme.yaml"
    spec.write_text("cdiVersion: 0.5.0\nkind: acme.com/x\ndevices:\n- name: 0\n  containerEdits:\n    env: [A=1]\n")
    config = f'[nvidia-container-runtime.modes.cdi]\nspec-dirs = ["{cdi}"]'

    def env():
        return ask(m, "acme.com/x=0", config=config).ok().config["process"]["env"]

    def kept():
        return m.run("sh", "-c", "ls -i /run/nvidia-container-toolkit/cdi-*.json").ok().out

    assert "A=1" in env()
    first = kept()
    assert "A=1" in env() and kept() == first
    spec.write_text(spec.read_text().replace("A=1", "A=2"))
    assert "A=2" in env() and kept() != first
    spec.write_text("cdiVersion: [")
    assert "acme.yaml:2:1: " in message(ask(m, "acme.com/x=0", config=config))
