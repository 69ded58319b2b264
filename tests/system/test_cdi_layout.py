# SPDX-License-Identifier: Apache-2.0
"""The text of generated specifications, byte for byte: scripts cut them up with sed, and people compare them.

The layout is written down here a second time, from the description of the original's (go-yaml's): a nested block begins at
the next multiple of four columns, the keys of a list's item stand two columns behind its dash, fields have a fixed order,
and what a reader of YAML 1.1 could take for something other than a string is in double quotes.
"""
import json
import re

import pytest
import yaml

from harness import BIN

CTK = BIN / "nvidia-ctk"
# The order of fields.
NODE = ["path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"]
HOOK = ["hookName", "path", "args", "env", "timeout"]
SPEC = ["cdiVersion", "kind", "annotations", "devices", "containerEdits"]
DEVICE = ["name", "annotations", "containerEdits"]
EDITS = ["env", "deviceNodes", "netDevices", "hooks", "mounts", "intelRdt", "additionalGids"]
MOUNT = ["hostPath", "containerPath", "options", "type"]


def scalar(value):
    if not isinstance(value, str):
        return str(value)
    resolved = yaml.safe_load(value) if re.fullmatch(r"[-+.:\w]*", value) else value
    if not isinstance(resolved, str) or re.fullmatch(r"[-+]?\d+(:[0-5]?\d)+|", value):
        return json.dumps(value)
    assert re.fullmatch(r"[\w./=+-][\w./:=+, -]*", value) and ": " not in value, value
    return value


def emit(value, column, out):
    """A mapping or list whose lines begin at column; of a mapping in a list the first line stands behind the dash."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                lines = []
                emit(item, column + 2, lines)
                out.append(" " * column + "- " + lines[0].lstrip())
                out.extend(lines[1:])
            else:
                out.append(" " * column + "- " + scalar(item))
        return
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            out.append(" " * column + f"{key}:")
            emit(item, column // 4 * 4 + 4, out)
        else:
            out.append(" " * column + f"{key}: {scalar(item)}")


def in_order(mapping, order):
    assert [k for k in order if k in mapping] == list(mapping), mapping


def check_order(spec):
    in_order(spec, SPEC)
    for device in spec["devices"]:
        in_order(device, DEVICE)
    for edits in [spec["containerEdits"], *(d["containerEdits"] for d in spec["devices"])]:
        in_order(edits, EDITS)
        for key, order in ("deviceNodes", NODE), ("hooks", HOOK), ("mounts", MOUNT):
            for item in edits.get(key, []):
                in_order(item, order)


@pytest.mark.parametrize("platform, options", [
    ("dgx-h100", ["--feature-flag=separate-hooks"]),
    ("workstation", ["--feature-flag=separate-hooks", "--device-name-strategy=index,uuid,type-index"]),
    ("a100-mig", []),
    ("driver-root", ["--driver-root=/run/nvidia/driver"]),
    ("dgx-h100", ["--mode=management", "--enable-hook=chmod"]),
    ("dgx-h100", ["--mode=imex"]),
])
def test_every_byte_is_where_the_original_puts_it(machines, platform, options):
    text = machines(platform).run(CTK, "cdi", "generate", *options).ok().out
    spec = yaml.safe_load(text)
    lines = ["---"]
    emit(spec, 0, lines)
    assert text.splitlines() == lines and text.endswith("\n") and not text.endswith("\n\n")
    check_order(spec)
    # JSON: the same order, one line, no newline.
    written = machines(platform).run(CTK, "cdi", "generate", "--format=json", *options).ok().out
    assert written == json.dumps(spec, separators=(",", ":"))


def test_devices_nodes_and_mounts_are_sorted_as_the_original_sorts_them(machines):
    """Devices by the bytes of their names; nodes and mounts by the depth of their path in the container, then by the path."""
    spec = yaml.safe_load(machines("a100-mig").run(CTK, "cdi", "generate", "--feature-flag=separate-hooks").ok().out)
    names = [d["name"] for d in spec["devices"]]
    assert names == sorted(names) and names[:2] == ["0", "1:0"] and names[-1] == "all"
    for edits in [spec["containerEdits"], *(d["containerEdits"] for d in spec["devices"])]:
        for key, path in ("deviceNodes", "path"), ("mounts", "containerPath"):
            paths = [item[path] for item in edits.get(key, [])]
            assert paths == sorted(paths, key=lambda p: (p.count("/"), p))
    assert [e.split("=")[0] for e in spec["containerEdits"]["env"]] == ["NVIDIA_CTK_LIBCUDA_DIR", "NVIDIA_VISIBLE_DEVICES"]


def test_separate_hooks_have_the_arguments_of_the_original(machines):
    spec = yaml.safe_load(machines("workstation").run(CTK, "cdi", "generate", "--feature-flag=separate-hooks",
                                                      "--nvidia-ctk-path=/usr/bin/nvidia-ctk").ok().out)
    hooks = spec["containerEdits"]["hooks"]
    assert all(h["path"] == "/usr/bin/nvidia-ctk" and h["args"][:2] == ["nvidia-ctk", "hook"] for h in hooks)
    assert all(h["hookName"] == "createContainer" and h["env"] == ["NVIDIA_CTK_DEBUG=false"] and "timeout" not in h for h in hooks)
    jobs = {h["args"][2]: h["args"][3:] for h in reversed(hooks)}
    graphics = jobs["create-symlinks"]
    assert graphics[::2] == ["--link"] * (len(graphics) // 2)
    assert graphics[1].startswith("../libnvidia-allocator.so.1::/") and graphics[1].endswith("/gbm/nvidia-drm_gbm.so")
    links = hooks[1]["args"][3:]
    assert links[::2] == ["--link"] * (len(links) // 2) and "libcuda.so.1::" in " ".join(links)
    assert jobs["enable-cuda-compat"] == ["--host-driver-version=575.64.05"]
    assert jobs["update-ldcache"][::2] == ["--folder"] * (len(jobs["update-ldcache"]) // 2)
    assert jobs["disable-device-node-modification"] == [] and jobs["update-application-profile"] == []
    by_path = [h for d in spec["devices"] if d["name"] == "0" for h in d["containerEdits"].get("hooks", [])]
    assert [h["args"][2] for h in by_path] == ["create-symlinks"]
    assert "../card1::/dev/dri/by-path/pci-0000:01:00.0-card" in by_path[0]["args"]


def test_the_log_is_that_of_logrus(machines):
    done = machines("workstation").run(CTK, "--debug", "cdi", "generate").ok()
    line = re.compile(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)" level=(debug|info|warning|error) msg=("([^"\\]|\\.)*"|\S+)')
    assert done.err and all(line.fullmatch(text) for text in done.err.splitlines())
    quiet = machines("workstation").run(CTK, "--quiet", "--debug", "cdi", "generate").ok()
    assert quiet.err == ""
