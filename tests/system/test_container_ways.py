# SPDX-License-Identifier: Apache-2.0
"""Containers that are started in unusual ways: read-only, in a user namespace, without rights, with shared mounts, again,
side by side, a hundred at once. What they see is the same as in test_container.py."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from harness import BIN, RUNTIME

PARAMS = "/proc/driver/nvidia/params"
CONTROL = {"/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl"}
GPU0 = {**{path: "ENXIO" for path in CONTROL}, "/dev/nvidia0": "ENXIO"}
PROBE = ("/nvidia-gpu-sim", "probe", "--file", PARAMS)
SMI = ("/bin/sh", "-c", "nvidia-smi -L; grep Modify " + PARAMS)
SAID = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-d6c0de00-0100-4800-a100-00000000001b)\nModifyDeviceFiles: 0\n"
ASK = ["NVIDIA_VISIBLE_DEVICES=0"]


def opened(result):
    return {n["path"]: n["open"] for n in result.ok().json["nodes"]}


def tree(path):
    """Every name below a directory with its type, mode, owner, size and link."""
    done = subprocess.run(["find", path, "-printf", "%P %y %m %U %G %s %l\n"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


# Roots that cannot be written

def read_only(config):
    config["root"]["readonly"] = True


@pytest.mark.parametrize("kind", ["glibc", "musl"])
def test_a_read_only_root(machines, kind):
    m = machines("dgx-h100")
    assert opened(m.container(kind, PROBE, ASK, read_only)) == GPU0
    if kind == "glibc":
        assert m.container(kind, SMI, ASK, read_only).ok().out == SAID


def test_an_image_that_knows_the_driver_starts_from_a_read_only_file_system(machines):
    """Mount points, links and cache are there since the first start."""
    m = machines("dgx-h100")
    bundle = m.bundle("glibc", SMI, ASK)
    original = (bundle / "config.json").read_text()
    assert m.start(bundle).ok().out == SAID
    before = tree(bundle / "rootfs")
    m.run("mount", "--bind", bundle / "rootfs", bundle / "rootfs").ok()
    m.run("mount", "-o", "remount,bind,ro", bundle / "rootfs").ok()
    (bundle / "config.json").write_text(original)
    assert m.start(bundle).ok().out == SAID
    assert tree(bundle / "rootfs") == before


# Fewer rights

def without_rights(config):
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    config["process"]["capabilities"] = {}
    config["process"]["noNewPrivileges"] = True


def test_a_process_without_rights(machines):
    m = machines("dgx-h100")
    result = m.container("glibc", PROBE, ASK, without_rights)
    assert opened(result) == GPU0 and result.json["uid"] == 1000
    assert m.container("glibc", SMI, ASK, without_rights).ok().out == SAID


def in_user_namespace(config):
    config["linux"]["namespaces"].append({"type": "user"})
    for key in ("uidMappings", "gidMappings"):
        config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@pytest.fixture(scope="module")
def installed():
    """The programs where every user may reach them: a hook runs as root of the container's user namespace."""
    with tempfile.TemporaryDirectory(prefix="installed-", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        shutil.copytree(BIN.resolve().parent, f"{name}/usr", symlinks=True)
        yield pathlib.Path(name) / "usr/bin/nvidia-container-runtime"


@pytest.mark.parametrize("kind", ["glibc", "musl", "busybox"])
def test_a_user_namespace(machines, installed, kind):
    m = machines("dgx-h100")
    args = SMI if kind == "glibc" else PROBE
    bundle = m.bundle(kind, args, ASK, in_user_namespace)
    for path in (bundle, *bundle.parents[:-2]):
        path.chmod(0o755)
    subprocess.run(["chown", "-R", "100000:100000", bundle / "rootfs"], check=True)
    result = m.start(bundle, runtime=installed)
    if kind == "glibc":
        assert result.ok().out == SAID
    else:
        assert opened(result) == GPU0
        assert "ModifyDeviceFiles: 0" in result.json["files"][PARAMS]
    # Nothing in the image belongs to a user that the container does not have.
    assert {line.split()[-3] for line in
            subprocess.run(["find", bundle / "rootfs", "-printf", "%U %G %y\n"], capture_output=True, text=True,
                           check=True).stdout.splitlines()} == {"100000"}


# Shared mounts (security.md F4)

def host_mounts(m):
    return m.run("cat", "/proc/self/mountinfo").ok().out


@pytest.mark.parametrize("propagation", ["shared", "slave", "private"])
def test_nothing_that_is_mounted_for_a_container_appears_on_the_host_s39(machines, propagation):
    m = machines("dgx-h100")

    def edit(config):
        config["linux"]["rootfsPropagation"] = propagation

    bundle = m.bundle("glibc", SMI, ASK, edit)
    m.run("mount", "--bind", bundle, bundle).ok()
    m.run("mount", "--make-shared", bundle).ok()
    before = host_mounts(m)
    assert m.start(bundle).ok().out == SAID
    assert host_mounts(m) == before


def test_the_procfs_of_the_host_is_not_covered_with_that_of_a_container(machine):
    """Engines set shared when a volume is rshared; params of the host would be covered too."""
    m = machine("dgx-h100")
    m.run("mount", "--make-rshared", "/proc").ok()

    def edit(config):
        config["linux"]["rootfsPropagation"] = "shared"
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "pid"]
        config["linux"].pop("maskedPaths")
        config["linux"].pop("readonlyPaths")
        config["mounts"] = [x for x in config["mounts"] if x["destination"] != "/proc"]
        config["mounts"].insert(0, {"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind", "rshared"]})

    before = host_mounts(m)
    result = m.container("glibc", SMI, ASK, edit).failed(1)
    assert f"{PARAMS} lies on a mount that is shared with others" in result.err
    assert host_mounts(m) == before


