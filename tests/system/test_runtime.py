# SPDX-License-Identifier: Apache-2.0
"""nvidia-container-runtime as engines drive it: arguments, logging, configuration, bad input (spec: runtime.md 1, 3, 8).

The low-level runtime here is a stub that writes down what it was given; what containers see is in
test_runtime_devices.py.
"""
import errno
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import BIN, RUNTIME

STUB = """#!/bin/sh
{ printf '%s\\n' "$0" "$@"; } > DIR/argv
/usr/bin/env > DIR/env
pwd > DIR/cwd
printf "stub %s\\n" "$*"
exit 42
"""


class Bench:
    """A bundle, a configuration and a stub low-level runtime in one directory."""

    def __init__(self, path):
        self.path = path
        self.bundle = path / "bundle"
        self.bundle.mkdir()
        self.stub = path / "stub-runc"
        self.stub.write_text(STUB.replace("DIR", str(path)))
        self.stub.chmod(0o755)
        self.toml = path / "config.toml"
        self.configure()
        self.write({"ociVersion": "1.0.2", "process": {"env": ["PATH=/bin"]}, "root": {"path": "rootfs"}})

    def configure(self, text="", section=""):
        self.toml.write_text(f'{text}\n[nvidia-container-runtime]\nruntimes = ["{self.stub}"]\n{section}\n')

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config)
        (self.bundle / "config.json").write_text(text)
        return text

    def read(self):
        return (self.bundle / "config.json").read_text()

    def env(self, *variables):
        self.write({"ociVersion": "1.0.2", "process": {"env": list(variables)}, "root": {"path": "rootfs"}})

    def run(self, *args, program=RUNTIME, env=None, cwd=None):
        for name in ("argv", "env", "cwd"):
            (self.path / name).unlink(missing_ok=True)
        return subprocess.run(
            [program, *map(str, args)], capture_output=True, text=True, check=False, cwd=cwd or self.path, timeout=30,
            env={"PATH": os.environ["PATH"], "NVIDIA_CTK_CONFIG_FILE_PATH": str(self.toml), **(env or {})})

    def create(self, *args, **options):
        return self.run(*args, "create", "--bundle", self.bundle, "c1", **options)

    @property
    def argv(self):
        """What the stub was called with, or None when it was not."""
        file = self.path / "argv"
        return file.read_text().splitlines() if file.exists() else None

    def passed(self, done):
        assert (done.returncode, done.stderr) == (42, ""), done.stderr
        assert self.argv is not None

    def refused(self, done, *words):
        """Status 1, one line on stderr that holds the words, and the runtime was not called."""
        assert done.returncode == 1, done
        assert self.argv is None
        line = re.fullmatch(r'time="[0-9T:Z-]+" level=error msg="(.*)"\n', done.stderr)
        assert line, done.stderr
        for word in words:
            assert word in line[1], line[1]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# Arguments

@pytest.mark.parametrize("args", [
    ["state", "c1"], ["--root", "create", "state", "c1"], ["exec", "c1", "app", "create"], ["kill", "c1", "KILL"],
    ["exec", "c1", "app", "--version"], ["delete", "--bundle", "create"], [], ["--help"], ["--no-such", "x", "list"]])
def test_other_commands_are_passed_on_untouched(bench, args):
    bench.write("this is no JSON")
    done = bench.run(*args, cwd=bench.bundle)
    bench.passed(done)
    assert bench.argv == [str(bench.stub), *args]
    assert done.stdout == "stub " + " ".join(args) + "\n"


@pytest.mark.parametrize("args", [
    ["create", "--bundle", "B", "c1"], ["create", "-b", "B", "c1"], ["create", "-b=B", "c1"], ["create", "c1", "--bundle=B"],
    ["--root", "/x", "--log-format", "json", "run", "--bundle", "B", "c1"], ["--systemd-cgroup", "create", "--bundle", "B", "c1"],
    ["--new-option", "create", "--bundle", "B", "c1"], ["--new-option", "v", "create", "--bundle", "B", "c1"]])
