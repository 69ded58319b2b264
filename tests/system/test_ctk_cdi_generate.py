# SPDX-License-Identifier: Apache-2.0
"""nvidia-ctk cdi generate on simulated machines: what it writes, its options, and how it fails."""
import json
import os
import re

import pytest
import yaml
from test_ctk_cdi import CTK, ctk

HOOKS = ["create-symlinks", "enable-cuda-compat", "update-ldcache", "disable-device-node-modification",
         "update-application-profile"]


def names(spec):
    return [device["name"] for device in spec["devices"]]


def edits(spec):
    return [spec.get("containerEdits") or {}] + [device["containerEdits"] for device in spec["devices"]]


def hooks(spec):
    return [hook for e in edits(spec) for hook in e.get("hooks", [])]


@pytest.fixture
def one(machines):
    return machines("h200-x1")


@pytest.fixture
def eight(machines):
    return machines("dgx-h100")


def generate(machine, *options, env=None):
    """A specification from standard output."""
    return yaml.safe_load(machine.run(CTK, "cdi", "generate", *options, env=env).ok().out)


def test_names_by_index_and_uuid_and_all(eight):
    done = eight.run(CTK, "cdi", "generate").ok()
    assert done.out.startswith("---\n")
    assert re.search(r'msg="Generated CDI spec with version [\d.]+"', done.err)
    spec = yaml.safe_load(done.out)
    assert spec["kind"] == "nvidia.com/gpu"
    assert len(names(spec)) == 17
    assert names(spec) == sorted(names(spec))
    assert {"0", "7", "all"} < set(names(spec))


def test_output_file(eight):
    target = eight.tmp / "made/here/nvidia.yaml"
    eight.run(CTK, "cdi", "generate", "--output", target).ok()
    assert target.stat().st_mode & 0o7777 == 0o644
    assert [p.name for p in target.parent.iterdir()] == ["nvidia.yaml"]
    assert len(names(yaml.safe_load(target.read_text()))) == 17


def test_an_unchanged_file_is_not_touched(one):
    target = one.tmp / "same.yaml"
    one.run(CTK, "cdi", "generate", "--output", target).ok()
    os.utime(target, (1, 1))
    one.run(CTK, "cdi", "generate", "--output", target).ok()
    assert target.stat().st_mtime == 1
    one.run(CTK, "cdi", "generate", "--output", target, "--vendor=acme.com").ok()
    assert target.stat().st_mtime > 1
    target.chmod(0o600)
    one.run(CTK, "cdi", "generate", "--output", target, "--vendor=acme.com").ok()
    assert target.stat().st_mode & 0o7777 == 0o644


def test_json(one):
    done = one.run(CTK, "cdi", "generate", "--format=JSON").ok()
    assert "\n" not in done.out
    assert names(done.json) == names(generate(one))


@pytest.mark.parametrize("given, written, is_json", [
    ("a.json", "a.json", True), ("b.yaml", "b.yaml", False), ("c.yml", "c.yaml", False), ("d", "d.yaml", False),
])
def test_the_name_of_the_file_says_the_format(one, given, written, is_json):
    one.run(CTK, "cdi", "generate", "--output", one.tmp / given).ok()
    text = (one.tmp / written).read_text()
    assert text.startswith("{") == is_json


def test_the_name_wins_over_the_format(one):
    done = one.run(CTK, "cdi", "generate", "--format=yaml", "--output", one.tmp / "e.json").ok()
    assert "--format=yaml does not fit" in done.err
    json.loads((one.tmp / "e.json").read_text())


@pytest.mark.parametrize("strategy, expected", [
    ("index", r"\d"), ("uuid", r"GPU-[-0-9a-f]{36}"), ("type-index", r"gpu\d"),
])
def test_naming(eight, strategy, expected):
    got = names(generate(eight, "--device-name-strategy", strategy))
    assert len(got) == 9
    assert all(re.fullmatch(expected, name) for name in got if name != "all")


def test_naming_of_mig_devices(machines):
    machine = machines("a100-mig")
    got = names(generate(machine, "--device-name-strategy=index,type-index,uuid"))
    assert len([n for n in got if re.fullmatch(r"\d:\d", n)]) == 3
    assert len([n for n in got if re.fullmatch(r"mig\d:\d", n)]) == 3
    assert len([n for n in got if n.startswith("MIG-")]) == 3
    assert len([n for n in got if n.startswith("GPU-")]) == 1


