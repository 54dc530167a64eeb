"""Builds the two generated parts: message classes (protoc) and the tape library (cc)."""

import pathlib
import subprocess

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parents[2]

TAPE_SOURCES = [
    "sdk/c/tape.c",
    "common/shm/tape_client.c",
    "common/shm/region.c",
    "common/shm/fdpass.c",
    "common/shm/doorbell.c",
]


class Messages(build_py):
    def run(self):
        super().run()
        out = pathlib.Path(self.build_lib)
        protos = sorted((ROOT / "proto" / "tipring" / "v1").glob("*.proto"))
        subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={out}", f"--pyi_out={out}",
                        *map(str, protos)], check=True)
        (out / "tipring" / "v1" / "__init__.py").write_text('"""Generated message classes."""\n')


class Tape(build_ext):
    def run(self):
        out = pathlib.Path(self.build_lib) / "tipring" / "libtipring_tape.so"
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-fPIC", "-shared", f"-I{ROOT}",
                        *[str(ROOT / s) for s in TAPE_SOURCES], "-o", str(out)], check=True)

    def get_outputs(self):
        return [str(pathlib.Path(self.build_lib) / "tipring" / "libtipring_tape.so")]


setup(ext_modules=[Extension("tipring.tape_library", [])], cmdclass={"build_py": Messages, "build_ext": Tape})