def test_create_and_run_read_the_spec(bench, args):
    args = [a.replace("B", str(bench.bundle)) for a in args]
    bench.passed(bench.run(*args))
    assert bench.argv == [str(bench.stub), *args]
    bench.write("{")
    bench.refused(bench.run(*args), f"{bench.bundle}/config.json:1:2: ")


def test_without_bundle_the_working_directory_is_the_bundle(bench):
    bench.passed(bench.run("create", "c1", cwd=bench.bundle))
    assert (bench.path / "cwd").read_text().strip() == str(bench.bundle)
    bench.refused(bench.run("create", "c1"), f"open {bench.path}/config.json: No such file or directory")


def test_a_bundle_option_without_value_is_an_error(bench):
    bench.refused(bench.run("create", "--bundle"), "--bundle needs an argument")


def test_the_environment_is_left_alone(bench):
    bench.passed(bench.create(env={"NVIDIA_VISIBLE_DEVICES": "all", "GCONV_PATH": "/none", "X": "1\n2"}))
    env = (bench.path / "env").read_text()
    assert "NVIDIA_VISIBLE_DEVICES=all\n" in env and "GCONV_PATH=/none\n" in env and "X=1\n2\n" in env


def test_version_prints_both_versions(bench):
    done = bench.run("--version")
    bench.passed(done)
    assert re.fullmatch(r"NVIDIA Container Runtime version \d+\.\d+\.\d+\nspec: 1\.3\.0\n\nstub --version\n", done.stdout)
    assert bench.run("--version=false", "state", "c1").stdout == "stub --version=false state c1\n"


# Containers without GPUs

ODD = ('{\n  "process": {"env": ["PATH=/bin", "NO-EQUALS", "A=1"], "x": 1e400},\n\t"newField": [18446744073709551616, 1.50],\n'
       '  "annotations": {"a": "1", "A": "2"}, "linux": {}\n}\n\n')


@pytest.mark.parametrize("variables", [
    [], ["NVIDIA_VISIBLE_DEVICES="], ["NVIDIA_VISIBLE_DEVICES=void"], ["NVIDIA_VISIBLE_DEVICES=0,void"],
    ["NVIDIA_VISIBLE_DEVICES= , ,"], ["NVIDIA_DRIVER_CAPABILITIES=all"], ["NVIDIA_GDS=enabled"],
    ["NVIDIA_REQUIRE_CUDA=cuda>=999"], ["NVIDIA_IMEX_CHANNELS=all"], ["CUDA_VERSION="]])
def test_a_container_without_gpu_keeps_every_byte(bench, variables):
    text = bench.write(ODD.replace('"A=1"', ", ".join(json.dumps(v) for v in ["A=1", *variables])))
    before = os.stat(bench.bundle / "config.json")
    bench.passed(bench.create())
    after = os.stat(bench.bundle / "config.json")
    assert bench.read() == text
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_read_only_bundle_without_gpu_is_no_problem(bench):
    bench.bundle.chmod(0o555)
    (bench.bundle / "config.json").chmod(0o444)
    bench.passed(bench.create())


def test_legacy_images_need_a_gpu(bench):
    """CUDA_VERSION alone asks for every GPU, as it always did; on this machine there is none."""
    bench.env("CUDA_VERSION=12.4.1")
    before = bench.read()
    bench.refused(bench.create())
    assert bench.read() == before


# Logging

def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_engine_finds_the_error_in_its_log(bench):
    log = bench.path / "engine/log.json"
    bench.write("{")
    done = bench.create("--log", log, "--log-format", "json")
    bench.refused(done, "config.json:1:2")
    last = records(log)[-1]
    assert set(last) == {"level", "msg", "time"} and last["level"] == "error"
    assert "config.json:1:2" in last["msg"]


def test_text_is_the_format_of_the_log_unless_json_is_asked_for(bench):
    log = bench.path / "log"
    bench.write("{")
    bench.refused(bench.create("--log", log))
    assert re.search(r'^time="[^"]+" level=error msg="', log.read_text())
    bench.refused(bench.create("--log", log, "--log-format", "xml"))
    assert log.read_text().count("level=error") == 2