def test_vendor_class_and_devices(eight):
    assert generate(eight, "--vendor=acme.com", "--class=card")["kind"] == "acme.com/card"
    assert len(names(generate(eight, "--no-all-device"))) == 16
    assert len(names(generate(eight, "--device-id=0", "--device-ids=1"))) == 5
    assert len(names(generate(eight, "--devices=0,1,0"))) == 5


def test_errors_name_the_value(eight):
    for options, words in [
        (["--device-id=9"], "9"),
        (["--device-name-strategy=bogus"], "bogus"),
        (["--format=xml"], "xml"),
        (["--mode=gpu"], "--mode: unknown value"),
        (["--vendor=9 lives"], "9 lives"),
        (["--class="], "--class"),
        (["--enable-hook=all"], "--enable-hook=all"),
        (["--driver-root=relative"], "relative"),
        (["--for=podman"], "podman=4.9.3"),
        (["--for=docker=20.10"], "25.0 is the first"),
    ]:
        done = eight.run(CTK, "cdi", "generate", *options).failed(1)
        assert words in done.err and done.out == ""


TWINS = [
    ("NVIDIA_CTK_CDI_GENERATE_OUTPUT_FORMAT", "json", ["--format=json"]),
    ("NVIDIA_CTK_CDI_GENERATE_MODE", "management", ["--mode=management"]),
    ("NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES", "uuid,type-index",
     ["--device-name-strategy=uuid", "--device-name-strategy=type-index"]),
    ("NVIDIA_CTK_CDI_GENERATE_VENDOR", "acme.com", ["--cdi-vendor=acme.com"]),
    ("NVIDIA_CTK_CDI_GENERATE_CLASS", "card", ["--cdi-class=card"]),
    ("NVIDIA_CTK_CDI_GENERATE_DISABLED_HOOKS", "update-ldcache,create-symlinks",
     ["--disable-hooks=update-ldcache", "--disable-hook=create-symlinks"]),
    ("NVIDIA_CTK_CDI_GENERATE_ENABLED_HOOKS", "chmod", ["--enable-hook=chmod"]),
    ("NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS", "separate-hooks", ["--feature-flags=separate-hooks"]),
    ("NVIDIA_CTK_CDI_GENERATE_NO_ALL_DEVICE", "true", ["--no-all-device"]),
    ("NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS", "0", ["--device=0"]),
    ("NVIDIA_CTK_CDI_GENERATE_LDCONFIG_PATH", "/x/ldconfig", ["--ldconfig-path=/x/ldconfig"]),
    ("NVIDIA_CTK_CDI_HOOK_PATH", "/x/hook", ["--nvidia-ctk-path=/x/hook"]),
]


@pytest.mark.parametrize("variable, value, options", TWINS, ids=[row[0] for row in TWINS])
def test_environment_twins(eight, variable, value, options):
    plain = eight.run(CTK, "cdi", "generate").ok().out
    by_option = eight.run(CTK, "cdi", "generate", *options).ok().out
    by_variable = eight.run(CTK, "cdi", "generate", env={variable: value}).ok().out
    assert by_variable == by_option
    if variable not in ("NVIDIA_CTK_CDI_GENERATE_ENABLED_HOOKS", "NVIDIA_CTK_CDI_GENERATE_LDCONFIG_PATH"):
        assert by_option != plain


def test_output_by_environment(one):
    target = one.tmp / "env.json"
    assert one.run(CTK, "cdi", "generate", env={"NVIDIA_CTK_CDI_OUTPUT_FILE_PATH": str(target)}).ok().out == ""
    json.loads(target.read_text())


def test_one_hook_unless_asked_otherwise(one):
    found = hooks(generate(one))
    assert [h["args"][1] for h in found] == ["setup"]
    assert all(h["hookName"] == "createContainer" and h["env"] for h in found)
    separate = hooks(generate(one, "--feature-flag=separate-hooks"))
    assert set(HOOKS) == {h["args"][1] for h in separate}
    assert hooks(generate(one, "--disable-hook=all")) == []


