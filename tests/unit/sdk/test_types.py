"""The package and the example are typed: mypy --strict has nothing to say."""

import pathlib
import subprocess
import sys

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
    mypy(tmp_path, HERE / "examples" / "echo.py")


def test_a_wrong_use_is_found(tmp_path):
    (tmp_path / "wrong.py").write_text("import tipring\n\nasync def handle(call: tipring.Call) -> None:\n"
                                       "    await call.answer(rate='fast')\n")
    try:
        mypy(tmp_path, tmp_path / "wrong.py")
    except AssertionError as why:
        assert "incompatible type" in str(why)
    else:
        raise AssertionError("types are not shipped")
