# SPDX-License-Identifier: Apache-2.0
"""Bad input, file systems that refuse, system calls that fail, and programs that are killed half-way: one line that names
file and place, the documented exit status, and files that are the old ones or the new ones, never torn.

What a kill may leave: config.json.XXXXXX in the bundle and nvidia.yaml.XXXXXX beside a specification (both are names
that no reader looks at), .nvidia-* beside a file of a container root, and the same in /run/nvidia-container-toolkit.
"""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import BIN, RUNTIME, image, serial

HOOK = BIN / "nvidia-cdi-hook"
CTK = BIN / "nvidia-ctk"
KEPT = "/run/nvidia-container-toolkit"

# Calls that change what others see. A process that is killed between two of them leaves what it leaves when it is
# killed before the second, so these are all the moments there are.
CHANGES = re.compile(r"rename|unlink|symlink|link|mkdir|write|fchmod|fchown|ftruncate|mount|umount|fsconfig|fsmount|open")


class Traced:
    """A command on a machine, run under strace, and its system calls up to its first exec of something else."""

    def __init__(self, machine, argv, env=None, stdin=None):
        self.machine, self.argv, self.env, self.stdin = machine, argv, env or {}, stdin
        self.log = machine.tmp / "strace"

    def run(self, *options):
        return self.machine.run("strace", "-f", "-qq", "-o", self.log, *options, *self.argv, env=self.env, stdin=self.stdin)

    def calls(self, wanted):
        """[(name, its number among calls of that name in its process)] of one undisturbed run."""
        self.run()
        ret, counts = [], {}
        for line in self.log.read_text(errors="replace").splitlines():
            match = re.match(r"(\d+) +(\w+)\((.*)", line)
            if not match:
                continue
            pid, name, rest = match.groups()
            counts[pid, name] = nth = counts.get((pid, name), 0) + 1
            if name == "execve" and nth > 1:
                break
            if wanted(name, rest) and (name, nth) not in ret:
                ret.append((name, nth))
        return ret

    def disturb(self, call, how):
        name, nth = call
        return self.run("-e", f"inject={name}:{how}:when={nth}")


def changes(name, rest):
    if not CHANGES.match(name) or (name == "write" and rest.startswith(("1,", "2,"))):
        return False
    return "O_CREAT" in rest or not name.startswith("open") or name == "open_tree"


def fails(name, rest):
    """Calls that may fail on a machine in trouble."""
    return name in ("openat", "openat2", "open", "read", "pread64", "newfstatat", "fstat", "statx", "getdents64", "mmap", "readlinkat") or \
        changes(name, rest)


def lines_of(err):
    return [line for line in err.splitlines() if line]


