# SPDX-License-Identifier: Apache-2.0
"""Sharp edges of the original (spec: runtime.md 7) that no other test shows. Which test shows which is in the plan."""
import json

import pytest

from harness import RUNTIME

ASK = ["NVIDIA_VISIBLE_DEVICES=0"]
MPS = "/tmp/nvidia-mps"
ROOT = "/run/nvidia/driver"


def targets(result):
    return {m["destination"]: m for m in result.ok().config["mounts"]}


def test_s5_the_directory_of_mps_is_mounted_while_it_is_roots(machine):
    """Anybody may put something of that name into /tmp when the daemon is gone, whatever was found there before."""
    m = machine("driver-root")
    # A /tmp that is not the host's.
    m.run("mount", "-t", "tmpfs", "-o", "mode=1777", "none", ROOT + "/tmp").ok()

    def mounted(script):
        m.run("sh", "-c", f"cd {ROOT}/tmp; {script}").ok()
        return targets(m.container(env=ASK, config=f'[nvidia-container-cli]\nroot = "{ROOT}"')).get(MPS)

    assert not mounted("true")
    options = mounted("mkdir -m 755 nvidia-mps")["options"]
    assert "noexec" in options and "ro" not in options
    assert not mounted("chown 1000 nvidia-mps")
    assert mounted("chown 0 nvidia-mps")
    assert not mounted("rmdir nvidia-mps; ln -s /etc nvidia-mps")


def edited(machine, tmp_path, config, toml="", expected=0):
    """config.json after a create with a low-level runtime that does nothing, and stderr."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "config.toml").write_text(f'[nvidia-container-runtime]\nruntimes = ["/bin/true"]\n{toml}')
    result = machine.run(RUNTIME, "create", "--bundle", tmp_path, "c1", env={"NVIDIA_CTK_CONFIG_FILE_PATH": str(tmp_path / "config.toml")})
    assert result.status == expected, result.err
    return json.loads((tmp_path / "config.json").read_text()), result.err


def test_s12_an_entry_without_equals_sign_is_no_obstacle(machines, tmp_path):
    config, _ = edited(machines("dgx-h100"), tmp_path, {"process": {"env": ["FOO", "", "=", *ASK]}})
    assert config["process"]["env"][:3] == ["FOO", "", "="]


def test_s29_a_directory_of_specifications_may_be_a_link(machines, tmp_path):
    spec = {"cdiVersion": "0.5.0", "kind": "acme.com/x", "devices": [{"name": "0", "containerEdits": {"env": ["A=1"]}}]}
    (tmp_path / "real").mkdir()
    (tmp_path / "real/acme.json").write_text(json.dumps(spec))
    (tmp_path / "link").symlink_to("real")
    toml = f'modes.cdi.spec-dirs = ["{tmp_path}/link"]\n'
    request = {"process": {"env": ["NVIDIA_VISIBLE_DEVICES=acme.com/x=0"]}}
    config, _ = edited(machines("dgx-h100"), tmp_path, request, toml)
    assert "A=1" in config["process"]["env"]


@pytest.mark.parametrize("toml", ["[features]\ndisable-cuda-compat-lib-hook = true\n", 'modes.jit-cdi.nvcdi-disable-hooks = ["enable-cuda-compat"]\n'])
def test_s35_the_compatibility_hook_can_be_turned_off(machines, tmp_path, toml):
    def skipped(config):
        return [a for hook in config["hooks"]["createContainer"] for a in hook["args"] if a.startswith("--skip=") and "enable-cuda-compat" in a]

    request = {"process": {"env": ASK}}
    assert not skipped(edited(machines("dgx-h100"), tmp_path, request)[0])
    assert skipped(edited(machines("dgx-h100"), tmp_path, request, toml)[0])


@pytest.mark.parametrize("stage", ["prestart", "createRuntime"])
@pytest.mark.parametrize("name", ["nvidia-container-runtime-hook", "nvidia-container-toolkit", "nvidia-container-runtime-hook.real"])
def test_s36_the_hook_of_the_original_goes_wherever_it_is(machines, tmp_path, stage, name):
    config = {"process": {"env": ASK}, "hooks": {stage: [{"path": f"/usr/local/bin/{name}"}, {"path": "/bin/other"}]}}
    assert edited(machines("dgx-h100"), tmp_path, config)[0]["hooks"][stage] == [{"path": "/bin/other"}]


def test_s39_the_allocator_is_a_library_like_others_and_nothing_is_shared(machines, tmp_path):
    config, _ = edited(machines("dgx-h100"), tmp_path, {"process": {"env": ASK}})
    assert all("rprivate" in m["options"] for m in config["mounts"])
    sockets = [m for m in config["mounts"] if m["destination"].endswith("/socket")]
    assert len(sockets) == 2 and not any("ro" in m["options"] for m in sockets)