def test_the_configured_debug_file_gets_every_line_in_the_engine_format(bench):
    debug, log = bench.path / "logs/debug", bench.path / "log"
    bench.configure(section=f'debug = "{debug}"')
    bench.write("{")
    bench.refused(bench.create("--log", log, "--log-format", "json"))
    assert records(debug)[-1] == records(log)[-1]


@pytest.mark.parametrize("section, args, expected", [
    ("", [], False), ("", ["--debug"], True), ("", ["--debug=false"], False), ('log-level = "debug"', [], True),
    ('log-level = "DEBUG"', [], True), ('log-level = "error"', ["--debug"], True)])
def test_levels(bench, section, args, expected):
    log = bench.path / "log"
    bench.configure(section=section)
    bench.passed(bench.create("--log", log, *args))
    assert ("level=debug" in log.read_text()) is expected


def test_an_unknown_level_is_said_and_info_used(bench):
    log = bench.path / "log"
    bench.configure(section='log-level = "loud"')
    bench.passed(bench.create("--log", log))
    assert "invalid log-level 'loud'" in log.read_text()


def test_a_log_that_cannot_be_opened_stops_nothing(bench):
    bench.passed(bench.create("--log", bench.path))
    bench.passed(bench.create("--log", "/proc/nothing/log"))


def test_nothing_is_said_without_a_log(bench):
    bench.configure("unknown-key = 1")
    bench.passed(bench.create())


# Configuration

def test_other_commands_work_with_any_configuration(bench, tmp_path):
    path = tmp_path / "path"
    path.mkdir()
    shutil.copy(bench.stub, path / "runc")
    for text in ("= broken", "[nvidia-container-runtime]\nruntimes = 1\n", "disable-require = 7\n"):
        bench.toml.write_text(text)
        done = bench.run("kill", "c1", "KILL", env={"PATH": f"{path}:/bin:/usr/bin"})
        bench.passed(done)
        assert bench.argv[0] == str(path / "runc")
    bench.toml.unlink()
    bench.toml.mkdir()
    bench.passed(bench.run("delete", "c1", env={"PATH": f"{path}:/bin:/usr/bin"}))


@pytest.mark.parametrize("text, words", [
    ("= broken", "config.toml:1:1: "),
    ("disable-require = 7", "config.toml:1:19: disable-require must be true or false, not a number"),
    ("[nvidia-container-runtime]\nruntimes = [1]", "config.toml:2:13: nvidia-container-runtime.runtimes must be"),
    ("[nvidia-container-runtime]\nmode = \"foo\"", "config.toml:2:8: nvidia-container-runtime.mode: invalid mode"),
    ("[nvidia-container-runtime]\nmode = \"\"", "invalid mode"),
    ("[nvidia-container-runtime]\nmounts = \"hook\"", "comes with a later release"),
    ("[nvidia-container-runtime]\nmounts = \"x\"", "config.toml:2:10: "),
    ("compat-level = \"1.17\"", "config.toml:1:16: compat-level: "),
    ("supported-driver-capabilities = \"compute,magic\"", "config.toml:1:33: supported-driver-capabilities: \\\"magic\\\""),
    ("[nvidia-container-runtime]\nruntimes = []", "no low-level runtime is configured"),
    ("[nvidia-container-runtime]\nruntimes = [\"/no/runc\", \"no-such-crun\"]", "none of /no/runc, no-such-crun")])
def test_create_refuses_a_bad_configuration_and_says_where(bench, text, words):
    before = bench.read()
    bench.toml.write_text(text)
    bench.refused(bench.create(), words)
    assert bench.read() == before


def test_create_refuses_a_configuration_that_others_may_write(bench):
    bench.toml.chmod(0o666)
    bench.refused(bench.create(), "config.toml is writable by others", "chmod go-w")
    bench.passed(bench.run("state", "c1", env={"PATH": f"{bench.path}:/bin"}) if
                 shutil.copy(bench.stub, bench.path / "runc") else None)


