"""tipring.sip: URIs, addresses, Via, CSeq, challenges and credentials (C050-C064)."""

import copy
import pickle

import pytest
from tipring import sip


def test_c050_a_uri():
    """C050"""
    u = sip.Uri.parse("sip:alice@example.com:5060;transport=tcp;lr")
    assert (u.scheme, u.user, u.host, u.port) == ("sip", "alice", "example.com", 5060)
    assert u.params == {"transport": "tcp", "lr": None} and u.params["LR"] is None
    assert str(u) == "sip:alice@example.com:5060;transport=tcp;lr" and sip.Uri.parse(str(u)) == u
    assert str(sip.Uri("sip", "alice", "example.com", 5060, {"transport": "tcp", "lr": None})) == str(u)


def test_c051_sips_no_user_headers():
    """C051"""
    u = sip.Uri.parse("sips:example.com?subject=hello&priority=urgent%21")
    assert u.is_secure and u.user is None and u.port is None
    assert u.headers.pairs == (("subject", "hello"), ("priority", "urgent!"))
    assert str(sip.Uri("sips", host="example.com", headers={"subject": "hello", "priority": "urgent!"})).endswith("priority=urgent!")


def test_c052_ipv6():
    """C052"""
    u = sip.Uri.parse("sip:[2001:db8::1]:5070")
    assert (u.host, u.port) == ("[2001:db8::1]", 5070)
    assert str(sip.Uri(host="2001:db8::1", port=5070)) == str(sip.Uri(host="[2001:db8::1]", port=5070)) == str(u)


def test_c053_user_parameters():
    """C053"""
    u = sip.Uri.parse("sip:alice;day=tuesday@atlanta.com")
    assert (u.user, u.host, u.user_text) == ("alice;day=tuesday", "atlanta.com", "alice")
    assert u.user_params == {"day": "tuesday"} and u.params == {}


def test_c054_tel():
    """C054"""
    u = sip.Uri.parse("tel:+1-555-1234;phone-context=x")
    assert (u.scheme, u.user, u.host, u.params["phone-context"]) == ("tel", "+1-555-1234", "", "x")
    assert u == sip.Uri.parse("tel:+15551234;Phone-Context=X") and len({u, sip.Uri.parse("tel:+15551234;phone-context=X")}) == 1
    assert str(sip.Uri("tel", "+15551234")) == "tel:+15551234"
    with pytest.raises(sip.ParseError):
        sip.Uri.parse("tel:alice")


# RFC 3261 19.1.4
SAME = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"),
    ("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
]
OTHER = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a%3Bb@h", "sip:a;b@h"), ("sip:a@h", "sips:a@h"), ("mailto:a@h", "sip:a@h"), ("mailto:a@h", "mailto:A@h"),
]


@pytest.mark.parametrize("a, b", SAME)
def test_c055_equal(a, b):
    """C055"""
    a, b = sip.Uri.parse(a), sip.Uri.parse(b)
    assert a == b and b == a and hash(a) == hash(b)


@pytest.mark.parametrize("a, b", OTHER)
def test_c055_not_equal(a, b):
    """C055"""
    assert sip.Uri.parse(a) != sip.Uri.parse(b)
    assert sip.Uri.parse(a) != a


@pytest.mark.parametrize("text, position", [
    ("sip:a@h:99999", 13), ("sip:a@h:abc", 8), ("sip:a@h:0", 9), ("sip:a@", 6), ("sip:", 4), ("no uri", 6), ("", 0), ("sip:a b@h", 4),
    ("sip:[::1", 8), ("sip:a@h;x=\"", 7), ("sip:a@h?a b", 8), (":x", 0),
])
def test_c056_what_is_no_uri(text, position):
    """C056"""
    with pytest.raises(sip.ParseError) as why:
        sip.Uri.parse(text)
    assert why.value.position == position and why.value.status == 400


