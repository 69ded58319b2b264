# SPDX-License-Identifier: Apache-2.0
"""nvidia-cdi-hook's command line (ctk-cdi.md 5.1, 5.2) and what each hook leaves in a container's tree."""
import json
import os
import stat
import subprocess

import pytest

from harness import BIN

HOOK = BIN / "nvidia-cdi-hook"


class Tree:
    """A container's root and the state that a runtime would write."""

    def __init__(self, path):
        self.path, self.root = path, path / "rootfs"
        self.root.mkdir()
        (path / "config.json").write_text('{"root": {"path": "rootfs"}}')
        self.state = json.dumps({"ociVersion": "1.0.2", "id": "c1", "pid": 7, "bundle": str(path)})

    def run(self, *args, stdin=None, env=None):
        return subprocess.run([HOOK, *args], input=self.state if stdin is None else stdin, env=env or {}, timeout=20,
                              capture_output=True, text=True, check=False)

    def ok(self, *args, **options):
        done = self.run(*args, **options)
        assert done.returncode == 0, done.stderr
        return done

    def fails(self, text, *args, **options):
        """One line on standard error that says why."""
        done = self.run(*args, **options)
        assert done.returncode == 1, done.stderr
        assert text in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("nvidia-cdi-hook: ")
        return done


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.mark.parametrize("argv", [[], ["--new-root-flag"], ["new-hook"], ["new-hook", "--flag", "x", "--other=y"], ["noop"]])
def test_what_a_newer_specification_asks_for_is_success(tree, argv):
    done = tree.ok(*argv, stdin="no state")
    assert argv == ["noop"] or "warning" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("hook", ["create-symlinks", "update-ldcache", "enable-cuda-compat", "setup", "chmod",
                                  "disable-device-node-modification", "update-application-profile"])
def test_an_unknown_option_of_a_known_hook_is_wrong_usage(tree, hook):
    done = tree.run(hook, "--no-such-option")
    assert done.returncode == 1
    assert "Incorrect Usage" in done.stderr and "Usage: nvidia-cdi-hook " + hook in done.stdout


def test_help_and_version(tree):
    assert tree.ok("--version").stdout == "NVIDIA CDI Hook version 1.21.0\n"
    assert tree.ok("-v").stdout.startswith("NVIDIA CDI Hook version ")
    text = tree.ok("--help").stdout
    assert "create-symlinks" in text and "noop" not in text
    assert "--link" in tree.ok("create-symlinks", "-h").stdout


@pytest.mark.parametrize("variable", ["NVIDIA_CTK_DEBUG", "NVIDIA_CDI_DEBUG"])
def test_debug_by_environment_or_option_and_quiet_wins(tree, variable):
    link = ("create-symlinks", "--link=t::/x")
    assert "made link" in tree.ok(*link, env={variable: "true"}).stderr
    assert "found link" in tree.ok("-d", *link).stderr
    assert tree.ok(*link, env={variable: "true", "NVIDIA_CTK_QUIET": "1"}).stderr == ""
    assert tree.ok(*link).stderr == ""


def test_links_are_made_replaced_and_left_when_right(tree):
    (tree.root / "lib").mkdir()
    (tree.root / "lib/a").write_text("a file of the image")
    (tree.root / "lib/b").symlink_to("old")
    links = ("--link=libx.so.1::/lib/a", "--link", "libx.so.2::/lib/b", "-link=with,comma::/new/dir/c")
    tree.ok("create-symlinks", *links)
    inode = os.lstat(tree.root / "lib/a").st_ino
    tree.ok("create-symlinks", *links)
    assert os.readlink(tree.root / "lib/a") == "libx.so.1"
    assert os.readlink(tree.root / "lib/b") == "libx.so.2"
    assert os.readlink(tree.root / "new/dir/c") == "with,comma"
    assert os.lstat(tree.root / "lib/a").st_ino == inode
    assert stat.S_IMODE((tree.root / "new/dir").stat().st_mode) == 0o755
    assert sorted(os.listdir(tree.root / "lib")) == ["a", "b"]


@pytest.mark.parametrize("link,text", [("a", "not of the form TARGET::PATH"), ("a::b::c", "not of the form"),
                                       ("::/x", "no target before"), ("t::", "no path behind")])
def test_a_malformed_link_is_named(tree, link, text):
    tree.fails(f'link "{link}"', "create-symlinks", f"--link={link}")
    tree.fails(text, "setup", f"--link={link}", "--skip=update-ldcache")


def test_without_links_or_versions_the_state_is_not_read(tree):
    tree.ok("create-symlinks", stdin="garbage")
    tree.ok("enable-cuda-compat", stdin="garbage")


