"""The package, the example and what the documents show are typed: mypy --strict has nothing to say."""

import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parents[3]
CONFIG = """\
[mypy]
strict = True
[mypy-tipring.v1.*]
ignore_errors = True
"""


def mypy(tmp_path, *what):
    (tmp_path / "mypy.ini").write_text(CONFIG)
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir",
                           HERE / "build" / "mypy", *what], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package(tmp_path):
    mypy(tmp_path, "-p", "tipring")


def test_the_example(tmp_path):
    mypy(tmp_path, HERE / "examples" / "echo.py", HERE / "examples" / "sip_answer.py")


def test_a_wrong_use_is_found(tmp_path):
    (tmp_path / "wrong.py").write_text("import tipring\n\nasync def handle(call: tipring.Call) -> None:\n"
                                       "    await call.answer(rate='fast')\n")
    try:
        mypy(tmp_path, tmp_path / "wrong.py")
    except AssertionError as why:
        assert "incompatible type" in str(why)
    else:
        raise AssertionError("types are not shipped")


@pytest.mark.parametrize("document", ["README.md", "docs/BACKENDS.md", "sdk/python/README.md", "docs/SIP_LIBRARY.md"])
def test_what_the_documents_show(tmp_path, document):
    blocks = re.findall(r"```python\n(.*?)```", (HERE / document).read_text(), re.S)
    assert blocks
    for number, block in enumerate(blocks):
        if "Voice" in block:
            block = ("import collections.abc\n\nclass Voice:\n    def speak(self, text: str) -> collections.abc.AsyncIterator[bytes]: "
                     "raise NotImplementedError\n") + block
        path = tmp_path / f"block{number}.py"
        path.write_text(block)
        mypy(tmp_path, path)
        if "testing.Caller" in block:
            subprocess.run([sys.executable, path], check=True, timeout=200)


def test_the_example_helps(tmp_path):
    """N9: without a server, and without asking one."""
    done = subprocess.run([sys.executable, HERE / "examples" / "echo.py", "--help"], capture_output=True, text=True, timeout=200,
                          env={"TIPRING_ENDPOINT": str(tmp_path)})
    assert done.returncode == 0 and "--app" in done.stdout and "--rate" in done.stdout
