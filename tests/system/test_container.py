# SPDX-License-Identifier: Apache-2.0
"""Containers on simulated machines with real runc, judged from inside: what opens and what does not, how it is mounted,
what the image's own loader finds, for every image and every kind of machine."""
import json
import re
import subprocess

import pytest


CONTROL = {"/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl"}
PARAMS = "/proc/driver/nvidia/params"
MIG = "MIG-a100c0de-0003-5010-9000-000000000002"

# Says for each name whether the image's own loader finds it.
LOADS = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%s\n", dlopen(argv[i], RTLD_NOW) ? "found" : dlerror());
	return 0;
}
"""
NAMES = ["libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvcuvid.so.1", "libGLX_nvidia.so.0"]


@pytest.fixture(scope="module")
def loads(tmp_path_factory):
    """loads("gcc"), loads("musl-gcc"): the program LOADS for the images of that C library."""
    top = tmp_path_factory.mktemp("loads")

    def make(cc):
        program = top / cc
        if not program.exists():
            subprocess.run([cc, "-x", "c", "-", "-o", program], input=LOADS, text=True, check=True)
        return program

    return make


class Seen:
    """What one container printed about itself."""

    def __init__(self, result):
        before, report = re.fullmatch(r"(.*?)(^\{$.*)", result.out, re.M | re.S).groups()
        self.said, self.config, self.bundle = before, result.config, result.bundle
        for key, value in json.loads(report).items():
            setattr(self, key, value)
        self.opened = {n["path"]: n["open"] for n in self.nodes}
        self.usable = {path for path, how in self.opened.items() if how == "ENXIO"}

    def driver_mounts(self):
        """Mounts that came from the driver: not runc's, not the harness's."""
        ours = {m["destination"] for m in self.config["mounts"] if {"nosuid", "rprivate"} <= set(m.get("options", []))}
        ours |= {"/usr" + path for path in ours}  # images where /lib is a link to /usr/lib
        return [m for m in self.mounts if m["target"] in ours]


def first(script):
    """Arguments that run a script and then the probe."""
    return ("/bin/sh", "-c", f"{script}\nexec /nvidia-gpu-sim probe --file {PARAMS}")


PROBE = ("/nvidia-gpu-sim", "probe", "--file", PARAMS)


def look(machine, kind="busybox", args=PROBE, devices="0", env=(), **options):
    return Seen(machine.container(kind, args, [f"NVIDIA_VISIBLE_DEVICES={devices}", *env], **options).ok())


def with_foreign_node(config):
    """The node of another GPU, as an image or a volume may hold it: there, but no rule allows it."""
    config["linux"]["devices"] = [{"path": "/dev/nvidia2", "type": "c", "major": 195, "minor": 2, "fileMode": 0o666}]


# Every image

def check_mounts(seen):
    mounts = seen.driver_mounts()
    assert any(m["target"].startswith("/usr/lib/x86_64-linux-gnu/libcuda.so.") for m in mounts)
    for mount in mounts:
        flags = set(mount["options"].split(","))
        assert {"nosuid", "nodev"} <= flags, mount
        is_socket = mount["target"].endswith("/socket") or mount["target"] == "/tmp/nvidia-mps"
        assert ("noexec" in flags and "ro" not in flags) if is_socket else "ro" in flags, mount


def check_params(seen):
    assert "\nModifyDeviceFiles: 0\n" in seen.files[PARAMS]
    params, = (m for m in seen.mounts if m["target"] == PARAMS)
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(params["options"].split(","))
    assert "ro" in params["super_options"].split(",")


@pytest.mark.parametrize("kind", ["debian", "glibc", "musl", "busybox", "empty"])
def test_every_image_gets_its_gpu_and_nothing_more(machines, kind):
    seen = look(machines("dgx-h100"), kind, devices="1", edit=with_foreign_node)
    assert seen.opened == {**{path: "ENXIO" for path in {"/dev/nvidia1", *CONTROL}}, "/dev/nvidia2": "EPERM"}
    check_mounts(seen)
    check_params(seen)
    assert "/run/nvidia-persistenced/socket" in {m["target"] for m in seen.driver_mounts()}
    assert seen.env["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert sum(v.startswith("NVIDIA_VISIBLE_DEVICES=") for v in seen.config["process"]["env"]) == 1
    assert seen.env["NVIDIA_CTK_LIBCUDA_DIR"] == "/usr/lib/x86_64-linux-gnu"
    assert seen.links["/usr/lib/x86_64-linux-gnu/libcuda.so"] == "libcuda.so.1"
    assert seen.links["/usr/lib/x86_64-linux-gnu/libcuda.so.1"] == "libcuda.so.570.133.20"
    assert seen.groups == []


def run_in(machine, kind, program, script, **options):
    def edit(config):
        config["mounts"].append({"destination": "/loads", "type": "bind", "source": str(program), "options": ["bind", "ro"]})
    return look(machine, kind, first(script), edit=edit, **options)


@pytest.mark.parametrize("platform, kind, names", [
    ("dgx-h100", "debian", NAMES), ("dgx-h100", "glibc", NAMES), ("a100-mig", "debian", NAMES[:4]), ("a100-mig", "glibc", NAMES[:4]),
    ("h200-x1", "debian", NAMES[:3]), ("h200-x1", "glibc", NAMES[:3]), ("workstation", "glibc", NAMES)])
def test_the_loader_of_the_image_finds_the_driver_wherever_it_lies(machines, loads, platform, kind, names):
    seen = run_in(machines(platform), kind, loads("gcc"), f"nvidia-smi -L; /loads {' '.join(names)}")
    smi, *found = seen.said.splitlines()
    assert smi.startswith("GPU 0: NVIDIA ") and found == ["found"] * len(names), seen.said
    assert "libcuda.so.1" in {entry["soname"] for entry in seen.ldcache}


@pytest.mark.parametrize("platform", ["dgx-h100", "a100-mig", "h200-x1"])
def test_the_loader_of_a_musl_image_finds_the_driver(machines, loads, platform):
    seen = run_in(machines(platform), "musl", loads("musl-gcc"), "/loads libcuda.so.1 libnvidia-ptxjitcompiler.so.1")
    assert seen.said == "found\nfound\n"


def test_only_what_a_container_asked_for_is_loaded(machines, loads):
    seen = run_in(machines("dgx-h100"), "glibc", loads("gcc"), f"/loads {' '.join(NAMES[:2])}", env=["NVIDIA_DRIVER_CAPABILITIES=compute"])
    cuda, nvml = seen.said.splitlines()
    assert cuda == "found" and "cannot open shared object file" in nvml


# What a container may try

TRIES = f"""
mknod /dev/nvidia3 c 195 3 || echo mknod failed
mknod /dev/mig c 195 7
echo 1 2>/dev/null >{PARAMS} || echo cannot write
rm -f {PARAMS} 2>/dev/null || echo cannot remove
mv {PARAMS} /tmp/x 2>/dev/null || echo cannot move
umount {PARAMS} 2>/dev/null || echo cannot unmount
mount -o remount,rw,bind {PARAMS} 2>/dev/null || echo cannot remount
for f in /usr/lib/x86_64-linux-gnu/libcuda.so.570* /usr/bin/nvidia-smi; do (echo x >>$f) 2>/dev/null || echo cannot write; done
mount -o remount,rw,bind /usr/bin/nvidia-smi 2>/dev/null || echo cannot remount
head -c 4 </dev/mig || true
"""


def test_root_of_a_container_gets_no_further_than_it_was_let(machines):
    """The default capabilities and CAP_MKNOD, as Docker gives it."""
    def edit(config):
        for kind in config["process"]["capabilities"].values():
            kind.append("CAP_MKNOD")

    seen = look(machines("dgx-h100"), args=first(TRIES), edit=edit)
    assert seen.said.splitlines() == ["cannot write", "cannot remove", "cannot move", "cannot unmount", "cannot remount",
                                      "cannot write", "cannot write", "cannot remount"]
    assert seen.opened["/dev/nvidia3"] == "EPERM" and seen.opened["/dev/nvidia0"] == "ENXIO"
    check_params(seen)


# Kinds of machine

def test_mig_devices_come_with_their_capabilities(machines):
    seen = look(machines("a100-mig"), devices=MIG)
    caps = {path for path in seen.usable if path.startswith("/dev/nvidia-caps/")}
    assert seen.usable - CONTROL - caps == {"/dev/nvidia1"} and len(caps) == 2
    assert set(seen.opened.values()) == {"ENXIO"}
    assert all(n["mode"] in ("0444", "0666") for n in seen.nodes)


def test_the_fabric_of_a_server(machines):
    features = ["NVIDIA_GDS=enabled", "NVIDIA_MOFED=enabled", "NVIDIA_GDRCOPY=enabled", "NVIDIA_NVSWITCH=enabled", "NVIDIA_IMEX_CHANNELS=0,3"]
    seen = look(machines("dgx-h100"), devices="all", env=features)
    expected = CONTROL | {f"/dev/nvidia{i}" for i in range(8)} | {f"/dev/nvidia-fs{i}" for i in range(16)} | {"/dev/gdrdrv"} \
        | {f"/dev/infiniband/uverbs{i}" for i in range(8)} | {"/dev/infiniband/rdma_cm"} \
        | {"/dev/nvidia-nvswitchctl"} | {f"/dev/nvidia-nvswitch{i}" for i in range(4)} \
        | {f"/dev/nvidia-caps-imex-channels/channel{i}" for i in (0, 3)}
    # The machine may have the driver behind rdma_cm.
    assert set(seen.opened) == seen.usable | {"/dev/infiniband/rdma_cm"} == expected
    assert seen.opened["/dev/infiniband/rdma_cm"] != "EPERM"
    targets = {m["target"] for m in seen.driver_mounts()}
    assert {"/run/nvidia-fabricmanager/socket", "/run/udev", "/etc/cufile.json"} <= targets
    assert [v for v in seen.config["process"]["env"] if v.startswith("NVIDIA_VISIBLE")] == ["NVIDIA_VISIBLE_DEVICES=void"]


def test_a_workstation_shows_its_display(machines):
    seen = look(machines("workstation"), "debian", devices="0")
    dri = {path for path in seen.usable if path.startswith("/dev/dri/")}
    assert dri == {"/dev/dri/card1", "/dev/dri/renderD128"}
    assert seen.usable == CONTROL | dri | {"/dev/nvidia0"}
    assert {path: target for path, target in seen.links.items() if path.startswith("/dev/dri/")} == {
        "/dev/dri/by-path/pci-0000:01:00.0-card": "../card1", "/dev/dri/by-path/pci-0000:01:00.0-render": "../renderD128"}
    targets = {m["target"] for m in seen.driver_mounts()}
    for path in ("/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "/etc/vulkan/icd.d/nvidia_icd.json", "/etc/OpenCL/vendors/nvidia.icd",
                 "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json", "/usr/lib/firmware/nvidia/575.64.05/gsp_ga10x.bin"):
        assert path in targets, path
    assert any(t.endswith("/nvidia_drv.so") for t in targets) and any("libglxserver_nvidia.so." in t for t in targets)
    assert seen.links["/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so"] == "../libnvidia-allocator.so.1"


def test_a_driver_below_a_root_looks_as_if_it_were_installed(machines, loads):
    config = '[nvidia-container-cli]\nroot = "/run/nvidia/driver"'
    seen = run_in(machines("driver-root"), "debian", loads("gcc"), f"nvidia-smi -L; /loads {' '.join(NAMES)}", config=config)
    smi, *found = seen.said.splitlines()
    assert smi.startswith("GPU 0: NVIDIA A100") and set(found) == {"found"}
    assert seen.usable == CONTROL | {"/dev/nvidia0"}
    assert not [m for m in seen.mounts if m["target"].startswith("/run/nvidia/driver")]
    assert seen.env["NVIDIA_CTK_LIBCUDA_DIR"] == "/usr/lib/x86_64-linux-gnu"
    check_mounts(seen)


def test_a_driver_in_usr_local_stays_there_and_its_programs_are_found(machines):
    seen = look(machines("h200-x1"), "debian", first("command -v nvidia-smi"))
    assert seen.said in ("/usr/bin/nvidia-smi\n", "/usr/local/nvidia/bin/nvidia-smi\n")
    targets = {m["target"] for m in seen.driver_mounts()}
    assert any(t.startswith("/usr/local/nvidia/lib64/libcuda.so.") for t in targets)
    assert seen.env["NVIDIA_CTK_LIBCUDA_DIR"] == "/usr/local/nvidia/lib64"


def test_groups_of_nodes_become_groups_of_the_process(machine):
    m = machine("h200-x1")
    m.run("sh", "-c", "chgrp 44 /dev/nvidia0 /dev/nvidia-uvm; chmod 660 /dev/nvidia0; chmod 666 /dev/nvidia-uvm; "
                      "chgrp 45 /dev/nvidiactl; chmod 640 /dev/nvidiactl").ok()

    def as_user(config):
        config["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [44, 7]}
        config["process"]["capabilities"] = {}

    seen = look(m, edit=as_user)
    assert seen.config["process"]["user"]["additionalGids"] == [44, 7, 45]
    assert sorted(seen.groups) == [7, 44, 45] and (seen.uid, seen.gid) == (1000, 1000)
    assert seen.opened["/dev/nvidia0"] == "ENXIO"
    off = "[features]\nno-additional-gids-for-device-nodes = true"
    assert look(m, edit=as_user, config=off).config["process"]["user"]["additionalGids"] == [44, 7]
