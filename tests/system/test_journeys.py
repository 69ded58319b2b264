# SPDX-License-Identifier: Apache-2.0
"""What users do, as the manuals and issue threads of the original tell it: the commands, and what they must show.

Each test is one journey, walked through the programs as installed and real runc, and judged from inside the
container where there is one. The finer cases of each are in the tests of the parts.
"""
import json
import os
import re
import subprocess

import pytest
import yaml
from test_runtime_devices import A100_MIG, DGX, MIG, annotated, privileged, volumes

from harness import BIN, RUNTIME, SIM, TOP

CTK = BIN / "nvidia-ctk"
CONTROL = 4
SPECS = "/var/run/cdi/nvidia.yaml"


@pytest.fixture(scope="module")
def eight(machines):
    """Eight GPUs, and the specification that an administrator generates."""
    m = machines("dgx-h100")
    m.run(CTK, "cdi", "generate", "--output", SPECS).ok()
    return m


def smi(machine, *env, image="glibc", **options):
    """The lines of `nvidia-smi -L` in a container."""
    return machine.container(image, ["nvidia-smi", "-L"], list(env), **options).ok().out.splitlines()


def on_host(machine):
    return machine.run("nvidia-smi", "-L").ok().out.splitlines()


def visible(*values):
    return "NVIDIA_VISIBLE_DEVICES=" + ",".join(values)


def nodes(result):
    """NVIDIA's nodes that a container was given; nvidia-caps too, /dev/dri not."""
    return [d["path"] for d in result.config["linux"].get("devices", []) if "/nvidia" in d["path"]]


def libraries(result):
    return {os.path.basename(mount["destination"]).split(".so")[0]
            for mount in result.config["mounts"] if ".so." in mount["destination"]}


def log_of(machine, *env, expect=0, config="", edit=None):
    """What the runtime writes into the engine's log."""
    bundle = machine.bundle(env=list(env), edit=edit)
    (bundle / "config.toml").write_text(config)
    done = machine.run(RUNTIME, "--log", bundle / "log", "--root", machine.tmp / "runc", "run", "--bundle", bundle, "logged",
                       env={"NVIDIA_CTK_CONFIG_FILE_PATH": str(bundle / "config.toml")})
    assert done.status == expect, done.err
    return (bundle / "log").read_text()


def message(result):
    assert result.status == 1 and len(result.err.splitlines()) == 1, result.err
    return result.err.replace('\\"', '"')


# Sample workloads and the choice of devices

