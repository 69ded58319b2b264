# SPDX-License-Identifier: Apache-2.0
"""One line of pytest for everything: C unit tests, fuzz corpora, system tests on simulated machines."""
import os
import pathlib
import shutil
import subprocess

import pytest
from harness import Machine

TOP = pathlib.Path(__file__).resolve().parent.parent
# The unit tests of each build: what ships, and clang's with sanitizers.
BUILDS = [p for p in (TOP / "build/meson", TOP / "build/sanitized") if (p / "build.ninja").exists()]

# Sanitizers bring a malloc of their own.
OWN_MALLOC = {"test-heap"}


def pytest_collect_file(file_path, parent):
    if file_path.suffix != ".c":
        return None
    if file_path.parent.name == "unit" and file_path.name.startswith("test-"):
        return UnitFile.from_parent(parent, path=file_path)
    if file_path.parent.name == "fuzz" and file_path.name.startswith("fuzz-"):
        return CorpusFile.from_parent(parent, path=file_path)
    return None


class Program(pytest.Item):
    """A program that is run with arguments and must exit with 0."""

    def __init__(self, *, argv, env=None, **kwargs):
        super().__init__(**kwargs)
        self.argv = argv
        self.env = env or {}

    def runtest(self):
        done = subprocess.run(self.argv, capture_output=True, text=True, check=False, errors="replace",
                              env=os.environ | self.env, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            pytest.fail(done.stderr + done.stdout, pytrace=False)

    def reportinfo(self):
        return self.path, None, self.name


class UnitFile(pytest.File):
    def collect(self):
        for build in BUILDS:
            binary = build / self.path.stem
            if build.name == "sanitized" and self.path.stem in OWN_MALLOC:
                continue
            if not binary.exists():
                pytest.fail(f"{binary} was not built: is {self.path.name} in unit_tests of meson.build?", pytrace=False)
            names = subprocess.run([binary, "--list"], check=True, capture_output=True, text=True).stdout.split()
            for name in names:
                yield Program.from_parent(self, name=f"{build.name}:{name}", argv=[binary, name])


class CorpusFile(pytest.File):
    def collect(self):
        name = self.path.stem.removeprefix("fuzz-")
        corpus = self.path.parent / "corpus" / name
        for build in BUILDS:
            binary = build / f"replay-{name}"
            if not binary.exists():
                pytest.fail(f"{binary} was not built: is {self.path.name} in fuzz_targets of meson.build?", pytrace=False)
            yield Program.from_parent(self, name=f"{build.name}:corpus", argv=[binary, corpus])


def pytest_collection_modifyitems(items):
    if os.geteuid() == 0:
        return
    for item in items:
        if pathlib.Path(item.path).parent.name in ("system", "exploit"):
            item.add_marker(pytest.mark.skip(reason="needs root: mounts, device nodes and other users' rights"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """machines("dgx-h100"): a machine for the whole module, started when first asked for."""
    made = {}

    def get(platform, *options):
        key = (str(platform), options)
        if key not in made:
            made[key] = Machine(str(platform), tmp_path_factory.mktemp("machine"), *options)
        return made[key]

    yield get
    for m in made.values():
        m.close()
        shutil.rmtree(m.tmp, ignore_errors=True)


@pytest.fixture
def machine(tmp_path):
    """machine("dgx-h100"): a machine of one test's own, to change with set."""
    made = []

    def get(platform, *options):
        made.append(Machine(str(platform), tmp_path, *options))
        return made[-1]

    yield get
    for m in made:
        m.close()