class Bundle:
    """A bundle that asks for a GPU, with a low-level runtime that does nothing."""

    def __init__(self, machine, path):
        self.machine, self.path = machine, path
        path.mkdir()
        self.toml = machine.tmp / f"{path.name}.toml"
        # Static, so that it makes hardly any call that could be disturbed in place of ours.
        self.stub = machine.tmp / "true"
        if not self.stub.exists():
            shutil.copy(image("busybox") / "bin/busybox", self.stub)
        self.toml.write_text(f'[nvidia-container-runtime]\nruntimes = ["{self.stub}"]\n')
        self.env = {"NVIDIA_CTK_CONFIG_FILE_PATH": str(self.toml)}
        self.old = json.dumps({"ociVersion": "1.0.2", "process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]}, "root": {"path": "rootfs"}})
        self.argv = [RUNTIME, "create", "--bundle", path, "c1"]
        self.config = path / "config.json"
        self.reset()
        machine.run(*self.argv, env=self.env).ok()
        self.new = self.config.read_text()
        assert self.new != self.old
        self.reset()

    def reset(self):
        for name in os.listdir(self.path):
            (self.path / name).unlink()
        self.config.write_text(self.old)


@pytest.fixture
def bundle(machines):
    m = machines("h200-x1")
    return Bundle(m, m.tmp / f"b{next(serial)}")


# Killed half-way

@pytest.mark.parametrize("kept", [True, False], ids=["warm", "cold"])
def test_a_runtime_that_is_killed_leaves_the_old_or_the_new_spec(bundle, kept):
    traced = Traced(bundle.machine, bundle.argv, bundle.env)

    def reset():
        bundle.reset()
        if not kept:
            bundle.machine.run("rm", "-rf", KEPT).ok()

    reset()
    calls = traced.calls(changes)
    assert ("rename", 1) in calls and len(calls) >= (4 if kept else 7), calls
    killed = 0
    for call in calls:
        reset()
        # A run that finds everything kept makes fewer calls.
        status = traced.disturb(call, "signal=KILL").status
        assert status in (0, -9, 137), call
        killed += status != 0
        # The rename is the last change.
        assert bundle.config.read_text() == (bundle.old if status else bundle.new), call
        left = set(os.listdir(bundle.path)) - {"config.json"}
        assert len(left) <= 1 and all(re.fullmatch(r"config\.json\.\w{6}", name) for name in left), (call, left)
        # What was kept half-way confuses nobody.
        bundle.config.write_text(bundle.old)
        assert bundle.machine.run(*bundle.argv, env=bundle.env).ok().err == ""
        assert bundle.config.read_text() == bundle.new, call
    assert killed >= 4


def contents(root):
    """Links and files of a container root that an image of hard links did not bring, by name."""
    ret = {}
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(top, name)
            if os.path.islink(path):
                ret[os.path.relpath(path, root)] = os.readlink(path)
            elif os.path.isfile(path) and os.stat(path).st_nlink == 1:
                with open(path, "rb") as f:
                    ret[os.path.relpath(path, root)] = f.read()
    return ret


@pytest.fixture
def setup(machine):
    """The hook of a generated specification, and a root file system for it."""
    m = machine("h200-x1")
    spec = m.run(CTK, "cdi", "generate", "--format=json").ok().json
    hook = spec["containerEdits"]["hooks"][0]["args"]
    root = m.tmp / "rootfs"
    base = m.tmp / "base"
    argv = [HOOK, *hook[1:], f"--container-root={root}"]
    subprocess.run(["cp", "-a", image("glibc"), base], check=True)
    # Where mounts would show it.
    m.run("sh", "-c", f"mkdir -p {base}/usr/local && cp -a /usr/local/nvidia {base}/usr/local/").ok()

    def reset():
        subprocess.run(["rm", "-rf", root], check=True)
        subprocess.run(["cp", "-al", base, root], check=True)

    reset()
    before = contents(root)
    m.run(*argv).ok()
    after = contents(root)
    assert before != after
    return m, argv, root, reset, before, after


def test_a_hook_that_is_killed_leaves_whole_files_and_can_be_run_again(setup):
    m, argv, root, reset, before, after = setup
    traced = Traced(m, argv)
    reset()
    calls = traced.calls(changes)
    assert {"symlinkat", "renameat", "mkdirat"} & {name for name, _ in calls}, calls
    for call in calls[::max(1, len(calls) // 20)]:
        reset()
        traced.disturb(call, "signal=KILL")
        for name, data in contents(root).items():
            if not os.path.basename(name).startswith(".nvidia-"):
                assert data in (before.get(name), after.get(name)), (call, name)
        left = [name for name in contents(root) if os.path.basename(name).startswith(".nvidia-")]
        assert len(left) <= 1, (call, left)
        m.run(*argv).ok()
        assert {k: v for k, v in contents(root).items() if k not in left} == after, call


def test_a_generator_that_is_killed_leaves_the_old_or_the_new_file(machine):
    m = machine("h200-x1")
    target = m.tmp / "cdi/nvidia.yaml"
    traced = Traced(m, [CTK, "cdi", "generate", "--output", target])
    target.parent.mkdir()

    def reset():
        for name in os.listdir(target.parent):
            (target.parent / name).unlink()
        target.write_text("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n")

    reset()
    old = target.read_text()
    calls = traced.calls(changes)
    new = target.read_text()
    for call in calls:
        reset()
        traced.disturb(call, "signal=KILL")
        assert target.read_text() in (old, new), call
        left = set(os.listdir(target.parent)) - {"nvidia.yaml"}
        assert len(left) <= 1 and all(re.fullmatch(r"nvidia\.yaml\.\w{6}", name) for name in left), (call, left)


# Calls that fail (security.md K5)

@pytest.mark.parametrize("error", ["EIO", "ENOMEM"])
def test_a_runtime_whose_calls_fail_says_so_in_one_line_or_does_without(bundle, error):
    traced = Traced(bundle.machine, bundle.argv, bundle.env)
    failed = 0
    for call in traced.calls(fails):
        bundle.reset()
        result = traced.disturb(call, f"error={error}")
        text, err = bundle.config.read_text(), lines_of(result.err)
        assert result.status in (0, 1) and text in (bundle.old, bundle.new), (call, result.status, result.err)
        assert os.listdir(bundle.path) == ["config.json"] or call[0] == "unlink", (call, os.listdir(bundle.path))
        if result.status == 1:
            failed += 1
            assert len(err) == 1 and text == bundle.old, (call, err)
        else:
            assert not err and text == bundle.new, (call, err)
    assert failed > 3


def test_what_could_not_be_read_once_is_read_again_at_the_next_start(bundle):
    """Out of descriptors for a moment while the driver's files are looked at: nothing incomplete is kept."""
    m = bundle.machine
    traced = Traced(m, bundle.argv, bundle.env)
    m.run("rm", "-rf", KEPT).ok()
    call, = traced.calls(lambda name, rest: name.startswith("open") and "/libcuda.so.580.159.04\"" in rest)
    m.run("rm", "-rf", KEPT).ok()
    bundle.reset()
    err = traced.disturb(call, "error=EMFILE").failed(1).err
    assert "libcuda.so.580.159.04: " in err and len(lines_of(err)) == 1
    assert bundle.config.read_text() == bundle.old
    m.run(*bundle.argv, env=bundle.env).ok()
    assert bundle.config.read_text() == bundle.new


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_hook_whose_calls_fail_says_so_in_one_line_or_does_without(setup, error):
    m, argv, root, reset, before, after = setup
    traced = Traced(m, argv)
    reset()
    calls = traced.calls(changes)
    for call in calls[::max(1, len(calls) // 20)]:
        reset()
        result = traced.disturb(call, f"error={error}")
        found = contents(root)
        assert result.status in (0, 1), (call, result.err)
        assert result.status == 0 or len([line for line in lines_of(result.err) if "warning" not in line]) == 1, (call, result.err)
        assert not [name for name in found if os.path.basename(name).startswith(".nvidia-")] or "unlink" in call[0], call
        for name, data in found.items():
            assert data in (before.get(name), after.get(name)), (call, name)


# File systems that refuse: the snapshot is an accelerator only

@pytest.mark.parametrize("how", ["-o size=4k,nr_inodes=1", "-o ro"])
def test_a_directory_for_snapshots_that_refuses_is_done_without(machine, how):
    m = machine("h200-x1")
    bundle = Bundle(m, m.tmp / "b")
    m.run("rm", "-rf", KEPT).ok()
    m.run("sh", "-c", f"mkdir {KEPT} && mount -t tmpfs {how} none {KEPT}").ok()
    for _ in range(2):
        bundle.reset()
        assert m.run(*bundle.argv, env=bundle.env).ok().err == ""
        assert bundle.config.read_text() == bundle.new
    assert m.run("ls", "-A", KEPT).ok().out == ""


@pytest.mark.parametrize("damage", ["", "garbage", "HALF", "ZERO"])
def test_a_damaged_snapshot_is_made_anew(bundle, damage):
    m = bundle.machine
    m.run("sh", "-c", {
        "": f": > {KEPT}/snapshot", "garbage": f"echo garbage > {KEPT}/snapshot", "HALF": f"truncate -s 50% {KEPT}/snapshot 2>/dev/null || "
        f"truncate -s $(($(stat -c %s {KEPT}/snapshot) / 2)) {KEPT}/snapshot",
        "ZERO": f"dd if=/dev/zero of={KEPT}/snapshot bs=64 seek=2 count=1 conv=notrunc"}[damage]).ok()
    assert m.run(*bundle.argv, env=bundle.env).ok().err == ""
    assert bundle.config.read_text() == bundle.new


# Loader caches of the host

@pytest.mark.parametrize("damage", [": > {0}", "echo garbage > {0}", "rm -f {0}", "truncate -s 1000 {0}", "rm -f {0}; mkdir {0}"])
def test_a_driver_in_a_usual_place_is_found_with_any_loader_cache(machine, damage):
    m = machine("dgx-h100")
    m.run("sh", "-c", damage.format("/etc/ld.so.cache")).ok()
    result = m.container(env=["NVIDIA_VISIBLE_DEVICES=0"]).ok()
    assert any("/libcuda.so." in mount["destination"] for mount in result.config["mounts"])


# Specifications of others

SPEC = {"cdiVersion": "0.5.0", "kind": "acme.com/x", "devices": [{"name": "0", "containerEdits": {"env": ["A=1"]}}]}


def changed(**keys):
    return json.dumps({**SPEC, **keys})


def edits(**keys):
    return changed(devices=[{"name": "0", "containerEdits": keys}])


@pytest.mark.parametrize("name, text, place", [
    ("a.json", "{", "a.json:1:2"), ("a.json", "", "a.json:1:1"), ("a.json", "[]", "a.json:1: the document must be an object"), ("a.json", changed() + "x", "a.json:1:"),
    ("a.yaml", "cdiVersion: [\n", "a.yaml:2:1"), ("a.yaml", "a: &x 1\nb: *x\n", "a.yaml:"), ("a.yaml", "\tkind: x\n", "a.yaml:1:"),
    ("a.json", changed(cdiVersion="9.9.9"), "a.json:1:"), ("a.json", changed(cdiVersion=1), "a.json:1:"),
    ("a.json", changed(unknown=1), "a.json:1:"), ("a.json", edits(env=["no equals"]), "a.json:1:"), ("a.json", edits(env=[1]), "a.json:1:"),
    ("a.json", edits(deviceNodes=[{"path": "/dev/null", "major": 99999999999}]), "a.json:1:"),
    ("a.json", edits(deviceNodes=[{"path": "/dev/null", "permissions": "q"}]), "a.json:1:"),
    ("a.json", edits(deviceNodes=[{"path": "/dev/null", "type": "z"}]), "a.json:1:"),
    ("a.json", edits(mounts=[{"hostPath": "/x"}]), "a.json:1:"), ("a.json", edits(hooks=[{"hookName": "never", "path": "/x"}]), "a.json:1:"),
    ("a.json", edits(additionalGids=[-1]), "a.json:1:"), ("a.json", edits(additionalGids=[4294967296]), "a.json:1:"),
    ("a.json", changed(devices=[{"name": "-", "containerEdits": {"env": ["A=1"]}}]), "a.json:1:"),
    ("a.json", changed(devices=SPEC["devices"] * 2), "a.json:1:")])
def test_a_bad_specification_is_named_with_its_place(bundle, tmp_path, name, text, place):
    cdi = tmp_path / "cdi"
    cdi.mkdir()
    (cdi / name).write_text(text)
    bundle.toml.write_text(f'[nvidia-container-runtime]\nruntimes = ["{bundle.stub}"]\nmodes.cdi.spec-dirs = ["{cdi}"]\n')
    before = bundle.old.replace("VISIBLE_DEVICES=0", "VISIBLE_DEVICES=acme.com/x=0")
    bundle.config.write_text(before)
    result = bundle.machine.run(*bundle.argv, env=bundle.env).failed(1)
    assert place in result.err and "unresolvable CDI devices acme.com/x=0" in result.err, result.err
    assert len(lines_of(result.err)) == 1 and bundle.config.read_text() == before


@pytest.mark.parametrize("value", ["99999999999999999999", "4294967296", "-1", "1e3", "0x0", "0:99", "18446744073709551615:0", "GPU-", "MIG-", "/dev/sda",
                                   "$(id)", "../0", "0;1", "\x7f", "GPU-" + "a" * 5000])
def test_devices_that_are_none_are_refused_in_one_line(bundle, value):
    before = json.dumps({"process": {"env": [f"NVIDIA_VISIBLE_DEVICES={value}"]}})
    bundle.config.write_text(before)
    result = bundle.machine.run(*bundle.argv, env=bundle.env).failed(1)
    assert len(lines_of(result.err)) == 1 and bundle.config.read_text() == before
    assert len(result.err) < 2000 and result.err.strip().isprintable()
