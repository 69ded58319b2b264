# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the driver: the same cause and cure from `cdi generate` and from a container start."""
import json

import pytest

from harness import BIN, SIM, TOP

CTK = BIN / "nvidia-ctk"


def platform(tmp_path, name, **driver):
    """A shipped platform with other keys of its driver."""
    machine = json.loads((TOP / f"sim/platforms/{name}.json").read_text())
    machine["driver"].update(driver)
    file = tmp_path / "platform.json"
    file.write_text(json.dumps(machine))
    return file


def both(m, tmp, *options, config=""):
    """The lines that generate writes and those that a start leaves in the engine's log, and whether both failed."""
    generate = m.run(CTK, "cdi", "generate", *options)
    bundle = tmp / "start"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps({"process": {"env": ["NVIDIA_VISIBLE_DEVICES=all"]}, "linux": {}}))
    (bundle / "config.toml").write_text(config + '\n[nvidia-container-runtime]\nruntimes = ["/bin/true"]\n')
    start = m.run(BIN / "nvidia-container-runtime", "--log", bundle / "log", "create", "--bundle", bundle, "x",
                  env={"NVIDIA_CTK_CONFIG_FILE_PATH": str(bundle / "config.toml")})
    log = (bundle / "log").read_text() if (bundle / "log").exists() else ""
    assert generate.out == "" or generate.status == 0
    assert (generate.status == 0) == (start.status == 0), generate.err + log
    return generate.status == 0, generate.err.splitlines(), (log or start.err).splitlines()


def check(found, works, *words):
    """One line in each says all of words; a failure is one line of level error."""
    worked, *sides = found
    assert worked == works, sides
    for lines in sides:
        said = [line for line in lines if all(w in line for w in words)]
        assert len(said) == 1, lines
        assert f"level={'warning' if works else 'error'}" in said[0]
        assert works or sum("level=error" in line for line in lines) == 1


@pytest.mark.parametrize("changes, words", [
    (["loaded=false"], ["the kernel module nvidia is not loaded", "run modprobe nvidia", "install the NVIDIA driver"]),
    (["loaded=false", "gpu.0.held_by=nouveau"],
     ["GPU 0000:01:00.0 is held by the driver nouveau", "blacklist nouveau, then load the module nvidia"]),
    (["loaded=false", "gpu.0.held_by=vfio-pci"],
     ["GPU 0000:01:00.0 is held by the driver vfio-pci", "unbind it"]),
    (["remove=/dev/nvidia0", "remove=/dev/nvidia1"], ["2 of 2", "/dev/nvidia0 is missing", "nvidia-modprobe -c 0"]),
    (["gpu.0.lost=true", "gpu.1.lost=true"], ["2 of 2", "GPU 0", "it is lost", "reboot"]),
])
def test_a_machine_whose_gpus_cannot_be_used(machine, tmp_path, changes, words):
    m = machine("workstation")
    m.set(*changes)
    check(both(m, tmp_path), False, *words)


@pytest.mark.parametrize("parts, words", [
    ([], ["the kernel module nvidia is loaded, but there is no libcuda.so or libnvidia-ml.so below /",
          "install the driver's libraries"]),
    (["utility"], ["there is no libcuda.so.575.64.05 below /", "install the driver's compute libraries"]),
])
def test_a_module_without_its_package(machine, tmp_path, parts, words):
    check(both(machine(platform(tmp_path, "workstation", parts=parts)), tmp_path), False, *words)


def test_a_wrong_driver_root(machines, tmp_path):
    m = machines("driver-root")
    check(both(m, tmp_path), False, "below the driver root /, but below /run/nvidia/driver")


def test_a_driver_root_that_is_not_there(machines, tmp_path):
    found = both(machines("driver-root"), tmp_path, "--driver-root=/no/driver",
                 config='[nvidia-container-cli]\nroot = "/no/driver"')
    check(found, False, "/no/driver")


@pytest.mark.parametrize("node, words", [
    ("/dev/nvidiactl", ["without which no GPU can be used", "nvidia-modprobe -c 0"]),
    ("/dev/nvidia-uvm", ["without which CUDA does not work", "nvidia-modprobe -u"]),
    ("/dev/nvidia0", ["GPU 0 (0000:01:00.0) is left out", "nvidia-modprobe -c 0"]),
])
def test_a_missing_node_is_said(machine, tmp_path, node, words):
    m = machine("workstation")
    m.set(f"remove={node}")
    check(both(m, tmp_path), True, f"{node} is missing", *words)


def test_an_upgrade_that_is_half_done(machine, tmp_path):
    """The files are new, the module is old."""
    m = machine("workstation")
    m.run("sh", "-c", "sed s/575.64.05/570.10/ /proc/driver/nvidia/version > /run/version && "
          "mount --bind /run/version /proc/driver/nvidia/version").ok()
    check(both(m, tmp_path), True, "are of version 575.64.05", "kernel module is 570.10", "reboot")


@pytest.mark.parametrize("code, words", [
    (18, ["Driver/library version mismatch", "reboot"]), (9, ["modprobe nvidia"]), (4, ["ermission"]),
])
def test_what_nvml_refuses_has_a_cure(machine, code, words):
    """The UUIDs of MIG devices come from NVML alone."""
    m = machine("a100-mig")
    m.set(f"fault=nvmlInit_v2:return={code}")
    done = m.run(CTK, "cdi", "generate").failed(1)
    assert all(w in done.err for w in words) and done.err.count("\n") == 1


def test_what_only_root_may_write_is_named(machines):
    m = machines("workstation")
    done = m.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CTK, "cdi", "generate",
                 "--output=/etc/cdi/nvidia.yaml").failed(1)
    assert "/etc/cdi" in done.err and "ermission denied" in done.err


# The simulator's own words

@pytest.mark.parametrize("change, words", [
    ("bogus", ['"bogus" is no change: write KEY=VALUE']),
    ("gpu.0.temperture_c=50", ["gpu.0.temperture_c=50: ", 'did you mean "temperature_c"?']),
    ("gpu.0.lost=maybe", ["gpu.0.lost=maybe: ", "must be true or false"]),
    ("driver=abc", ["driver=abc: ", "580.159.04"]),
    ("fault=nvmlBogus:return=3", ["nvmlBogus", "no such function"]),
    ("gpu.9.lost=true", ["gpu.9.lost=true: "]),
])
def test_a_change_that_cannot_be_is_refused_by_name(machines, change, words):
    done = machines("workstation").run(SIM, "set", change).failed(1)
    assert all(w in done.err for w in words) and done.err.count("\n") == 1


@pytest.mark.parametrize("argv", [["list"], ["show", "workstation"], ["show", "a100-mig"], ["show", "mig-112"],
                                  ["--help"], ["run", "--help"], ["set", "--help"]])
def test_the_simulator_writes_eighty_columns(machines, argv):
    out = machines("workstation").run(SIM, *argv).ok().out
    assert out.endswith("\n") and max(map(len, out.splitlines())) <= 80
