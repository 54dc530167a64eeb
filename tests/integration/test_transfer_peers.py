"""Transfers with phones that others wrote."""

import asyncio
import json
import pathlib
import socket
import subprocess
import sys

import pytest

import sound
from callee import Callee
from phone import Phone
from system import free_udp_port, wait_for
from test_backend import in_thread, tone, with_backend
from test_transfer import OPEN, Deciding, Transferring


@pytest.fixture
def system(make_system):
    return make_system(calls=8, settings=OPEN)


@pytest.fixture
def said(tmp_path):
    return sound.make_speech(tmp_path / "said.wav", " ".join(["One two three four five six seven eight nine ten."] * 8), 0.4)


def phone_of(system, tmp_path, said):
    return Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", said, keypad=free_udp_port(kind=socket.SOCK_STREAM))


def test_baresip_transfers_its_call(system, tmp_path, said):
    """C259 C261: its REFER is accepted, and the target answers"""
    handle = Deciding(lambda r: r.accept(rate=8000))
    up = asyncio.Event()

    async def answer(call):
        up.set()
        await handle(call)

    async def scenario(server):
        target = Callee(system)
        phone = phone_of(system, tmp_path, said)
        try:
            await asyncio.wait_for(up.wait(), 60)
            await in_thread(wait_for, lambda: "established" in phone.log, 10)
            await in_thread(phone.command, "transfer", target.uri)
            await in_thread(target.wait_invite)
            target.reply(180)
            await in_thread(target.pick_up)
            first, made = server.calls[0], await handle.made()
            await made.answered()
            await first.hangup()
            await made.hangup()
            await in_thread(target.wait_bye, 5)
        finally:
            phone.close()
            target.close()

    with_backend(system, answer, scenario)
    assert handle.seen[0].target.startswith("sip:bob@")


def test_baresip_is_transferred(system, tmp_path, said):
    """C258 C262: it calls the target, and says how that went"""
    codes, up, over = [], asyncio.Event(), asyncio.Event()

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(20))
        up.set()
        await over.wait()

    async def scenario(server):
        target = Callee(system)
        phone = phone_of(system, tmp_path, said)
        try:
            await asyncio.wait_for(up.wait(), 60)
            await in_thread(wait_for, lambda: "established" in phone.log, 10)
            call = server.calls[0]
            transfer = asyncio.create_task(call.transfer(target.uri))
            invite = await in_thread(target.wait_invite)
            assert "Contact: <sip:phone" in invite
            target.reply(180)
            await in_thread(target.pick_up)
            await asyncio.wait_for(transfer, 40)
            async for event in call.events():
                if event.kind == "transfer":
                    codes.append(event.code)
                if event.code == 200:
                    break
            over.set()
        finally:
            phone.close()
            target.close()

    with_backend(system, handle, scenario)
    assert codes[-1] == 200


async def aiosipua(*arguments):
    """What it prints."""
    script = pathlib.Path(__file__).parent / "aiosipua_transfer.py"
    process = await asyncio.create_subprocess_exec(sys.executable, "-O", script, *map(str, arguments), stdout=subprocess.PIPE)
    return json.loads((await process.communicate())[0])


def test_aiosipua_transfers_its_call(system):
    """C259 C261"""
    handle = Deciding(lambda r: r.accept(rate=8000))

    async def scenario(server):
        target = Callee(system)
        target.in_background(target.wait_invite, lambda: target.reply(180), target.pick_up)
        codes = await aiosipua(system.sip_port, target.uri)
        await in_thread(target.joined)
        await (await handle.made()).hangup()
        await in_thread(target.wait_bye, 5)
        target.close()
        assert codes[0] == 100 and codes[-1] == 200

    with_backend(system, handle, scenario)


def test_aiosipua_is_transferred(system):
    """C258 C262"""
    handle = Transferring("sip:carol@192.0.2.7")
    handle.begin.set()

    async def scenario(server):
        assert await aiosipua(system.sip_port) == ["sip:carol@192.0.2.7"]

    with_backend(system, handle, scenario)
    assert handle.result == "answered" and handle.codes == [100, 180, 200]
