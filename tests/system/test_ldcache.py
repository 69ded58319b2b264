# SPDX-License-Identifier: Apache-2.0
"""The loader cache that a hook writes, judged by ldconfig and by real loaders inside images."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import TOP, image

HOOK = TOP / "build/meson/nvidia-cdi-hook"
ELF = TOP / "tests/fuzz/corpus/elf"

# Says which file a name was loaded from.
PROGRAM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	void *handle = dlopen(argv[argc - 1], RTLD_NOW);
	const char *(*where)(void) = handle ? (const char *(*)(void))dlsym(handle, "where") : NULL;

	puts(where ? where() : dlerror());
	return !where;
}
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Compiles once: build.program(cc), build.library(cc, text, soname)."""
    top = tmp_path_factory.mktemp("compiled")
    (top / "program.c").write_text(PROGRAM)

    class Build:
        @staticmethod
        def program(cc="gcc"):
            out = top / f"program-{cc}"
            if not out.exists():
                subprocess.run([cc, "-o", out, top / "program.c"], check=True)
            return out

        @staticmethod
        def library(text, cc="gcc", soname="libcuda.so.1"):
            out = top / f"{cc}-{text}-{soname}"
            if not out.exists():
                named = [f"-Wl,-soname,{soname}"] if soname else []
                source = f'const char *where(void); const char *where(void) {{ return "{text}"; }}'
                subprocess.run([cc, "-shared", "-fPIC", "-x", "c", "-", *named, "-o", out], check=True,
                               input=source, text=True)
            return out

    return Build


class Image:
    """A writable copy of an image, with a state document for hooks."""

    def __init__(self, kind, path):
        self.path = path
        self.root = path / "rootfs"
        path.mkdir()
        subprocess.run(["cp", "-a", "--reflink=auto", image(kind), self.root], check=True)
        (path / "config.json").write_text('{"root": {"path": "rootfs"}}')

    def hook(self, *args, prefix=(), status=0):
        state = json.dumps({"ociVersion": "1.0.2", "id": "test", "bundle": str(self.path)})
        done = subprocess.run([*prefix, HOOK, *args], input=state, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stderr
        return done

    def update(self, *folders, **options):
        return self.hook("update-ldcache", *(f"--folder={f}" for f in folders), **options)

    def put(self, file, path):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)

    def run(self, *argv):
        return subprocess.run(["/usr/sbin/chroot", self.root, *argv], capture_output=True, text=True, check=False, env={})

    def where(self, name="libcuda.so.1"):
        """What the image's own loader finds; None when it does not."""
        done = self.run("/program", name)
        return done.stdout.strip() if done.returncode == 0 else None

    @property
    def cache(self):
        done = subprocess.run(["ldconfig", "-p", "-C", self.root / "etc/ld.so.cache"], capture_output=True, text=True,
                              check=True)
        return sorted(line.strip() for line in done.stdout.splitlines() if "=>" in line)

    @property
    def tree(self):
        """All of the image but the times of reading."""
        done = subprocess.run(["find", self.root, "-printf", "%P %y %s %m %i %T@ %l\\n"], capture_output=True, text=True,
                              check=True)
        return sorted(done.stdout.splitlines())


@pytest.fixture
def make_image(tmp_path):
    def make(kind):
        return Image(kind, tmp_path / kind)

    return make


@pytest.fixture
def debian(make_image, build):
    it = make_image("debian")
    it.put(build.program(), "/program")
    return it


@pytest.fixture
def small(make_image, build):
    """The C library of Debian and little else."""
    it = make_image("glibc")
    it.put(build.program(), "/program")
    return it


def test_without_a_driver_the_cache_is_what_ldconfig_makes(debian):
    (debian.root / "etc/ld.so.cache").unlink()
    debian.update()
    ours = debian.cache
    assert debian.run("/sbin/ldconfig").returncode == 0
    assert ours == debian.cache
    assert len(ours) > 50


def test_with_a_driver_the_images_ldconfig_agrees_now_and_later(debian, build):
    for name in ("libcuda.so", "libnvidia-ml.so"):
        debian.put(build.library("driver", soname=f"{name}.1"), f"/opt/driver/{name}.580.1")
        debian.put(build.library("driver", soname=f"{name}.1"), f"/usr/lib/x86_64-linux-gnu/{name}.580.1")
    debian.put(ELF / "lib32.so", "/opt/driver32/libcuda.so.580.1")
    debian.put(build.library("v2", soname="libhw.so.1"), "/opt/driver/glibc-hwcaps/x86-64-v2/libhw.so.1.5")
    debian.put(build.library("plain", soname="libhw.so.1"), "/opt/driver/libhw.so.1")
    debian.update("/usr/lib/x86_64-linux-gnu", "/opt/driver", "/opt/driver32")
    ours = debian.cache
    assert debian.run("/sbin/ldconfig").returncode == 0
    # A 32-bit library that does not need libc.so.6 is of the kind ELF to ldconfig; the loader takes both alike.
    assert ours == [line.replace("(ELF)", "(libc6)") for line in debian.cache]
    assert "libcuda.so.1 (libc6) => /opt/driver32/libcuda.so.1" in ours
    assert 'libhw.so.1 (libc6,x86-64, hwcap: "x86-64-v2") => /opt/driver/glibc-hwcaps/x86-64-v2/libhw.so.1.5' in ours