def original_links(machine, directory, version):
    """The links of the original's second hook, worked out from the machine itself (spec: ctk-cdi.md 3.4)."""
    special = {"libcuda": ("libcuda.so.1", "libcuda.so"), "libGLX_nvidia": (None, "libGLX_indirect.so.0"),
               "libnvidia-opticalflow": ("libnvidia-opticalflow.so.1", "libnvidia-opticalflow.so")}
    script = (f"for f in {directory}/*.so.{version} {directory}/vdpau/*.so.{version}; do test -f $f || continue; d=${{f%/*}};"
              " n=$(readelf -d $f | sed -n 's/.*soname: .\\(.*\\)\\]/\\1/p'); p=${n%%.so*}.so;"
              " echo $f ${n:-${f##*/}} $(test -L $d/$n && echo y || echo n) $(test -L $d/$p && echo y || echo n); done")
    links = []
    for line in machine.run("sh", "-c", script).ok().out.splitlines():
        path, soname, has_soname, has_plain = line.split()
        where, file = path.rsplit("/", 1)
        stem, plain = file.split(".so.")[0], soname.split(".so")[0] + ".so"
        if stem in special:
            links.append(f"{special[stem][0] or file}::{where}/{special[stem][1]}")
        if soname != file and has_soname == "y":
            links.append(f"{file}::{where}/{soname}")
        if plain != soname and has_plain == "y":
            links.append(f"{soname}::{where}/{plain}")
    return list(dict.fromkeys(links))


@pytest.mark.parametrize("platform", ["h200-x1", "workstation", "dgx-h100"])
def test_separate_hooks_are_the_originals_in_order_and_arguments(machines, platform):
    m = machines(platform)
    spec = generate(m, "--feature-flag=separate-hooks")
    directory = spec["containerEdits"]["env"][0].removeprefix("NVIDIA_CTK_LIBCUDA_DIR=")
    libcuda = next(x["hostPath"] for x in spec["containerEdits"]["mounts"] if "/libcuda.so." in x["hostPath"])
    version = libcuda.rsplit(".so.", 1)[1]
    args = [h["args"][1:] for h in spec["containerEdits"]["hooks"]]
    if platform == "workstation":
        assert args.pop(0) == [
            "create-symlinks", "--link", f"../libnvidia-allocator.so.1::{directory}/gbm/nvidia-drm_gbm.so",
            "--link", f"libnvidia-vulkan-producer.so.{version}::{directory}/libnvidia-vulkan-producer.so",
            "--link", f"libglxserver_nvidia.so.{version}::/usr/lib/xorg/modules/extensions/libglxserver_nvidia.so"]
    elif args[1][0] == "create-symlinks":
        args.pop(0)
    vdpau = [x for x in spec["containerEdits"]["mounts"] if "/vdpau/" in x["hostPath"]]
    assert args == [
        ["create-symlinks"] + [x for link in original_links(m, directory, version) for x in ("--link", link)],
        ["enable-cuda-compat", f"--host-driver-version={version}"],
        ["update-ldcache", "--folder", directory] + (["--folder", f"{directory}/vdpau"] if vdpau else []),
        ["disable-device-node-modification"], ["update-application-profile"]]
    assert all(h.keys() == {"hookName", "path", "args", "env"} for h in spec["containerEdits"]["hooks"])


def test_management_has_no_graphics_of_its_own(machines):
    spec = generate(machines("workstation"), "--mode=management", "--feature-flag=separate-hooks")
    sources = [x["hostPath"] for x in spec["containerEdits"]["mounts"]]
    assert [x for x in sources if "libnvidia-glcore.so" in x]
    assert not [x for x in sources if re.search("nvidia-egl-|xorg|/etc/|/usr/share/|xconfig", x)]
    assert [h["args"][1] for h in spec["containerEdits"]["hooks"]] == ["create-symlinks", "enable-cuda-compat", "update-ldcache"]


@pytest.mark.parametrize("job", HOOKS)
def test_each_job_can_be_left_out(one, job):
    separate = hooks(generate(one, "--feature-flag=separate-hooks", "--disable-hook", job))
    assert set(HOOKS) - {job} == {h["args"][1] for h in separate}