def test_unknown_keys_are_said_with_a_guess(bench):
    log = bench.path / "log"
    bench.configure("disable-requir = true")
    bench.passed(bench.create("--log", log))
    assert "config.toml:1: unknown key disable-requir, ignored; did you mean disable-require?" in log.read_text()


def test_an_absent_configuration_means_the_defaults(bench):
    bench.toml.unlink()
    shutil.copy(bench.stub, bench.path / "runc")
    bench.passed(bench.create(env={"PATH": f"{bench.path}:/bin"}))


def test_the_path_is_searched_without_its_unsafe_elements(bench):
    bench.configure(section="")
    bench.toml.write_text('[nvidia-container-runtime]\nruntimes = ["runc"]\n')
    bad, good = bench.path / "bad", bench.path / "good"
    for path in (bad, good):
        path.mkdir()
        shutil.copy(bench.stub, path / "runc")
    bad.chmod(0o1777)
    bench.passed(bench.create(env={"PATH": f"{bad}::.:{good}"}, cwd=bad))
    assert bench.argv[0] == str(good / "runc")


def test_the_wrapper_does_not_start_itself(bench):
    (bench.path / "runc").symlink_to(RUNTIME)
    bench.toml.write_text(f'[nvidia-container-runtime]\nruntimes = ["{bench.path}/runc", "{bench.stub}"]\n')
    bench.passed(bench.create())


# Modes that come later, and modes by name

def test_names_choose_the_mode(bench):
    bench.env("NVIDIA_VISIBLE_DEVICES=0")
    for suffix in (".legacy", ".legacy.real"):
        program = bench.path / f"nvidia-container-runtime{suffix}"
        program.symlink_to(RUNTIME)
        bench.refused(bench.create(program=program), "mode legacy comes with a later release")
    program = bench.path / "nvidia-container-runtime.cdi"
    program.symlink_to(RUNTIME)
    bench.configure(section=f'modes.cdi.spec-dirs = ["{bench.path}"]')
    bench.refused(bench.create(program=program), "unresolvable CDI devices nvidia.com/gpu=0")
    assert (BIN / "nvidia-container-runtime.cdi").resolve() == RUNTIME.resolve()
    assert (BIN / "nvidia-container-runtime.legacy").resolve() == RUNTIME.resolve()


@pytest.mark.parametrize("mode", ["csv", "legacy"])
def test_later_modes_say_so_and_leave_other_containers_alone(bench, mode):
    bench.configure(section=f'mode = "{mode}"')
    bench.passed(bench.create())
    bench.env("NVIDIA_VISIBLE_DEVICES=0")
    bench.refused(bench.create(), f"mode {mode}", "comes with a later release")


# Static CDI specs; no driver is needed for those of others.

def spec(kind, *devices, **edits):
    return json.dumps({"cdiVersion": "0.5.0", "kind": kind, "containerEdits": edits,
                       "devices": [{"name": d, "containerEdits": {"env": [f"DEVICE_{d}={kind}"]}} for d in devices]})


@pytest.fixture
def cdi(bench):
    bench.cdi = bench.path / "cdi"
    bench.cdi.mkdir()
    bench.configure(section=f'modes.cdi.spec-dirs = ["{bench.cdi}"]')
    (bench.cdi / "acme.json").write_text(spec("acme.com/thing", "a", "b", env=["COMMON=1"]))
    (bench.cdi / "management.json").write_text(spec("management.nvidia.com/gpu", "all"))
    (bench.cdi / "nvidia.json").write_text(spec("nvidia.com/gpu", "0", "all", env=["DRIVER=1"]))
    return bench


def container_env(bench):
    return json.loads(bench.read())["process"]["env"]


