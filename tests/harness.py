# SPDX-License-Identifier: Apache-2.0
"""Simulated machines, images and containers for the system tests.

A machine is one `nvidia-gpu-sim run` that stays up while a test module uses it; commands enter its mount
namespace. A container is a bundle of its own, started by the real runc behind the program under test, and judged
from inside.
"""
import itertools
import json
import os
import pathlib
import subprocess
import uuid

TOP = pathlib.Path(__file__).resolve().parent.parent
BIN = TOP / "build/bin"
IMAGES = TOP / "build/images"
RUNTIME = BIN / "nvidia-container-runtime"
SIM = BIN / "nvidia-gpu-sim"

serial = itertools.count()


def image(kind):
    """The directory of an image of tests/images/make; made once per checkout, never written to."""
    path = IMAGES / kind
    if not path.exists():
        IMAGES.mkdir(parents=True, exist_ok=True)
        subprocess.run([TOP / "tests/images/make", kind, path], check=True)
    return path


class Result:
    """What one command left: status, output, and for containers the bundle."""

    def __init__(self, done, bundle=None):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.bundle = bundle

    @property
    def config(self):
        """config.json as the low-level runtime saw it."""
        return json.loads((self.bundle / "config.json").read_text())

    @property
    def json(self):
        return json.loads(self.out)

    def ok(self):
        assert self.status == 0, f"status {self.status}\n{self.err}\n{self.out}"
        return self

    def failed(self, status=1):
        assert self.status == status, f"status {self.status}, not {status}\n{self.err}\n{self.out}"
        return self


class Machine:
    """A simulated machine; platform is a name or a file."""

    def __init__(self, platform, tmp, *options):
        self.tmp = tmp
        self.process = subprocess.Popen(
            [SIM, "run", "--platform", platform, *options, "--", "/bin/sh", "-c", "echo up; exec sleep 100000"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"nvidia-gpu-sim run --platform {platform}: {self.process.stderr.read()}")

    def close(self):
        self.process.terminate()
        self.process.wait(10)

    def run(self, *argv, env=None, stdin=None, timeout=60, cwd=None):
        """Runs a command on the machine."""
        enter = [SIM, "exec", "--pid", str(self.process.pid), "--"]
        done = subprocess.run([*enter, *map(str, argv)], capture_output=True, text=True, errors="replace",
                              env={**os.environ, **(env or {})}, input=stdin or "", timeout=timeout, check=False,
                              cwd=cwd or self.tmp)
        return Result(done)

    def set(self, *args):
        """Changes the running machine: nvidia-gpu-sim set."""
        return self.run(SIM, "set", *args).ok()

    def bundle(self, kind="busybox", args=("true",), env=(), edit=None):
        """A bundle with a writable copy of an image; edit(config) changes the document before it is written."""
        path = self.tmp / f"bundle{next(serial)}"
        path.mkdir()
        self.rootfs(kind, path)
        subprocess.run(["runc", "spec", "--bundle", path], check=True)
        config = json.loads((path / "config.json").read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] = list(args)
        config["process"]["rlimits"] = []
        config["process"]["env"] += list(env)
        config["root"]["readonly"] = False
        probe = {"destination": "/nvidia-gpu-sim", "type": "bind", "source": str(SIM), "options": ["bind", "ro"]}
        config["mounts"].append(probe)
        if edit:
            edit(config)
        (path / "config.json").write_text(json.dumps(config, indent=4))
        return path

    def rootfs(self, kind, bundle):
        """The image as a root file system that hooks may write to: a copy; a large one as engines do it, by an overlay."""
        if kind != "debian":
            subprocess.run(["cp", "-a", "--reflink=auto", image(kind), bundle / "rootfs"], check=True)
            return
        for name in ("rootfs", "upper", "work"):
            (bundle / name).mkdir()
        (bundle / "upper").chmod(0o755)
        layers = f"lowerdir={image(kind)},upperdir={bundle}/upper,workdir={bundle}/work"
        self.run("mount", "-t", "overlay", "-o", layers, "overlay", bundle / "rootfs").ok()

    def start(self, bundle, runtime=RUNTIME, config=None, env=None, timeout=60):
        """Runs a bundle's process to its end through the wrapper and runc; config is the text of a config.toml."""
        name = "test-" + uuid.uuid4().hex[:12]
        extra = dict(env or {})
        if config is not None:
            file = bundle / "config.toml"
            file.write_text(config)
            extra["NVIDIA_CTK_CONFIG_FILE_PATH"] = str(file)
        root = self.tmp / "runc"
        try:
            result = self.run(runtime, "--root", root, "run", "--bundle", bundle, name, env=extra, timeout=timeout)
        finally:
            self.run("runc", "--root", root, "delete", "--force", name)
        result.bundle = bundle
        return result

    def container(self, kind="busybox", args=("true",), env=(), edit=None, **options):
        """A fresh bundle, run to its end."""
        return self.start(self.bundle(kind, args, env, edit), **options)

    def probe(self, kind="busybox", **options):
        """What a container sees: nvidia-gpu-sim probe, run inside; its report is .json of the result."""
        return self.container(kind, args=("/nvidia-gpu-sim", "probe"), **options).ok()
