# SPDX-License-Identifier: Apache-2.0
"""nvidia-ctk cdi to-json: the reader of YAML for programs that have none."""
import json
import subprocess

from harness import BIN


def convert(text, name="spec.yaml"):
    return subprocess.run([BIN / "nvidia-ctk", "cdi", "to-json", name], input=text, capture_output=True, text=True, check=False)


def test_yaml_becomes_json_with_the_types_of_cdi():
    done = convert("cdiVersion: 0.5.0\nkind: acme.com/x\ndevices:\n- name: 0\n  containerEdits:\n    env: [A=1]\n"
                   "    deviceNodes:\n    - path: /dev/null\n      fileMode: 0644\n")
    assert done.returncode == 0, done.stderr
    device = json.loads(done.stdout)["devices"][0]
    assert device["name"] == "0"
    assert device["containerEdits"]["deviceNodes"] == [{"path": "/dev/null", "fileMode": 420}]


def test_the_error_is_one_plain_line_with_its_place():
    done = convert("cdiVersion: 0.5.0\nkind: acme.com/x\ndevices: [\n", "/etc/cdi/x.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("/etc/cdi/x.yaml:") and done.stderr.count("\n") == 1
    done = convert("cdiVersion: 0.5.0\nkind: acme.com/x\nfoo: 1\n")
    assert done.returncode == 1 and done.stderr.startswith("spec.yaml:3:")


def test_it_is_not_shown_in_help():
    done = subprocess.run([BIN / "nvidia-ctk", "cdi", "--help"], capture_output=True, text=True, check=True)
    assert "to-json" not in done.stdout