def test_the_sample_workload_shows_the_gpus_of_the_host(eight):
    """J27, J28, J38: the table and the list of nvidia-smi, in an image that asks by its own environment."""
    assert smi(eight, visible("all")) == on_host(eight)

    def table(text):
        return text[text.index("+"):]

    inside = eight.container("glibc", ["nvidia-smi"], [visible("all"), "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]).ok().out
    assert table(inside) == table(eight.run("nvidia-smi").ok().out)


@pytest.mark.parametrize("name", ["all", "runtime.nvidia.com/gpu=all", "nvidia.com/gpu=all"])
def test_all_gpus_by_each_of_their_names(eight, name):
    """J29, J63."""
    result = eight.container("glibc", ["nvidia-smi", "-L"], [visible(name)]).ok()
    assert result.out.splitlines() == on_host(eight)
    assert len(nodes(result)) == 8 + CONTROL
    assert len(result.config["hooks"]["createContainer"]) == 1


@pytest.mark.parametrize("value, expected", [
    (["0", "1"], [0, 1]), ([DGX[5]], [5]), (["nvidia.com/gpu=3"], [3]), (["1", "2"], [1, 2]),
])
def test_chosen_gpus_and_no_others(eight, value, expected):
    """J30, J34: what `docker run --gpus` writes into the environment."""
    host = on_host(eight)
    seen = smi(eight, visible(*value))
    assert [line.split("UUID")[1] for line in seen] == [host[i].split("UUID")[1] for i in expected]


@pytest.mark.parametrize("mode", ["auto", "cdi"])
def test_none_is_the_driver_without_gpus(eight, mode):
    """J31; the original fails in mode cdi."""
    result = eight.container("glibc", ["nvidia-smi", "-L"], [visible("none")],
                             config=f'[nvidia-container-runtime]\nmode = "{mode}"')
    assert "No devices" in result.out + result.err
    assert len(nodes(result)) == CONTROL and "libcuda" in libraries(result)


@pytest.mark.parametrize("env", [[visible("void")], [visible("")], []])
def test_nothing_asked_nothing_done(eight, env):
    """J32: the bundle is not even written again; without runc, since the simulator writes into it as well."""
    bundle = eight.bundle(env=env)
    before = (bundle / "config.json").read_bytes()
    eight.start(bundle, config='[nvidia-container-runtime]\nruntimes = ["/bin/true"]').ok()
    assert (bundle / "config.json").read_bytes() == before


def test_an_image_from_before_the_variables_gets_every_gpu(eight):
    """J33."""
    assert smi(eight, "CUDA_VERSION=9.0.176") == on_host(eight)


def test_capabilities_choose_the_libraries(eight):
    """J35; the original ignores them outside legacy mode."""
    utility = eight.container(env=[visible("0"), "NVIDIA_DRIVER_CAPABILITIES=utility"]).ok()
    compute = eight.container(env=[visible("0"), "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]).ok()
    assert "libnvidia-ml" in libraries(utility) and "libcuda" not in libraries(utility)
    assert {"libnvidia-ml", "libcuda"} <= libraries(compute) and "libnvidia-encode" not in libraries(compute)


def test_requirements_of_an_image(eight):
    """J36, J37."""
    refused = eight.container(env=[visible("0"), "NVIDIA_REQUIRE_CUDA=cuda>=99.0"])
    assert "cuda>=99.0" in message(refused)
    eight.container(env=[visible("0"), "NVIDIA_REQUIRE_CUDA=cuda>=12.0 brand=nvidia, driver>=999", "NVIDIA_REQUIRE_B=cuda<99"]).ok()
    eight.container(env=[visible("0"), "NVIDIA_REQUIRE_CUDA=cuda>=99.0", "NVIDIA_DISABLE_REQUIRE=true"]).ok()


def test_newer_compatibility_libraries_of_the_image_win(eight):
    """J41."""
    bundle = eight.bundle("glibc", ["/bin/sh", "-c", "ldconfig -p | grep libcuda.so.1; ls /etc/ld.so.conf.d"], [visible("0")])
    compat = bundle / "rootfs/usr/local/cuda-13.1/compat"
    compat.mkdir(parents=True)
    eight.run(SIM, "library", "--soname=libcuda.so.1", compat / "libcuda.so.590.44.01").ok()
    (compat / "libcuda.so.1").symlink_to("libcuda.so.590.44.01")
    (bundle / "rootfs/usr/local/cuda").symlink_to("cuda-13.1")
    out = eight.start(bundle).ok().out
    assert re.match(r"\s*libcuda.so.1 .* => /usr/local/cuda(-13.1)?/compat/libcuda.so.1\n", out)
    assert len(re.findall("00-compat.*conf", out)) == 1


def test_containers_may_not_make_device_nodes(eight):
    """J42."""
    grep = ["grep", "ModifyDeviceFiles:", "/proc/driver/nvidia/params"]
    assert eight.container("glibc", grep, [visible("0")]).ok().out == "ModifyDeviceFiles: 0\n"
    assert eight.run(*grep).ok().out == "ModifyDeviceFiles: 1\n"


def test_a_site_may_keep_unprivileged_containers_from_asking(eight):
    """J46: such a container starts without a GPU, and the log says why."""
    config = "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    log = log_of(eight, visible("all"), config=config)
    assert re.search(r"level=warning.*NVIDIA_VISIBLE_DEVICES", log)
    assert smi(eight, visible("all"), config=config, edit=privileged) == on_host(eight)


def test_devices_by_a_list_of_mounts(eight):
    """J47: `-v /dev/null:/var/run/nvidia-container-devices/0`."""
    config = "accept-nvidia-visible-devices-as-volume-mounts = true\n" \
             "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    assert len(smi(eight, visible("all"), config=config, edit=volumes("0"))) == 1


def test_swarm_assigns_one_gpu(eight):
    """J48."""
    seen = smi(eight, visible("all"), f"DOCKER_RESOURCE_GPU={DGX[6]}", config='swarm-resource = "DOCKER_RESOURCE_GPU"')
    assert len(seen) == 1 and DGX[6] in seen[0]


# CDI: generate, list, use

def generate(machine, *options):
    return yaml.safe_load(machine.run(CTK, "cdi", "generate", *options).ok().out)


def names(spec):
    return [d["name"] for d in spec["devices"]]


def jobs(spec):
    return [h["args"][1] for h in spec["containerEdits"].get("hooks", [])]


def test_the_file_that_the_manual_has_one_write(eight):
    """J49, J50: default names, mode, formats; nothing else is left in the directory."""
    target = eight.tmp / "etc/cdi/nvidia.yaml"
    eight.run(CTK, "cdi", "generate", f"--output={target}").ok()
    assert target.stat().st_mode & 0o7777 == 0o644 and os.listdir(target.parent) == ["nvidia.yaml"]
    spec = yaml.safe_load(target.read_text())
    assert len(names(spec)) == 17 and {"0", DGX[0], "all"} <= set(names(spec))
    assert names(eight.run(CTK, "cdi", "generate", "--format=json").ok().json) == names(spec)


def test_the_options_of_generate(eight):
    """J51, J52, J53, J57."""
    assert len(names(generate(eight, "--device-name-strategy=uuid"))) == 9
    assert "gpu0" in names(generate(eight, "--device-name-strategy=type-index"))
    bogus = eight.run(CTK, "cdi", "generate", "--device-name-strategy=bogus").failed(1)
    assert "--device-name-strategy" in bogus.err and "bogus" in bogus.err and "type-index" in bogus.err
    assert generate(eight, "--vendor=acme.com", "--class=gpu")["kind"] == "acme.com/gpu"
    assert len(names(generate(eight, "--no-all-device"))) == 16
    assert len(names(generate(eight, "--device-id=0", "--device-id=1"))) == 5
    assert '"9"' in message(eight.run(CTK, "cdi", "generate", "--device-id=9")).replace('\\"', '"')
    separate = "--feature-flag=separate-hooks"
    assert jobs(generate(eight, "--disable-hook=all")) == []
    assert jobs(generate(eight, separate)) == [
        "create-symlinks", "create-symlinks", "enable-cuda-compat", "update-ldcache", "disable-device-node-modification",
        "update-application-profile"]
    assert "update-ldcache" not in jobs(generate(eight, separate, "--disable-hook=update-ldcache"))
    assert jobs(generate(eight, separate, "--disable-hook=all", "--enable-hook=update-ldcache")) == ["update-ldcache"]


def test_other_modes_of_generate(eight, machines):
    """J54, J55, J56; what is not there is named, and that engines get no empty device is the original's words for it."""
    eight.run(CTK, "cdi", "generate", "--mode=management", "--vendor=management.nvidia.com",
              "--output=/var/run/cdi/management-nvidia.yaml").ok()
    listed = eight.run(CTK, "cdi", "list").ok().out.split()
    assert "management.nvidia.com/gpu=all" in listed and "nvidia.com/gpu=all" in listed
    eight.run("rm", "/var/run/cdi/management-nvidia.yaml").ok()
    assert [n for n in names(generate(eight, "--mode=imex")) if n.isdigit()]
    for mode, node in [("gds", "nvidia-fs"), ("nvswitch", "nvidia-nvswitch"), ("gdrcopy", "gdrdrv"), ("mofed", "infiniband")]:
        assert node in message(machines("workstation").run(CTK, "cdi", "generate", f"--mode={mode}"))


def test_list_prints_one_name_per_line(eight):
    """J59: names on standard output, the count on standard error, success even without any."""
    done = eight.run(CTK, "cdi", "list").ok()
    assert done.out.splitlines() == sorted(done.out.splitlines()) and len(done.out.splitlines()) == 17
    assert 'level=info msg="Found 17 CDI devices"' in done.err
    empty = eight.run(CTK, "cdi", "list", "--spec-dir", eight.tmp / "none").ok()
    assert empty.out == "" and "Found 0 CDI devices" in empty.err


def test_a_specification_moves_to_another_root(eight):
    """J60."""
    eight.run(CTK, "cdi", "transform", "root", "--from=/", "--to=/run/nvidia/driver", f"--input={SPECS}",
              f"--output={eight.tmp}/moved.yaml", "--relative-to=host").ok()
    moved, spec = (yaml.safe_load(eight.run("cat", f).ok().out) for f in (eight.tmp / "moved.yaml", SPECS))
    assert [m["hostPath"] for m in moved["containerEdits"]["mounts"]] == [
        "/run/nvidia/driver" + m["hostPath"] for m in spec["containerEdits"]["mounts"]]
    assert names(moved) == names(spec)


def test_mode_cdi_maps_plain_values(eight):
    """J64."""
    config = '[nvidia-container-runtime]\nmode = "cdi"'
    assert smi(eight, visible("all"), config=config) == on_host(eight)
    assert len(smi(eight, visible("2"), config=config)) == 1


@pytest.mark.parametrize("runtime", [RUNTIME, BIN / "nvidia-container-runtime.cdi"])
def test_annotations_ask_for_devices(eight, runtime):
    """J65."""
    seen = smi(eight, edit=annotated("nvidia.com/gpu=2,nvidia.com/gpu=3"), runtime=runtime)
    assert [DGX[2] in seen[0], DGX[3] in seen[1], len(seen)] == [True, True, 2]
    unknown = eight.container(edit=annotated("nvidia.com/gpu=99"), runtime=runtime)
    assert "nvidia.com/gpu=99" in message(unknown)


def test_jobs_of_the_hook_can_be_turned_off(eight):
    """J70."""
    config = '[nvidia-container-runtime.modes.jit-cdi]\nnvcdi-disable-hooks = ["update-application-profile", "update-ldcache"]'
    result = eight.container("glibc", ["/bin/sh", "-c", "ldconfig -p"], [visible("0")], config=config).ok()
    assert "libcuda" not in result.out
    args = " ".join(result.config["hooks"]["createContainer"][0]["args"])
    assert "update-ldcache" in args and "--skip" in args


# MIG, IMEX, driver containers

def test_mig_devices(machines):
    """J72, J73, J74."""
    m = machines("a100-mig")
    found = names(generate(m))
    assert {"1:0", "1:1", "1:2", *(uuid for uuid, _ in MIG)} <= set(found) and "1" not in found
    for value in ("1:0", MIG[0][0]):
        seen = smi(m, visible(value))
        assert len(seen) == 2 and A100_MIG in seen[0] and MIG[0][0] in seen[1]
    result = m.container(env=[visible("1:0")]).ok()
    assert len([n for n in nodes(result) if "nvidia-cap" in n]) == 2
    assert "privileged" in message(m.container(env=[visible("all"), "NVIDIA_MIG_CONFIG_DEVICES=all"]))
    m.container(env=[visible("all"), "NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all"], edit=privileged).ok()


def test_imex_channels(eight):
    """J75."""
    plain, one = (eight.container(env=[visible("all"), *more]).ok() for more in ([], ["NVIDIA_IMEX_CHANNELS=0"]))
    assert set(nodes(one)) - set(nodes(plain)) == {"/dev/nvidia-caps-imex-channels/channel0"}
    assert "1048575" in message(eight.container(env=[visible("all"), "NVIDIA_IMEX_CHANNELS=1048575"]))


def test_a_driver_container(machines):
    """J78."""
    m = machines("driver-root")
    assert len(smi(m, visible("all"), config='[nvidia-container-cli]\nroot = "/run/nvidia/driver"')) == 2
    spec = generate(m, "--driver-root=/run/nvidia/driver", "--dev-root=/")
    for mount in spec["containerEdits"]["mounts"]:
        assert mount["hostPath"].startswith("/run/nvidia/driver/") and "/run/nvidia/driver" not in mount["containerPath"]
    for device in spec["devices"]:
        assert all("hostPath" not in node for node in device["containerEdits"]["deviceNodes"])


# Without a driver, and what must not break

def test_other_commands_become_those_of_runc(tmp_path):
    """J89."""
    for command in ("state", "kill", "delete"):
        ours = subprocess.run([RUNTIME, "--root", tmp_path, command, "nobody"], capture_output=True, text=True, check=False)
        runc = subprocess.run(["runc", "--root", tmp_path, command, "nobody"], capture_output=True, text=True, check=False)
        assert ours.returncode == runc.returncode == 1
        assert re.sub('time="[^"]*"', "", ours.stderr) == re.sub('time="[^"]*"', "", runc.stderr)


def test_a_hook_from_the_future_breaks_nothing():
    """J90."""
    done = subprocess.run([BIN / "nvidia-cdi-hook", "make-coffee", "--strength=7"], capture_output=True, text=True, check=True)
    assert done.stdout == "" and 'unknown command "make-coffee" is ignored' in done.stderr


def test_generate_without_a_driver_is_one_line():
    """J58."""
    if os.path.exists("/proc/driver/nvidia"):
        pytest.skip("this machine has a driver")
    done = subprocess.run([CTK, "cdi", "generate"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "driver" in done.stderr


# The way in

def test_the_demo_runs_and_fits_a_terminal():
    done = subprocess.run([TOP / "tools/demo", "h200-x1"], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n$ ") == 5 and "GPU 0: NVIDIA H200" in done.stdout and done.stderr == ""
    assert all(len(line.expandtabs()) <= 80 for line in done.stdout.split("$ nvidia-smi\n")[0].splitlines())
    shown = done.stdout.split("$ nvidia-smi\n")[0].strip()
    assert shown in (TOP / "README.md").read_text(), "the transcript in README.md is what the demo prints"
    bogus = subprocess.run([TOP / "tools/demo", "bogus"], capture_output=True, text=True, check=False)
    assert bogus.returncode == 1 and bogus.stdout == "" and "h200-x1" in bogus.stderr


def programs():
    for program, commands in [("nvidia-ctk", ["", "cdi", "cdi generate", "cdi list", "cdi validate", "cdi transform root", "hook"]),
                              ("nvidia-cdi-hook", ["", "setup", "create-symlinks", "update-ldcache", "enable-cuda-compat"]),
                              ("nvidia-gpu-sim", ["", "run", "set", "exec", "list", "show", "probe"])]:
        for command in commands:
            yield [BIN / program, *command.split()]


@pytest.mark.parametrize("argv", programs(), ids=lambda argv: " ".join(map(str, [argv[0].name, *argv[1:]])))
def test_help_fits_eighty_columns_and_a_wrong_option_comes_last(argv):
    out = subprocess.run([*argv, "--help"], capture_output=True, text=True, check=True).stdout
    assert out.startswith("Usage: ") and max(map(len, out.splitlines())) <= 80
    wrong = subprocess.run([*argv, "--hlep", "x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if argv[1:] in ([], ["hook"]) and "hook" in str(argv):
        assert wrong.returncode == 0
        return
    assert wrong.returncode == (2 if argv[0].name == "nvidia-gpu-sim" or argv[-1] == "validate" else 1)
    assert "unknown option --hlep, did you mean --help?" in wrong.stdout.splitlines()[-1].replace('\\"', '"')


def test_a_stranger_describes_a_machine(tmp_path):
    """The example of the manual, as it stands there; and a mistyped key."""
    example = re.search(r"```json\n(.*?)```", (TOP / "sim/platforms/README.md").read_text(), re.S)[1]
    file = tmp_path / "desk.json"
    file.write_text(example)
    shown = subprocess.run([SIM, "show", file], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("desk\n") and ", lost" in shown
    listed = subprocess.run([SIM, "run", "--platform", file, "--", "nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    assert "GPU 0: NVIDIA RTX A2000" in listed.stdout
    file.write_text(example.replace('"gpus"', '"gpuss"'))
    wrong = subprocess.run([SIM, "show", file], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1 and wrong.stderr.endswith(':5: unknown key "gpuss" in the machine, did you mean "gpus"?\n')
