# SPDX-License-Identifier: Apache-2.0
"""nvidia-ctk: its command line, and what it says of CDI specifications; needs no GPU."""
import json
import os
import re
import subprocess

import pytest
import yaml
from harness import BIN, Result

CTK = BIN / "nvidia-ctk"


def ctk(*argv, env=None, stdin=None, cwd=None):
    """Runs nvidia-ctk on the real machine, for what needs no GPU."""
    done = subprocess.run([CTK, *map(str, argv)], capture_output=True, text=True, input=stdin or "", cwd=cwd,
                          env={**os.environ, **(env or {})}, timeout=60, check=False)
    return Result(done)


SPEC = """\
cdiVersion: "0.5.0"
kind: acme.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/null
  - name: one
    containerEdits:
      env:
        - A=b
"""


# --- the command line ---------------------------------------------------------------------------------------------


def test_version():
    assert re.fullmatch(r"NVIDIA Container Toolkit CLI version \d+\.\d+\.\d+\n(commit: .*\n)?", ctk("--version").ok().out)
    assert ctk("-v").ok().out == ctk("--version").out


@pytest.mark.parametrize("path", [[], ["cdi"], ["cdi", "generate"], ["cdi", "list"], ["cdi", "validate"],
                                  ["cdi", "transform"], ["cdi", "transform", "root"], ["info"]])
def test_help_fits_a_terminal(path):
    for argv in [path + ["--help"], path + ["-h"], ["help"] + path]:
        done = ctk(*argv).ok()
        assert done.out.startswith("Usage: nvidia-ctk " + " ".join(path + ["[options]"]))
        assert max(map(len, done.out.splitlines())) <= 80
        assert done.err == ""


@pytest.mark.parametrize("group", [[], ["cdi"], ["info"], ["cdi", "transform"]])
def test_a_group_without_a_command_prints_help(group):
    assert "Usage:" in ctk(*group).ok().out


def test_wrong_usage():
    done = ctk("cdi", "generate", "--ouput=x").failed(1)
    assert "Incorrect Usage: unknown option --ouput=x, did you mean --output?" in done.err
    assert "Usage: nvidia-ctk cdi generate" in done.out
    assert "No help topic for 'bogus'" in ctk("bogus").failed(3).err
    assert "did you mean 'generate'?" in ctk("cdi", "generrate").failed(3).err
    assert ctk("cdi", "validate", "--bogus").failed(2)
    assert ctk("cdi", "list", env={"NVIDIA_CTK_DEBUG": "perhaps"}).failed(1)


def test_quiet_wins_over_debug(tmp_path):
    assert "Found 0 CDI devices" in ctk("cdi", "list", "--spec-dir", tmp_path).ok().err
    assert ctk("--debug", "cdi", "--quiet", "list", "--spec-dir", tmp_path).ok().err == ""
    assert ctk("cdi", "list", "--spec-dir", tmp_path, env={"NVIDIA_CTK_QUIET": "1"}).ok().err == ""


def test_log_lines_have_the_format_of_the_original(tmp_path):
    line = ctk("cdi", "list", "--spec-dir", tmp_path).ok().err
    assert re.fullmatch(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=info msg="Found 0 CDI devices"\n', line)


# --- list ---------------------------------------------------------------------------------------------------------

def test_list_prints_sorted_qualified_names(tmp_path):
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "b.json").write_text(json.dumps(yaml.safe_load(SPEC.replace("acme.com/gpu", "acme.com/card"))))
    (tmp_path / "c.yml").write_text("nobody reads this")
    expected = "acme.com/card=0\nacme.com/card=one\nacme.com/gpu=0\nacme.com/gpu=one\n"
    done = ctk("cdi", "list", "--spec-dir", tmp_path).ok()
    assert done.out == expected
    assert "Found 4 CDI devices" in done.err
    assert ctk("cdi", "list", env={"NVIDIA_CTK_CDI_SPEC_DIRS": f"/nonexistent,{tmp_path}"}).ok().out == expected
    assert ctk("cdi", "list", "--json", "--spec-dir", tmp_path).ok().json["devices"] == expected.split()