def test_uris_that_are_made():
    assert str(sip.Uri(user=sip.escape("a b@c"), host="h", params={"x": "a;b"}, headers={"Route": "<sip:p;lr>"})) == (
        "sip:a%20b%40c@h;x=a%3Bb?Route=%3Csip:p%3Blr%3E")
    assert sip.Uri.parse("sip:a%20b%40c@h").user_text == "a b@c" and sip.unescape("%2541") == "%41"
    u = sip.Uri.parse("sip:a@h;lr?x=y").replace(user="b", port=5061)
    assert str(u) == "sip:b@h:5061;lr?x=y"
    for parts in ({"user": "a@b", "host": "h"}, {"host": ""}, {"host": "a b"}, {"host": "h", "port": 0}, {"host": "h", "port": 65536},
                  {"scheme": "http", "host": "h"}, {"scheme": "tel", "user": "1", "host": "h"}, {"host": "h;lr"}, {"host": "h:1"}):
        with pytest.raises(sip.SipError):
            sip.Uri(**parts)
    other = sip.Uri.parse("mailto:a@b")
    assert (other.scheme, other.other, other.user) == ("mailto", "a@b", None)
    with pytest.raises(sip.SipError):
        other.replace(user="x")


@pytest.mark.parametrize("text, display, tag", [
    ('"Alice" <sip:a@b>;tag=abc', "Alice", "abc"), ("Alice Smith <sip:a@b>;tag=abc", "Alice Smith", "abc"), ("<sip:a@b>", "", None),
    ("sip:a@b;tag=abc", "", "abc"),
    ('"A <b>" <sip:a@b>;tag=1', "A <b>", "1"),                 # C058
    ('<sip:a@b>;x="p;q";tag=1', "", "1"),                      # C060
])
def test_c057_addresses(text, display, tag):
    """C057"""
    a = sip.Address.parse(text)
    assert (a.display, a.tag, str(a.uri)) == (display, tag, "sip:a@b")
    assert sip.Address.parse(str(a)) == a and str(a) == text


def test_c059_quotes():
    """C059"""
    a = sip.Address("sip:b@c", 'Bob "x" \\', {"tag": "1", "x": "p;q"})
    assert str(a) == '"Bob \\"x\\" \\\\" <sip:b@c>;tag=1;x="p;q"'
    assert sip.Address.parse(str(a)) == a and a.display == 'Bob "x" \\' and a.params["x"] == "p;q"
    assert str(a.replace(display="", tag="2")) == '<sip:b@c>;x="p;q";tag=2'


@pytest.mark.parametrize("text", ["", "<sip:a", "a b", '"a <sip:a@b>', "<sip:a@b>;tag=1;tag=2", "sip:a,b", "<>"])
def test_what_is_no_address(text):
    with pytest.raises(sip.ParseError) as why:
        sip.Address.parse(text)
    assert 0 <= why.value.position <= len(text)


def test_addresses_are_compared_by_their_uris():
    assert sip.Address.parse("<sip:%61@h>;tag=1") == sip.Address.parse("<sip:a@H> ; TAG=1")
    assert sip.Address.parse("<sip:a@h>;tag=1") != sip.Address.parse("<sip:a@h>;tag=2")
    assert sip.Address.parse("<sip:a@h>") != "<sip:a@h>"