# Another low-level runtime

@pytest.mark.skipif(not shutil.which("crun"), reason="crun is not installed")
@pytest.mark.parametrize("args", [PROBE, SMI], ids=["probe", "smi"])
def test_crun(machines, args):
    m = machines("dgx-h100")
    bundle = m.bundle("glibc", args, ASK)
    toml = bundle / "config.toml"
    toml.write_text('[nvidia-container-runtime]\nruntimes = ["crun"]\n')
    # crun 1.8 refuses to start anything while both versions of control groups are mounted.
    script = f"umount /sys/fs/cgroup/unified 2>/dev/null; exec {RUNTIME} --root {m.tmp}/crun run --bundle {bundle} {bundle.name}"
    result = m.run("unshare", "--mount", "sh", "-c", script, env={"NVIDIA_CTK_CONFIG_FILE_PATH": str(toml)})
    if args == SMI:
        assert result.ok().out == SAID
    else:
        assert opened(result) == GPU0
        assert "ModifyDeviceFiles: 0" in result.json["files"][PARAMS]


# Again, side by side, a hundred at once

@pytest.mark.parametrize("kind", ["debian", "glibc", "musl", "empty"])
def test_a_container_that_starts_again_is_as_before(machines, kind):
    m = machines("dgx-h100")
    bundle = m.bundle(kind, PROBE, ASK)
    original = (bundle / "config.json").read_text()

    def start():
        result = m.start(bundle)
        assert opened(result) == GPU0
        return tree(bundle / ("upper" if kind == "debian" else "rootfs")), result.config, result.json

    files, config, seen = start()
    again, same, _ = start()  # the engine died, and config.json is the edited one
    assert again == files
    assert same == {**config, "hooks": same["hooks"]}
    assert len(same["hooks"]["createContainer"]) == 1
    (bundle / "config.json").write_text(original)
    again, same, seen_again = start()  # docker restart
    assert (again, same) == (files, config)
    assert len(seen_again["mounts"]) == len(seen["mounts"]) and seen_again["links"] == seen["links"]


def test_containers_side_by_side_see_their_own_gpu(machines):
    m = machines("dgx-h100")
    args = ("/bin/sh", "-c", "sleep 0.3; nvidia-smi -L")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(m.container, "glibc", args, [f"NVIDIA_VISIBLE_DEVICES={i}"]) for i in range(4)]
        for i, one in enumerate(asked):
            assert one.result().ok().out.endswith(f"(UUID: GPU-d6c0de0{i}-0100-4800-a100-0000000000{['1b', '43', '52', '61'][i]})\n")


BURST = """
i=0
while [ $i -lt 100 ]; do
	{ RUNTIME create --bundle DIR/b$i c$i >DIR/b$i/out 2>&1; echo $? >DIR/b$i/status; } &
	i=$((i + 1))
done
wait
"""


def test_a_hundred_at_once_all_succeed(machine, tmp_path):
    """The first of them find no snapshot, so all the others wait for it or do without."""
    m = machine("mig-112")
    config = {"ociVersion": "1.0.2", "process": {"env": ["NVIDIA_VISIBLE_DEVICES=all"], "user": {}}, "root": {"path": "rootfs"}}
    for i in range(100):
        (tmp_path / f"b{i}").mkdir()
        (tmp_path / f"b{i}/config.json").write_text(json.dumps(config))
    toml = tmp_path / "config.toml"
    toml.write_text('[nvidia-container-runtime]\nruntimes = ["/bin/true"]\n')
    script = BURST.replace("RUNTIME", str(RUNTIME)).replace("DIR", str(tmp_path))
    m.run("sh", "-c", script, env={"NVIDIA_CTK_CONFIG_FILE_PATH": str(toml)}).ok()
    left = [(tmp_path / f"b{i}/status").read_text() + (tmp_path / f"b{i}/out").read_text() for i in range(100)]
    assert set(left) == {"0\n"}
    made = {(tmp_path / f"b{i}/config.json").read_text().replace(f"b{i}/", "") for i in range(100)}
    assert len(made) == 1 and "/dev/nvidia15" in made.pop()
    assert all(os.listdir(tmp_path / f"b{i}") for i in range(100))
