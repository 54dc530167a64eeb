"""Re-INVITEs of ours that meet something: an offer of the peer, the end of the call, the death of a process."""

import asyncio

import pytest
import tipring

from asked import hears, number_of, on_calls, quiet, version_of
from system import wait_for
from test_backend import in_thread


@pytest.fixture
def system(make_system):
    return make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})


def test_pending_at_the_peer(system):
    """C215: 491, and it comes again with the next number and the same offer"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        first = await in_thread(peer.asked)
        await in_thread(peer.refuse, first, 491)
        second = await in_thread(peer.asked)
        assert number_of(second) == number_of(first) + 1 and version_of(second) == version_of(first)
        await in_thread(peer.agree, second, "recvonly")
        await holding
        assert call.held == "us"

    on_calls(system, body)


def test_both_offer_at_once(system):
    """C185: theirs gets 491 while ours is out, and is taken in the window behind our 491; then ours goes on"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        first = await in_thread(peer.asked)
        peer.ask("INVITE", peer.offer("a=sendonly\r\n"))
        await in_thread(peer.response_to, "INVITE", 491)
        peer.ask("UPDATE", peer.offer("a=sendonly\r\n"))
        await in_thread(peer.response_to, "UPDATE", 491)
        await in_thread(peer.refuse, first, 491)
        peer.ask("UPDATE", peer.offer("a=sendonly\r\n"))
        answer = await in_thread(peer.response_to, "UPDATE", 200, 491)
        met = answer.startswith("SIP/2.0 491")  # the window may be as short as nothing
        second = await in_thread(peer.asked)
        assert ("a=sendonly\r\n" if met else "a=inactive\r\n") in second
        await in_thread(peer.agree, second, "recvonly" if met else "inactive")
        await holding
        assert call.held == ("us" if met else "both")
        assert met or await in_thread(quiet, peer)

    on_calls(system, body)


@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_a_process_dies_while_it_is_out(system, victim):
    """C214 C215: nothing is asked twice, and whoever wanted it hears how it ended"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 10)
        ack = await in_thread(peer.agree, request, "recvonly")
        assert number_of(ack) == number_of(request)
        await asyncio.wait_for(holding, 40)
        assert call.held == "us"
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        assert "a=sendrecv\r\n" in request
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 10)
        await in_thread(peer.refuse, request, 488)
        with pytest.raises(tipring.CommandRefused) as refused:
            await asyncio.wait_for(unholding, 40)
        assert refused.value.sip_code == 488 and call.held == "us"
        assert await in_thread(hears, peer)

    on_calls(system, body)


def test_hanging_up_meanwhile(system):
    """Ours is out when we hang up"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        bye = asyncio.create_task(in_thread(peer.wait_bye, 5))
        await call.hangup()
        assert number_of(await bye) == number_of(request) + 1
        await in_thread(peer.refuse, request, 487)
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await call.ended()

    on_calls(system, body)


def test_the_peer_hangs_up_meanwhile(system):
    """Ours is out when the BYE comes"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        peer.ask("BYE")
        await in_thread(peer.wait, 200)
        await in_thread(peer.refuse, request, 487)
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await call.ended()

    on_calls(system, body)


def test_a_peer_that_knows_no_such_call(system):
    """C215: 481 ends it, with a BYE"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        bye = asyncio.create_task(in_thread(lambda: (peer.respond(request, 481), peer.wait_bye(5))))
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await bye
        assert await call.ended() == "the peer does not answer"

    on_calls(system, body)