def test_unknown_names_warn_and_guess(one):
    done = one.run(CTK, "cdi", "generate", "--disable-hook=update-ldcahe", "--feature-flag=seperate-hooks").ok()
    assert 'unknown hook \\"update-ldcahe\\" is ignored, did you mean \\"update-ldcache\\"?' in done.err
    assert 'did you mean \\"separate-hooks\\"?' in done.err


def test_every_documented_name_is_known(one):
    flags = ["disable-nvsandboxutils", "disable-multiple-csv-devices", "disable-ipc-discoverer", "separate-hooks",
             "no-additional-gids-for-device-nodes", "enable-explicit-driver-libraries", "enable-coherent-annotations"]
    known = one.run(CTK, "cdi", "generate", "--help").ok().out
    done = one.run(CTK, "cdi", "generate", "--feature-flag=" + ",".join(flags),
                   "--disable-hook=" + ",".join([*HOOKS, "chmod", "all"]), "--enable-hook=chmod").ok()
    assert "ignored" not in done.err
    assert all(name in known for name in HOOKS + flags[2:])


def test_none_is_a_device_without_a_gpu(one):
    spec = generate(one, "--device-id=none")
    assert names(spec) == ["none"]
    assert not [n for e in edits(spec) for n in e.get("deviceNodes", []) if re.search(r"nvidia\d", n["path"])]


def version(spec):
    return tuple(map(int, spec["cdiVersion"].split(".")))


def test_an_old_engine_gets_no_groups(machine):
    one = machine("h200-x1")
    one.run("chgrp", "44", "/dev/nvidia0").ok()
    one.run("chmod", "660", "/dev/nvidia0").ok()
    spec = generate(one)
    assert version(spec) == (0, 7, 0)
    assert [44] in [e.get("additionalGids") for e in edits(spec)]
    for options in ["--for=docker=28.3,podman=4.9.3"], ["--feature-flag=no-additional-gids-for-device-nodes"]:
        spec = generate(one, *options)
        assert version(spec) <= (0, 6, 0)
        assert not [e for e in edits(spec) if "additionalGids" in e]


def test_names_of_indices_need_a_reader_that_knows_them(one):
    done = one.run(CTK, "cdi", "generate", "--for=podman=4.1").failed(1)
    assert "podman 4.1 reads CDI files up to 0.3.0" in done.err and "--device-name-strategy=uuid" in done.err
    assert version(generate(one, "--for=podman=4.1", "--device-name-strategy=uuid")) == (0, 3, 0)


def test_coherent_memory_splits_the_specification(eight):
    target = eight.tmp / "coherent" / "nvidia.yaml"
    eight.run(CTK, "cdi", "generate", "--feature-flag=enable-coherent-annotations", "--output", target).ok()
    files = {path.name: yaml.safe_load(path.read_text()) for path in target.parent.iterdir()}
    assert set(files) == {"nvidia.yaml", "nvidia.noncoherent.yaml"}
    assert files["nvidia.noncoherent.yaml"]["kind"] == "nvidia.com/gpu.noncoherent"
    assert version(files["nvidia.yaml"]) == (0, 5, 0)
    assert version(files["nvidia.noncoherent.yaml"]) == (0, 6, 0)
    assert len(names(files["nvidia.noncoherent.yaml"])) == 17
    done = eight.run(CTK, "cdi", "generate", "--feature-flag=enable-coherent-annotations").ok()
    assert len(list(yaml.safe_load_all(done.out))) == 2


@pytest.mark.parametrize("mode", ["csv", "wsl"])
def test_modes_that_come_later_say_so(one, mode):
    assert f"mode {mode} is not implemented" in one.run(CTK, "cdi", "generate", "--mode", mode).failed(1).err


@pytest.mark.parametrize("mode", ["gds", "gdrcopy", "mofed", "nvswitch", "imex"])
def test_a_mode_with_nothing_to_find_says_what_is_missing(machines, mode):
    machine = machines("workstation")
    target = machine.tmp / mode / "nvidia.yaml"
    done = machine.run(CTK, "cdi", "generate", "--mode", mode, "--output", target).failed(1)
    assert "/dev/" in done.err
    assert "empty device edits" not in done.err
    assert not target.parent.exists()


def test_management_and_imex(eight):
    management = generate(eight, "--mode=management")
    assert management["kind"] == "management.nvidia.com/gpu"
    assert names(management) == ["all"]
    imex = generate(eight, "--mode=imex")
    assert imex["kind"] == "nvidia.com/imex-channel"
    assert "0" in names(imex)