def test_the_loader_finds_the_driver(small, build):
    small.put(build.library("driver"), "/opt/driver/libcuda.so.580.1")
    assert small.where() is None
    small.update("/opt/driver")
    assert small.where() == "driver"
    assert os.readlink(small.root / "opt/driver/libcuda.so.1") == "libcuda.so.580.1"


def test_every_name_of_the_cache_is_found_by_the_loader(small, build):
    """Its search is binary: one name out of order hides others."""
    names = [f"libx{i}.so.{i % 13}" for i in range(200)] + ["libx.so", "libx-1.so.2", "libX.so.10", "libx_1.so.9"]
    for name in names:
        small.put(build.library("found", soname=""), f"/opt/many/{name}")
    small.update("/opt/many")
    assert [name for name in names if small.where(name) != "found"] == []


def test_the_processors_variant_is_preferred(small, build):
    if "x86-64-v2 (supported" not in small.run("/lib64/ld-linux-x86-64.so.2", "--help").stdout:
        pytest.skip("this processor is older than x86-64-v2")
    small.put(build.library("plain"), "/opt/driver/libcuda.so.1")
    small.put(build.library("v2"), "/opt/driver/glibc-hwcaps/x86-64-v2/libcuda.so.1")
    small.update("/opt/driver")
    assert small.where() == "v2"


def test_compatibility_libraries_come_before_the_driver(small, build):
    small.put(build.library("driver"), "/opt/driver/libcuda.so.550.54.14")
    small.put(build.library("compat"), "/usr/local/cuda-12.8/compat/libcuda.so.570.86.15")
    (small.root / "usr/local/cuda-12.8/compat/libcuda.so.1").symlink_to("libcuda.so.570.86.15")
    (small.root / "usr/local/cuda").symlink_to("cuda-12.8")
    small.hook("enable-cuda-compat", "--host-driver-version=550.54.14")
    small.update("/opt/driver")
    assert small.where() == "compat"
    assert small.run("/sbin/ldconfig").returncode == 0
    assert small.where() == "compat"
    # The host's driver was updated meanwhile.
    small.hook("enable-cuda-compat", "--host-driver-version=580.1")
    small.update("/opt/driver")
    assert small.where() == "driver"


def test_a_second_start_changes_nothing(small, build):
    small.put(build.library("driver"), "/opt/driver/libcuda.so.550.54.14")
    small.put(build.library("compat"), "/usr/local/cuda/compat/libcuda.so.570.86.15")
    hooks = [("enable-cuda-compat", "--host-driver-version=550.54.14"), ("update-ldcache", "--folder=/opt/driver")]
    for hook in hooks:
        small.hook(*hook)
    before = small.tree
    for hook in hooks:
        small.hook(*hook)
    assert small.tree == before


def test_an_image_without_configuration_keeps_the_driver_through_ldconfig(small, build):
    shutil.rmtree(small.root / "etc/ld.so.conf.d")
    (small.root / "etc/ld.so.conf").unlink()
    (small.root / "etc/ld.so.cache").unlink()
    small.put(build.library("driver"), "/opt/driver/libcuda.so.580.1")
    small.update("/opt/driver")
    assert small.where() == "driver"
    assert small.run("/sbin/ldconfig").returncode == 0
    assert small.where() == "driver"


@pytest.mark.parametrize("damage", [b"", b"glibc-ld.so.cache1.1", b"\xff" * 4096, None])
def test_a_damaged_cache_is_replaced(small, build, damage):
    cache = small.root / "etc/ld.so.cache"
    data = cache.read_bytes()
    cache.write_bytes(data[:len(data) // 2] if damage is None else damage)
    small.put(build.library("driver"), "/opt/driver/libcuda.so.1")
    small.update("/opt/driver")
    assert small.where() == "driver"


def test_a_musl_image_finds_the_driver(make_image, build):
    musl = make_image("musl")
    musl.put(build.program("musl-gcc"), "/program")
    musl.put(build.library("driver", "musl-gcc"), "/opt/driver/libcuda.so.580.1")
    # Debian's musl-gcc names the loader by another path.
    loader = subprocess.run(["readelf", "-l", musl.root / "program"], capture_output=True, text=True, check=True).stdout
    loader = loader.split("interpreter: ")[1].split("]")[0]
    if not (musl.root / loader.lstrip("/")).exists():
        musl.put(pathlib.Path(loader).resolve(), loader)
    assert musl.where() is None
    for _ in range(2):
        musl.update("/opt/driver")
        assert musl.where() == "driver"
    assert (musl.root / f"etc/ld-musl-{os.uname().machine}.path").read_text().count("/opt/driver") == 1


@pytest.mark.parametrize("kind", ["empty", "busybox"])
def test_an_image_without_a_loader_is_no_obstacle(make_image, kind):
    it = make_image(kind)
    it.update("/usr/lib/x86_64-linux-gnu")
    assert it.cache == []


@pytest.mark.parametrize("calls", ["openat2", "fsopen", "fsopen,open_tree", "close_range", "clone:when=1", "openat2,fsopen"])
def test_older_kernels(small, build, calls):
    """Each newer call missing in turn: the fallbacks give the same result."""
    names, _, when = calls.partition(":")
    small.put(build.library("driver"), "/opt/driver/libcuda.so.580.1")
    inject = f"inject={names}:error=ENOSYS" + (":" + when if when else "")
    small.update("/opt/driver", prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", inject))
    assert small.where() == "driver"
