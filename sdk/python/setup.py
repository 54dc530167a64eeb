"""Builds what is generated: message classes (protoc), the tape library and the library of SIP (cc)."""

import pathlib
import platform
import subprocess

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parents[2]

BASE = ["addr", "arena", "buf", "err", "scan", "str", "wire"]
SIP = ["body", "cseq", "edit", "ids", "msg", "nameaddr", "names", "reply", "scan64", "uri", "uses", "validate", "values", "via",
       "scan64_x86" if platform.machine() in ("x86_64", "AMD64") else "scan64_other"]

LIBRARIES = {
    "libtipring_tape.so": [
        "sdk/c/tape.c",
        "sdk/c/wav.c",
        "sdk/python/wav.c",
        "common/shm/tape_client.c",
        "common/shm/region.c",
        "common/shm/fdpass.c",
        "common/shm/doorbell.c",
    ],
    "libtipring_sip.so": [
        *[f"sdk/sip/{name}.c" for name in ("agreement", "description", "message", "values")],
        *[f"signaling/sip/{name}.c" for name in SIP],
        *[str(source.relative_to(ROOT)) for source in sorted((ROOT / "signaling" / "sdp").glob("*.c"))],
        *[f"common/base/{name}.c" for name in BASE],
    ],
}


class Messages(build_py):
    def run(self):
        super().run()
        out = pathlib.Path(self.build_lib)
        protos = sorted((ROOT / "proto" / "tipring" / "v1").glob("*.proto"))
        subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={out}", f"--pyi_out={out}",
                        *map(str, protos)], check=True)
        (out / "tipring" / "v1" / "__init__.py").write_text('"""Generated message classes."""\n')


class Libraries(build_ext):
    def run(self):
        out = pathlib.Path(self.build_lib) / "tipring"
        out.mkdir(parents=True, exist_ok=True)
        for name, sources in LIBRARIES.items():
            subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,defs", f"-I{ROOT}", f"-I{ROOT / 'sdk' / 'sip'}",
                            *[str(ROOT / s) for s in sources], "-lm", "-o", str(out / name)], check=True)

    def get_outputs(self):
        return [str(pathlib.Path(self.build_lib) / "tipring" / name) for name in LIBRARIES]


setup(ext_modules=[Extension("tipring.libraries", [])], cmdclass={"build_py": Messages, "build_ext": Libraries})