def test_list_warns_once_per_broken_file_and_succeeds(tmp_path):
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "broken.yaml").write_text(SPEC + "bogus: 1\n")
    done = ctk("cdi", "list", "--spec-dir", tmp_path).ok()
    assert done.out == "acme.com/gpu=0\nacme.com/gpu=one\n"
    assert done.err.count("broken.yaml") == 1
    assert "bogus" in done.err


# --- validate -----------------------------------------------------------------------------------------------------


def test_a_valid_file(tmp_path):
    (tmp_path / "a.yaml").write_text(SPEC)
    done = ctk("cdi", "validate", tmp_path / "a.yaml").ok()
    assert done.out == done.err == ""
    assert ctk("cdi", "validate", "--spec-dir", tmp_path).ok().out == ""


@pytest.mark.parametrize("old, new, line, words", [
    ("devices:", "bogus: 1\ndevices:", 3, "bogus"),
    ("acme.com/gpu", "acme", 2, "acme"),
    ('"0.5.0"', '"9.9.9"', 1, "9.9.9"),
    ("A=b", "Ab", 11, "Ab"),
    ("name: one", 'name: "0"', None, "0"),
    ("- A=b", "- A=b: [", None, ""),
])
def test_one_line_says_where_and_what(tmp_path, old, new, line, words):
    bad = tmp_path / "bad.yaml"
    bad.write_text(SPEC.replace(old, new))
    out = ctk("cdi", "validate", bad).failed(1).out
    assert len(out.splitlines()) == 1
    assert out.startswith(f"{bad}:{line}:" if line else f"{bad}:")
    assert words in out


def test_a_missing_file_is_a_problem(tmp_path):
    assert "none.yaml" in ctk("cdi", "validate", tmp_path / "none.yaml").failed(1).out


def test_two_files_that_define_a_device(tmp_path):
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "b.yaml").write_text(SPEC)
    out = ctk("cdi", "validate", "--spec-dir", tmp_path).failed(1).out
    assert out == (f"{tmp_path}/b.yaml:4: acme.com/gpu=0 and 1 more: defined in {tmp_path}/a.yaml:4 too, so that "
                   "engines find neither; remove one of the files\n")
    done = ctk("cdi", "list", "--json", "--spec-dir", tmp_path).ok()
    assert done.json["devices"] == []
    assert len(done.json["problems"]) == 1
    assert f"{tmp_path}/b.yaml: acme.com/gpu=0 and 1 more: defined in {tmp_path}/a.yaml too" in done.err


def test_a_later_directory_may_define_a_device_again(tmp_path):
    for name in "low", "high":
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(SPEC)
    ctk("cdi", "validate", "--spec-dir", tmp_path / "low", "--spec-dir", tmp_path / "high").ok()