def test_the_driver_root_may_come_from_the_configuration(one):
    config = one.tmp / "root.toml"
    config.write_text('[nvidia-container-cli]\nroot = "/no/such/driver"\n')
    for argv, env in [(["--config", config], {}), ([], {"NVIDIA_CTK_CONFIG": str(config)})]:
        assert "/no/such/driver" in one.run(CTK, *argv, "cdi", "generate", env=env).failed(1).err
        one.run(CTK, *argv, "cdi", "generate", "--driver-root=/", env=env).ok()
    done = one.run(CTK, "--config=/no/such/config.toml", "cdi", "generate").ok()
    assert "/no/such/config.toml does not exist" in done.err
    config.write_text("[nvidia-container-cli\n")
    assert f"{config}:1:" in one.run(CTK, "--config", config, "cdi", "generate").failed(1).err


def test_a_directory_that_cannot_be_written_is_an_error_and_leaves_nothing(one):
    (one.tmp / "file").write_text("")
    done = one.run(CTK, "cdi", "generate", "--output", one.tmp / "file/nvidia.yaml").failed(1)
    assert str(one.tmp / "file") in done.err
    assert (one.tmp / "file").read_text() == ""
    assert "Generated" not in done.err


@pytest.mark.parametrize("how", ["size=16k", "ro"])
def test_a_full_or_read_only_file_system_keeps_the_old_file(one, how):
    target = one.tmp / how / "nvidia.yaml"
    target.parent.mkdir()
    one.run("mount", "-t", "tmpfs", "-o", "size=16k", "none", target.parent).ok()
    one.run("sh", "-c", f"echo old > {target}").ok()
    one.run("mount", "-o", f"remount,{how}", target.parent).ok()
    done = one.run(CTK, "cdi", "generate", "--feature-flag=separate-hooks", "--output", target).failed(1)
    assert str(target) in done.err and "Generated" not in done.err
    assert one.run("cat", target).ok().out == "old\n"
    assert one.run("ls", "-A", target.parent).ok().out == "nvidia.yaml\n"


def test_output_that_nobody_takes_is_a_failure(one):
    one.run("sh", "-c", f"{CTK} cdi generate > /dev/full").failed(1)


def test_without_a_driver(tmp_path):
    if os.path.exists("/proc/driver/nvidia"):
        pytest.skip("this machine has a driver")
    done = ctk("cdi", "generate", "--output", tmp_path / "x.yaml").failed(1)
    assert len(done.err.splitlines()) == 1
    assert "driver" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_generated_file_is_valid_until_the_driver_changes(machine):
    changing = machine("a100-mig")
    directory = changing.tmp / "cdi"
    check = [CTK, "cdi", "validate", "--spec-dir", directory]

    def make():
        changing.run(CTK, "cdi", "generate", "--output", directory / "nvidia.yaml").ok()
        assert changing.run(*check).ok().out == ""

    make()
    changing.set("mig.1=on")
    out = changing.run(*check).failed(1).out
    assert out.count("was made for another driver, other GPUs or other MIG devices; generate the file again") == 1
    make()
    changing.set("driver=590.10")
    out = changing.run(*check).failed(1).out
    assert "other MIG devices" in out
    assert re.search(r":\d+: mount of /.*libcuda\.so\.\d.*: not found on this machine; generate the file again", out)
    make()


def test_a_lost_gpu_is_left_out_with_a_warning_and_an_error_by_name(machine):
    changing = machine("dgx-h100")
    changing.set("gpu.3.lost=true")
    done = changing.run(CTK, "cdi", "generate").ok()
    assert len(names(yaml.safe_load(done.out))) == 15
    assert "lost" in done.err
    assert "lost" in changing.run(CTK, "cdi", "generate", "--device-id=3").failed(1).err


def test_nvml_is_asked_only_where_it_is_needed(machine):
    changing = machine("workstation")
    changing.set("fault=nvmlInit_v2:return=18")
    assert names(generate(changing, "--device-name-strategy=index")) == ["0", "1", "all"]
    done = changing.run(CTK, "cdi", "generate", "--feature-flag=enable-coherent-annotations").failed(1)
    assert "version" in done.err.lower()
