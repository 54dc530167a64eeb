"""A process that notices when it is asked to end, and when it stands still."""

import asyncio
import os
import re
import signal
import threading
import time

import pytest
from tipring import watching


def test_a_blocked_event_loop_is_told(caplog):
    """N8"""
    async def main():
        watch = asyncio.create_task(watching.watch_loop())
        await asyncio.sleep(0)
        time.sleep(1.2)
        while not caplog.messages:
            await asyncio.sleep(0.01)
        watch.cancel()

    asyncio.run(main())
    told = re.search(r"the event loop was blocked for (\d+\.\d) s", caplog.text)
    assert told and float(told[1]) >= 1.0 and "to_thread" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_stop(number):
    """N7"""
    before = signal.getsignal(number)

    async def main():
        stopped = asyncio.Event()
        during = signal.getsignal(number)
        with watching.signals(stopped.set):
            os.kill(os.getpid(), number)
            await stopped.wait()
        assert signal.getsignal(number) is during, "as they were"

    asyncio.run(main())
    assert signal.getsignal(number) is before


def test_a_thread_without_signals():
    async def main():
        with watching.signals(lambda: None):
            done.append(True)

    done = []
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    assert done