def test_c061_via():
    """C061"""
    v = sip.Via.parse("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1")
    assert (v.transport, v.host, v.port, v.branch, v.received, v.rport) == ("UDP", "192.0.2.1", 5060, "z9hG4bK1", None, None)
    assert "rport" in v.params and str(v) == "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1"
    v = sip.Via.parse("SIP / 2.0 / TCP [::1];received=192.0.2.9;rport=99;branch=b")
    assert (v.transport, v.host, v.port, v.received, v.rport) == ("TCP", "[::1]", None, "192.0.2.9", 99)
    made = sip.Via("::1", None, "TLS", branch="z", params={"rport": None})
    assert str(made) == "SIP/2.0/TLS [::1];rport;branch=z" and sip.Via.parse(str(made)) == made
    assert made.replace(port=1).port == 1 and len({made, sip.Via.parse(str(made).lower().replace("sip/", "SIP/"))}) == 1
    for bad in ("", "SIP/2.0/UDP", "SIP/3.0/UDP a", "SIP/2.0/UDP a:0", "SIP/2.0/UDP a:70000", "SIP/2.0/UDP a;;", "SIP/2.0/UDP a;branch=1;branch=2"):
        with pytest.raises(sip.ParseError):
            sip.Via.parse(bad)
    with pytest.raises(sip.SipError):
        sip.Via("a", 70000)


def test_c062_cseq():
    """C062"""
    c = sip.CSeq.parse("102 REGISTER")
    assert c == sip.CSeq(102, "REGISTER") == (102, "REGISTER") and str(c) == "102 REGISTER"
    with pytest.raises(sip.ParseError) as why:
        sip.CSeq.parse("102REGISTER")
    assert why.value.position == 3


def test_c063_challenges():
    """C063"""
    a = sip.Challenge.parse('Digest realm="atlanta.com", nonce="84a4cc6f\\"x", opaque="", qop="auth,auth-int", algorithm=MD5')
    assert a.scheme == "Digest"
    assert dict(a.params.pairs) == {"realm": "atlanta.com", "nonce": '84a4cc6f"x', "opaque": "", "qop": "auth,auth-int", "algorithm": "MD5"}
    assert str(sip.Challenge("Digest", a.params)) == str(a) and sip.Challenge("Digest", a.params) == a
    for bad in ("", "Digest realm", 'Digest realm="x', "Digest a=b c=d", '"Digest" a=b'):
        with pytest.raises(sip.ParseError):
            sip.Challenge.parse(bad)


def test_c064_credentials():
    """C064"""
    a = sip.Credentials("Digest", {"username": "bob", "realm": "1234", "nonce": "n", "uri": "sip:a", "response": "0" * 32,
                                   "algorithm": "SHA-256", "qop": "auth", "nc": "00000001", "cnonce": "c"})
    assert str(a) == ('Digest username="bob", realm="1234", nonce="n", uri="sip:a", response="' + "0" * 32 +
                      '", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c"')
    request = sip.Request("REGISTER", "sip:a", {"Authorization": a})
    assert sip.parse(bytes(request)).credentials == [a]
    assert sip.Response(401, headers=[("WWW-Authenticate", sip.Challenge("Digest", {"realm": "a, b"})),
                                      ("Proxy-Authenticate", sip.Challenge("Digest", {"realm": "c"}))]).challenges[0].params["realm"] == "a, b"
    with pytest.raises(sip.SipError):
        sip.Credentials("Digest", {"algorithm": "a b"})


@pytest.mark.parametrize("value", [
    sip.Uri.parse("sip:a@h;lr"), sip.Address.parse("<sip:a@h>;tag=1"), sip.Via("a", branch="b"), sip.CSeq(1, "A"),
    sip.Challenge("Digest", {"realm": "x"}), sip.Params({"a": None, "B": "c"}),
])
def test_values_do_not_change(value):
    with pytest.raises(AttributeError):
        value.host = "x"
    with pytest.raises(AttributeError):
        value.params = {}
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value and hash(twin) == hash(value) and type(twin) is type(value)
    assert repr(value)


def test_parameters():
    p = sip.Params([("A", "1"), ("b", None), ("a", "2")])
    assert p["a"] == "1" and p.get("B", "x") is None and list(p) == ["a", "b"] and len(p) == 2 and "C" not in p
    assert p.without("a").pairs == (("b", None),) and p.with_("b", "3")["b"] == "3"
    assert sip.Params({"x": "1"}) == {"X": "1"} and sip.Params() != 5
    with pytest.raises(KeyError):
        p["c"]
