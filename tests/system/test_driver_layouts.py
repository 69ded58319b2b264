# SPDX-License-Identifier: Apache-2.0
"""Drivers that lie elsewhere, are half there, or change after a specification was made."""
import pytest

from harness import BIN

CTK = BIN / "nvidia-ctk"
HOOK = BIN / "nvidia-cdi-hook"
ROOT = "/run/nvidia/driver"


def spec_of(machine, *options):
    return machine.run(CTK, "cdi", "generate", "--format=json", *options).ok().json


@pytest.mark.parametrize("root", [ROOT, ROOT + "/", "/run/nvidia/../nvidia/driver"])
def test_a_driver_root_is_stripped_from_container_paths(machines, root):
    spec = spec_of(machines("driver-root"), f"--driver-root={root}")
    mounts = spec["containerEdits"]["mounts"]
    assert any("/libcuda.so." in m["containerPath"] for m in mounts)
    for m in mounts:
        assert m["hostPath"].startswith(ROOT + "/") and not m["containerPath"].startswith(ROOT)
    env = dict(v.split("=", 1) for v in spec["containerEdits"]["env"])
    assert env["NVIDIA_CTK_LIBCUDA_DIR"].startswith("/usr/lib/")
    hook = spec["containerEdits"]["hooks"][0]["args"]
    assert f"--driver-root={ROOT}" in hook
    assert not [a for a in hook if "::" in a and ROOT in a]


def test_the_wrong_driver_root_names_the_right_one(machines):
    done = machines("driver-root").run(CTK, "cdi", "generate").failed(1)
    assert f"below the driver root /, but below {ROOT}: set the driver root to that" in done.err
    assert done.out == ""


def test_a_spec_is_refused_after_an_upgrade_of_the_driver(machine):
    m = machine("h200-x1")
    args = spec_of(m)["containerEdits"]["hooks"][0]["args"]
    covered = [a for a in args if a.startswith(("--fingerprint=", "--driver-library="))]
    rootfs = m.tmp / "rootfs"
    rootfs.mkdir()
    call = [HOOK, "setup", *covered, f"--container-root={rootfs}", "--skip=update-ldcache"]
    m.run(*call).ok()
    m.set("driver=590.10")
    assert "made for another driver" in m.run(*call).failed(1).err


def test_a_fingerprint_covers_libraries_wherever_they_are(machine):
    """Named by the user, in no place that loaders know."""
    m = machine("h200-x1")
    lib = m.tmp / "lib"
    usual = next(v for v in spec_of(m)["containerEdits"]["env"] if "LIBCUDA_DIR=" in v).split("=")[1]
    m.run("sh", "-c", f"mkdir {lib} && cp -a {usual}/libcuda.so* {usual}/libnvidia-ml.so* {lib}").ok()
    args = spec_of(m, f"--library-search-path={lib}")["containerEdits"]["hooks"][0]["args"]
    covered = [a for a in args if a.startswith(("--fingerprint=", "--driver-library="))]
    assert f"--driver-library={lib}/libcuda.so." in covered[1]
    rootfs = m.tmp / "rootfs"
    rootfs.mkdir()
    call = [HOOK, "setup", *covered, f"--container-root={rootfs}", "--skip=update-ldcache"]
    m.run(*call).ok()
    # Another driver's facts in between change nothing.
    spec_of(m)
    m.run(*call).ok()
    m.run("sh", "-c", f"echo >> $(ls {lib}/libcuda.so.*.*)").ok()
    assert "made for another driver" in m.run(*call).failed(1).err
