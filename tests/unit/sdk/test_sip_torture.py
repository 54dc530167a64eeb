"""tipring.sip: the messages of RFC 4475 and RFC 5118, and octets nobody wrote: a message or a clean ParseError (C021, C022)."""

import pathlib
import random

import pytest
from tipring import sip

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
FILES = sorted((DATA / "rfc4475").glob("*.dat")) + sorted((DATA / "rfc5118").glob("*.dat"))

# what is no message at all, or not as a whole: the place, and what a request is told
FAULTS = {
    "badvers": (33, 505), "bigcode": (8, None), "clerr": (336, 400), "lwsruri": (7, 400), "lwsstart": (7, 400), "mcl01": (246, 400),
    "ncl": (326, 400), "test": (7, None), "trws": (8, 400),
}
# what a server says to the others (tests/unit/signaling/sip/test_torture.c has the reasons); methods it does not serve are not refused here
REFUSED = {
    "badaspec": 400, "badbranch": 400, "badinv01": 400, "baddn": 400, "bext01": 420, "esc02": 501, "escruri": 400, "insuf": 400, "intmeth": 501,
    "invut": 415, "ltgtruri": 400, "mismatch01": 400, "mismatch02": 501, "multi01": 400, "novelsc": 416, "quotbal": 400, "regbadct": 400,
    "scalar02": 400, "sdp01": 406, "unkscm": 416, "ipv6-bad": 400,
}
ACCESSORS = ("from_", "to", "via", "cseq", "contact", "contacts", "call_id", "max_forwards", "expires", "content_type", "body", "route",
             "record_route", "challenges", "credentials", "content_length", "start_line")


def look_at_everything(m):
    for name in (*ACCESSORS, *(("uri", "uri_text", "method") if isinstance(m, sip.Request) else ("status", "reason"))):
        try:
            value = getattr(m, name)
        except sip.ParseError as why:
            assert why.position >= 0 and why.reason
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, sip.Address):
                try:
                    assert one.uri == one.uri or len(one.uri.params) > 0
                except sip.ParseError:
                    pass
            repr(one)
            hash(one)
    repr(m), str(m), m.headers.items()


def read(data):
    """A message that is the same when it is written and read again (C022), or None."""
    try:
        m = sip.parse(data)
    except sip.ParseError as why:
        assert 0 <= why.position <= len(data) and why.reason
        assert why.status is None or 400 <= why.status <= 699
        try:
            m = sip.parse(data, strict=False)
            assert m.fault.position == why.position and m.judge().status in (1, m.fault.status)
            look_at_everything(m)
        except sip.ParseError:
            assert why.status in (None, 513)
        return None
    look_at_everything(m)
    try:
        wire = bytes(m)
    except sip.SipError:  # one line each was longer than a message may be
        assert len(data) > 30000
        return m
    again = sip.parse(wire)
    assert bytes(again) == wire and again == m
    if isinstance(m, sip.Request):
        m.judge()
        m.reply(200, to_tag="x")
    return m


def test_all_of_them_are_here():
    assert len(FILES) == 62


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_torture(path):
    data = path.read_bytes()
    m = read(data)
    if path.stem in FAULTS:
        with pytest.raises(sip.ParseError) as why:
            sip.parse(data)
        assert (why.value.position, why.value.status) == FAULTS[path.stem] and m is None
        return
    verdict = m.judge() if isinstance(m, sip.Request) else None
    assert (verdict and verdict.status) == REFUSED.get(path.stem)


def test_c021_random_octets():
    """C021"""
    chance = random.Random(21)
    for _ in range(2000):
        read(chance.randbytes(chance.randrange(200)))


PIECES = [b"\r\n", b"\n", b"\0", b"\xff", b":", b";", b",", b'"', b"<", b">", b" ", b"\\", b"=", b"%", b"%00", b"@", b"[", b"]", b"SIP/2.0", b"l: 5",
          b"Via: ", b"\r\n ", b"tag=", b"branch=", b"9" * 20, b"sip:", b"tel:", b"a" * 300]


@pytest.mark.parametrize("seed", range(8))
def test_c021_changed_messages(seed):
    """Each message of the RFCs with a few octets changed, taken out, doubled, or put in."""
    chance = random.Random(seed)
    for path in FILES:
        data = path.read_bytes()
        for _ in range(6):
            octets = bytearray(data)
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(octets) + 1)
                what = chance.randrange(4)
                if what == 0:
                    octets[at:at + 1] = chance.randbytes(1)
                elif what == 1:
                    del octets[at:at + chance.randrange(1, 40)]
                elif what == 2:
                    octets[at:at] = chance.choice(PIECES)
                else:
                    octets[at:at] = octets[at:at + chance.randrange(1, 60)]
            read(bytes(octets))


@pytest.mark.parametrize("seed", range(4))
def test_changed_values(seed):
    """Values of every kind: read and written they stay the same, or they are refused."""
    chance = random.Random(seed)
    values = [(sip.Uri, "sips:al%69ce;x=y:pw@[2001:db8::1]:5061;transport=tcp;lr?a=b&c=%20"), (sip.Uri, "tel:+1-(555)0100;phone-context=+1"),
              (sip.Address, '"A \\"b\\" <c>" <sip:a@b;lr?x=y>;tag=1;x="p;q"'), (sip.Via, "SIP/2.0/UDP [::1]:5060;branch=z9hG4bK1;rport;x=\"y\""),
              (sip.CSeq, "314159 INVITE"), (sip.Challenge, 'Digest realm="a, \\"b", nonce="c", qop="auth", algorithm=MD5'),
              (sip.Credentials, 'Digest username="a", nc=00000001, qop=auth')]
    for kind, text in values:
        for _ in range(300):
            octets = bytearray(text.encode())
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(octets) + 1)
                octets[at:at + chance.randrange(3)] = chance.choice(PIECES + [b"", b"x"])
            try:
                value = kind.parse(bytes(octets))
            except sip.ParseError as why:
                assert 0 <= why.position <= len(octets)
                continue
            assert kind.parse(str(value)) == value or kind is sip.Uri  # 19.1.4 has no room for more than 32 parameters, or one twice
            hash(value), repr(value), bytes(value) if kind is not sip.CSeq else None