def test_qualified_names_choose_cdi_mode(cdi):
    cdi.env("A=1", "NVIDIA_VISIBLE_DEVICES=acme.com/thing=a,acme.com/thing=b,acme.com/thing=a")
    cdi.passed(cdi.create())
    assert container_env(cdi)[2:] == ["COMMON=1", "DEVICE_a=acme.com/thing", "DEVICE_b=acme.com/thing"]


def test_annotations_ask_for_devices(cdi):
    config = {"process": {"env": ["NVIDIA_VISIBLE_DEVICES=0"]}, "annotations": {"cdi.k8s.io/x": "acme.com/thing=a, acme.com/thing=b"}}
    cdi.write(config)
    cdi.passed(cdi.create())
    assert container_env(cdi)[1:] == ["COMMON=1", "DEVICE_a=acme.com/thing", "DEVICE_b=acme.com/thing"]
    config["annotations"]["cdi.k8s.io/y"] = "7"
    cdi.write(config)
    cdi.refused(cdi.create(), 'an annotation asks for device \\"7\\", which is no CDI name')


def test_unqualified_names_have_the_default_kind_in_cdi_mode(cdi):
    cdi.configure(section=f'mode = "cdi"\nmodes.cdi.spec-dirs = ["{cdi.cdi}"]\nmodes.cdi.default-kind = "acme.com/thing"')
    cdi.env("NVIDIA_VISIBLE_DEVICES=b")
    cdi.passed(cdi.create())
    assert container_env(cdi)[1:] == ["COMMON=1", "DEVICE_b=acme.com/thing"]


def test_none_is_the_driver_without_a_gpu(cdi):
    cdi.configure(section=f'mode = "cdi"\nmodes.cdi.spec-dirs = ["{cdi.cdi}"]')
    cdi.env("NVIDIA_VISIBLE_DEVICES=none")
    cdi.passed(cdi.create())
    assert container_env(cdi)[1:] == ["DRIVER=1"]


def test_the_environment_may_not_ask_for_management_devices(cdi):
    cdi.env("NVIDIA_VISIBLE_DEVICES=management.nvidia.com/gpu=all")
    before = cdi.read()
    cdi.refused(cdi.create(), "may not ask for management.nvidia.com/gpu=all", "allowed-kinds")
    assert cdi.read() == before
    cdi.configure(section=f'modes.cdi.spec-dirs = ["{cdi.cdi}"]\nmodes.cdi.allowed-kinds = ["*"]')
    cdi.passed(cdi.create())


def test_our_own_names_do_not_mix_with_others(cdi):
    for devices in ("runtime.nvidia.com/gpu=0,acme.com/thing=a", "0,acme.com/thing=a"):
        cdi.env(f"NVIDIA_VISIBLE_DEVICES={devices}")
        cdi.refused(cdi.create(), "is not supported when requesting other CDI devices")


def test_a_name_that_does_not_resolve_says_why(cdi):
    (cdi.cdi / "broken.json").write_text("{")
    cdi.env("NVIDIA_VISIBLE_DEVICES=broken.com/x=y")
    cdi.refused(cdi.create(), "failed to inject CDI devices: unresolvable CDI devices broken.com/x=y", "broken.json:1:2")


def test_names_of_one_letter_are_no_names(cdi):
    cdi.env("NVIDIA_VISIBLE_DEVICES=a/b=c")
    cdi.refused(cdi.create())


# What asks for GPUs keeps the rest of the document.

def test_unknown_fields_numbers_and_order_survive_an_edit(cdi):
    text = cdi.write('{\n  "newField": [18446744073709551616, 1.50, 1e400],\n  "process": {"env": ["X", '
                     '"NVIDIA_VISIBLE_DEVICES=acme.com/thing=a"], "future": {"a" : 1}},\n  "annotations": {"b": "<&>", "a": "\\u2028"}\n}\n')
    cdi.passed(cdi.create())
    after = cdi.read()
    head, tail = text.split('"NVIDIA_VISIBLE_DEVICES=acme.com/thing=a"')
    assert after.startswith(head + '"NVIDIA_VISIBLE_DEVICES=acme.com/thing=a"') and after.endswith(tail)
    assert json.loads(after)["process"]["env"][2:] == ["COMMON=1", "DEVICE_a=acme.com/thing"]


