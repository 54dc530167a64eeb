"""Mistakes before the first call: each says what is wrong and what to do."""

import asyncio
import socket

import pytest
import tipring


def refused(endpoint, **options):
    async def attempt():
        async with tipring.connect(str(endpoint), **{"timeout": 0.6, **options}):
            pass

    with pytest.raises(tipring.Disconnected) as why:
        asyncio.run(attempt())
    return str(why.value)


def test_there_is_no_run_directory(tmp_path, caplog):
    text = refused(tmp_path / "nowhere")
    assert "there is no directory" in text and "tipring-supervisor" in text and "TIPRING_ENDPOINT" in text
    assert "still trying" in caplog.text, "who waits is told why"


def test_nothing_runs_there(tmp_path):
    assert "there is no socket" in refused(tmp_path)


def test_somebody_was_there(tmp_path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "commands.ipc"))
        assert "nobody answers" in refused(tmp_path)


def test_the_environment_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TIPRING_ENDPOINT", f"ipc://{tmp_path}/")
    assert f"{tmp_path}/commands.ipc" in refused("")


def test_a_path_too_long_for_a_socket(tmp_path):
    with pytest.raises(ValueError, match="can not be a socket"):
        refused(tmp_path / ("x" * 120))


@pytest.mark.parametrize("name", ["", "x" * 64])
def test_names(name):
    if name:
        with pytest.raises(ValueError, match="63 octets"):
            tipring.connect("/tmp", name)
    server = tipring.connect("/tmp")
    with pytest.raises(ValueError, match="an app is called"):
        server.app(name)
    with pytest.raises(ValueError, match="capacity"):
        server.app("bot", 0)

    async def handle(call):
        await call.hangup()

    server.app("bot")(handle)
    with pytest.raises(ValueError, match="has a handler already"):
        server.app("bot")


def test_a_server_without_a_handler():
    with pytest.raises(RuntimeError, match=r"@server\.app"):
        asyncio.run(tipring.connect("/tmp").run())
