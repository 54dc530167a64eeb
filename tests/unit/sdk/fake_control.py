"""A control that says exactly what a test wants it to, in the order it wants it to."""

import asyncio
import shutil
import tempfile

import tipring
import zmq
import zmq.asyncio
from tipring.v1 import envelope_pb2

EPOCH = 7


class Control:
    """Serves a run directory: `async with Control() as control`. Everything a backend asks for is granted and noted in `asked`."""

    def __init__(self):
        self.run_dir = tempfile.mkdtemp(prefix="tipring-")  # short: the path of a socket
        self.asked = []  # names of commands
        self.bodies = {}  # the last of each name
        self.replies = {}  # name -> fields of its Ack that are others than usual
        self.before_ack = None  # async: called with the envelope of a command
        self._context = zmq.asyncio.Context()
        self._commands = self._context.socket(zmq.ROUTER)
        self._events = self._context.socket(zmq.XPUB)
        self._peer = b""

    async def __aenter__(self):
        self._commands.bind(f"ipc://{self.run_dir}/commands.ipc")
        self._events.bind(f"ipc://{self.run_dir}/events.ipc")
        self._tasks = [asyncio.create_task(work) for work in (self._answer(), self._beat())]
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._context.destroy(linger=0)
        shutil.rmtree(self.run_dir)

    async def _answer(self):
        while True:
            self._peer, payload = await self._commands.recv_multipart()
            asked = envelope_pb2.Envelope.FromString(payload)
            name = asked.WhichOneof("body")
            self.asked.append(name)
            if name == "hello":
                await self.tell(welcome={"protocol": 1, "control_epoch": EPOCH})
            elif name == "ping":
                await self.tell(pong={"control_epoch": EPOCH})
            else:
                self.bodies[name] = getattr(asked, name)
                if self.before_ack is not None:
                    await self.before_ack(asked)
                await self.tell(ack={"command_id": asked.command_id, "code": 1, "fence": 99, **self.replies.get(name, {})})

    async def _beat(self):
        while True:
            await self.publish("e1/hb/test/", epoch=EPOCH, heartbeat={})
            await asyncio.sleep(0.02)

    async def tell(self, **body):
        """A message to the backend alone."""
        await self._commands.send_multipart([self._peer, envelope_pb2.Envelope(**body).SerializeToString()])

    async def dialled(self, asked, call_id, backend):
        """What precedes the acknowledgement of a Dial."""
        await self.event(call_id, cause_command=asked.command_id, call_dialling={"call": {"call_id": call_id}, "backend": backend})

    async def publish(self, topic, **body):
        await self._events.send_multipart([topic.encode(), envelope_pb2.Envelope(**body).SerializeToString()])

    async def event(self, call_id, **body):
        await self.publish(f"e1/call/bot/{call_id:016x}/", app="bot", call_id=call_id, **body)

    async def offer(self, call_id, **facts):
        await self.tell(offer={"call": {"call_id": call_id, "app": "bot", **facts}, "claim_timeout_ms": 5000})


async def until(what):
    """As long as it takes; pytest's own timeout is the limit."""
    while not what():
        await asyncio.sleep(0.005)


def serve(handler, scenario):
    """Run `scenario(control, server)` beside a backend whose calls of app "bot" go to `handler`."""
    async def main():
        async with Control() as control, tipring.connect(control.run_dir) as server:
            server.app("bot")(handler)
            running = asyncio.create_task(server.run())
            await until(lambda: "register" in control.asked or running.done())
            try:
                await scenario(control, server)
            finally:
                server.stop()
                await running

    asyncio.run(main())