def test_an_edited_spec_keeps_owner_and_mode(cdi):
    cdi.env("NVIDIA_VISIBLE_DEVICES=acme.com/thing=a")
    os.chown(cdi.bundle / "config.json", 1234, 4321)
    (cdi.bundle / "config.json").chmod(0o640)
    cdi.passed(cdi.create())
    st = os.stat(cdi.bundle / "config.json")
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (1234, 4321, 0o640)
    assert sorted(os.listdir(cdi.bundle)) == ["config.json"]


def test_nvidia_hooks_go_when_we_do_their_work(cdi):
    cdi.write({"process": {"env": ["NVIDIA_VISIBLE_DEVICES=acme.com/thing=a"]},
               "hooks": {"prestart": [{"path": "/usr/bin/nvidia-container-runtime-hook", "args": ["x", "prestart"]}],
                         "createRuntime": [{"path": "/bin/other"}, {"path": "/x/nvidia-container-toolkit"}]}})
    cdi.passed(cdi.create())
    assert json.loads(cdi.read())["hooks"] == {"createRuntime": [{"path": "/bin/other"}]}


# File systems that refuse

@pytest.mark.parametrize("options, words", [("ro", os.strerror(errno.EROFS)), ("size=8k", os.strerror(errno.ENOSPC))])
def test_a_full_or_read_only_bundle_fails_and_changes_nothing(cdi, options, words):
    cdi.env("NVIDIA_VISIBLE_DEVICES=acme.com/thing=a")
    script = (f"mount -t tmpfs -o size=8k none {cdi.bundle} && cp {cdi.path}/saved.json {cdi.bundle}/config.json && "
              f"dd if=/dev/zero of={cdi.bundle}/fill bs=1k count=64 2>/dev/null; mount -o remount,{options} {cdi.bundle} || exit 99; "
              f"{RUNTIME} create --bundle {cdi.bundle} c1; status=$?; cmp {cdi.path}/saved.json {cdi.bundle}/config.json || exit 98; "
              f"ls {cdi.bundle}; exit $status")
    shutil.copy(cdi.bundle / "config.json", cdi.path / "saved.json")
    done = cdi.run("unshare", "--mount", "--propagation=private", "sh", "-c", script, program="/usr/bin/env")
    assert done.returncode == 1, done
    assert words in done.stderr, done.stderr
    assert done.stdout == "config.json\nfill\n"
    assert cdi.argv is None


@pytest.mark.parametrize("text, place", [
    ("", "config.json:1:1: "), ("[]", "config.json:1:1: not an object"), ("{} x", "config.json:1:4: "),
    ('{"process": 1}', "config.json:1:13: process is not an object"),
    ('{"process": {"env": {}}}', "process.env is not a list"), ('{"process": {}, "PROCESS": {}}', "config.json:1:"),
    ("{" * 100, "config.json:1:"), ('{"a": "\\u0000"}', "config.json:1:")])
def test_a_bad_spec_is_refused_with_its_place(bench, text, place):
    bench.write(text)
    bench.refused(bench.create(), place)
    assert bench.read() == text


@pytest.mark.parametrize("variable, words", [
    ("NVIDIA_VISIBLE_DEVICES=0 1", "NVIDIA_VISIBLE_DEVICES: "), ("NVIDIA_VISIBLE_DEVICES=" + "0," * 2000, "more than 1024 items"),
    ("NVIDIA_VISIBLE_DEVICES=" + "x" * 20000, "longer than 16384 bytes")])
def test_a_bad_variable_is_named(bench, variable, words):
    bench.env(variable)
    bench.refused(bench.create(), words)


def test_the_spec_may_not_be_a_fifo(bench):
    (bench.bundle / "config.json").unlink()
    os.mkfifo(bench.bundle / "config.json")
    bench.refused(bench.create(), "config.json is not a regular file")