def test_what_an_engine_cannot_read(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(SPEC.replace('"0.5.0"', '"0.7.0"') + "containerEdits:\n  additionalGids: [44]\n")
    ctk("cdi", "validate", "--for=podman=5.2", file).ok()
    out = ctk("cdi", "validate", "--for=podman=4.9.3", file).failed(1).out.splitlines()
    assert out[0].startswith(f"{file}:1: cdiVersion 0.7.0, but podman 4.9.3 reads up to 0.6.0")
    assert out[1].startswith(f"{file}:13: additionalGids came with CDI 0.7.0")
    assert out[1].endswith("generate the file with --for=podman=4.9.3")
    assert "podman" in ctk("cdi", "validate", "--for=pdoman=4", file).failed(2).err


def test_what_does_not_exist_any_more(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(SPEC.replace("/dev/null", "/dev/no-such-node") + """\
containerEdits:
  mounts:
    - hostPath: /no/such/library.so.1
      containerPath: /usr/lib/library.so.1
  hooks:
    - hookName: createContainer
      path: /no/such/hook
""")
    ctk("cdi", "validate", file).ok()
    for argv in [["--host", file], ["--spec-dir", tmp_path]]:
        out = ctk("cdi", "validate", *argv).failed(1).out
        assert len(out.splitlines()) == 3
        assert re.search(rf"{file}:\d+: mount of /no/such/library.so.1: not found on this machine", out)
        assert "/dev/no-such-node" in out and "/no/such/hook" in out


def test_a_file_that_others_may_write(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(SPEC)
    file.chmod(0o666)
    assert str(file) in ctk("cdi", "validate", "--spec-dir", tmp_path).failed(1).out


# --- transform root -----------------------------------------------------------------------------------------------

ROOTED = """\
cdiVersion: "0.3.0"
kind: acme.com/gpu
devices:
  - name: one
    containerEdits:
      deviceNodes:
        - path: /a/dev/x
        - path: /ab/dev/y
      env: [DIR=/a/lib]
containerEdits:
  mounts:
    - hostPath: /a/lib/z
      containerPath: /a/lib/z
  hooks:
    - hookName: createContainer
      path: /a/bin/hook
      args: [hook, --link, "../x::/a/lib/l", "--folder=/a/lib"]
    - hookName: prestart
      path: /a/bin/old
      args: [old, /a/etc]
    - hookName: startContainer
      path: /a/bin/inside
      args: [inside, /a/etc]
"""


def transform(*options):
    return yaml.safe_load(ctk("cdi", "transform", "root", *options, stdin=ROOTED).ok().out)


def test_transform_of_host_paths():
    spec = transform("--from=/a", "--to=/b")
    nodes = spec["devices"][0]["containerEdits"]["deviceNodes"]
    assert nodes == [{"path": "/a/dev/x", "hostPath": "/b/dev/x"}, {"path": "/ab/dev/y"}]
    assert spec["devices"][0]["containerEdits"]["env"] == ["DIR=/a/lib"]
    common = spec["containerEdits"]
    assert common["mounts"] == [{"hostPath": "/b/lib/z", "containerPath": "/a/lib/z"}]
    assert [h["path"] for h in common["hooks"]] == ["/b/bin/hook", "/b/bin/old", "/a/bin/inside"]
    assert [h["args"] for h in common["hooks"]] == [
        ["hook", "--link", "../x::/a/lib/l", "--folder=/a/lib"], ["old", "/b/etc"], ["inside", "/a/etc"]]
    assert spec["cdiVersion"] == "0.5.0"


def test_transform_of_container_paths():
    spec = transform("--from=/a", "--to=/", "--relative-to=container")
    nodes = spec["devices"][0]["containerEdits"]["deviceNodes"]
    assert nodes[0] == {"path": "/dev/x", "hostPath": "/a/dev/x"}
    common = spec["containerEdits"]
    assert common["mounts"] == [{"hostPath": "/a/lib/z", "containerPath": "/lib/z"}]
    assert [h["path"] for h in common["hooks"]] == ["/a/bin/hook", "/a/bin/old", "/bin/inside"]
    assert [h["args"] for h in common["hooks"]] == [
        ["hook", "--link", "../x::/lib/l", "--folder=/lib"], ["old", "/a/etc"], ["inside", "/etc"]]


def test_transform_to_the_same_root_changes_nothing():
    assert transform("--from=/", "--to=") == yaml.safe_load(ROOTED)


def test_transform_of_files(tmp_path):
    (tmp_path / "in.yaml").write_text(ROOTED)
    ctk("cdi", "transform", "root", "--from=/a", "--to=/b", "--input", tmp_path / "in.yaml",
        "--output", tmp_path / "out.json").ok()
    assert json.loads((tmp_path / "out.json").read_text()) == transform("--from=/a", "--to=/b")
    assert "in.yaml" in ctk("cdi", "transform", "root", "--input", tmp_path / "none/in.yaml").failed(1).err