@pytest.mark.parametrize("state,text", [
    ("", "standard input is empty"),
    ("{", "OCI state: standard input:1:2"),
    ("[]", "not an object"),
    ("{}", "names neither a bundle nor the container's root"),
    ('{"bundle": "relative"}', "not an absolute path"),
    ('{"bundle": "/no/such"}', "No such file or directory"),
    ('{"root": "/"}', "the host's own root directory"),
    ('{"root": "/etc/passwd"}', "Not a directory"),
    ('{"root": "/a\\u0000b"}', "OCI state"),
    (" " * (1 << 20) + "{}", "larger than"),
])
def test_a_state_that_cannot_be_used_is_one_line(tree, state, text):
    tree.fails(text, "create-symlinks", "--link=t::/x", stdin=state)
    assert os.listdir(tree.root) == []


def test_the_root_of_crun_is_taken_before_the_bundle(tree):
    other = tree.path / "other"
    other.mkdir()
    tree.ok("create-symlinks", "--link=t::/x", stdin=json.dumps({"bundle": "/hidden", "root": str(other)}))
    assert (other / "x").is_symlink()


def test_a_state_file_by_name(tree):
    (tree.path / "state").write_text(tree.state)
    tree.ok("create-symlinks", "--link=t::/x", "--container-spec", str(tree.path / "state"), stdin="")
    tree.ok("create-symlinks", "--link=t::/y", "--container-spec=-")
    assert sorted(os.listdir(tree.root)) == ["x", "y"]
    tree.fails("not an absolute path", "create-symlinks", "--link=t::/x", "--container-spec=state")


def test_chmod_takes_octal_modes_only(tree):
    (tree.root / "d").mkdir(0o700)
    tree.ok("chmod", "--mode", "755", "--path", "/d", "--path=/none")
    assert stat.S_IMODE((tree.root / "d").stat().st_mode) == 0o755
    for mode in ("8", "0o755", "-1", "77777", ""):
        assert tree.run("chmod", f"--mode={mode}", "--path=/d").returncode == 1
    assert tree.run("chmod", "--path=/d").returncode == 1
    tree.fails("empty path", "chmod", "--mode=755", "--path= ")


def test_setup_takes_the_root_from_its_arguments_and_reads_no_state(tree):
    tree.ok("setup", f"--container-root={tree.root}", "--link=t::/x", "--skip=update-ldcache", stdin="garbage")
    assert os.listdir(tree.root) == ["x"]
    tree.fails("not an absolute path", "setup", "--container-root=rootfs")


@pytest.mark.parametrize("skip", [["--skip=update-ldcache,update-application-profile,a-newer-hook"],
                                  ["--skip=update-ldcache", "--skip", "update-application-profile"]])
def test_setup_leaves_out_what_is_skipped(tree, skip):
    if os.geteuid() != 0:
        pytest.skip("makes a device node")
    (tree.root / "dev").mkdir()
    os.mknod(tree.root / "dev/nvidia0", 0o600 | stat.S_IFCHR, os.makedev(195, 0))
    tree.ok("setup", "--link=t::/x", *skip)
    assert sorted(os.listdir(tree.root)) == ["dev", "x"]
    tree.ok("setup", "--link=t::/y", "--skip=create-symlinks")
    assert not os.path.lexists(tree.root / "y")
    assert (tree.root / "etc/ld.so.cache").exists()
    assert "0x1" in (tree.root / "etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf").read_text()


def test_setup_refuses_a_specification_of_another_driver_before_it_does_anything(tree):
    tree.fails("nvidia-ctk cdi generate", "setup", "--fingerprint=0123", "--link=t::/x")
    assert os.listdir(tree.root) == []


def test_a_full_or_read_only_root_is_an_error_that_leaves_nothing(tree):
    if os.geteuid() != 0:
        pytest.skip("mounts")
    script = (f"mount -t tmpfs -o size=16k,nr_inodes=3 full '{tree.root}' && mkdir '{tree.root}/d' && "
              f"'{HOOK}' create-symlinks --link=t::/d/x --link=t::/d/y; echo $?; ls -A '{tree.root}/d'; "
              f"mount -o remount,ro '{tree.root}'; '{HOOK}' create-symlinks --link=t::/d/z <'{tree.path}/state'; echo $?")
    (tree.path / "state").write_text(tree.state)
    with open(tree.path / "state") as state:
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdin=state,
                              capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.split() == ["1", "x", "1"], (done.stdout, done.stderr)
    assert "No space left on device" in done.stderr and "Read-only file system" in done.stderr
