#!/usr/bin/env python3
"""gen_header_hash.py - find the multiplier of sip_header_of() and write signaling/sip/header_hash.def.

Needed when a row of header.def came or went; the unit test of names.c says so. The hash: the first eight octets of the name in
lower case as a little-endian number, xor its length, times the multiplier, the top seven bits.
"""

import pathlib
import random
import re

SIP = pathlib.Path(__file__).resolve().parents[1] / "signaling" / "sip"
HEADER = re.compile(r'^HEADER\((\w+), "([^"]+)", "([^"]*)"', re.M)


def keys() -> dict[int, str]:
    found = {}
    for name_id, name, compact in HEADER.findall((SIP / "header.def").read_text()):
        for text in filter(None, (name, compact)):
            key = int.from_bytes(text.lower().encode()[:8], "little") ^ len(text)
            if key in found:
                raise SystemExit(f"{text} and {found[key]} can not be told apart by the first eight octets and the length")
            found[key] = name_id
    return found


def main() -> None:
    wanted = keys()
    chance = random.Random(1)
    while True:
        multiplier = chance.getrandbits(64) | 1
        slots = {(key * multiplier & (1 << 64) - 1) >> 57: name_id for key, name_id in wanted.items()}
        if len(slots) == len(wanted):
            break
    rows = [f"SLOT({at}, {slots[at]})" for at in sorted(slots)]
    (SIP / "header_hash.def").write_text("\n".join([
        "/* header_hash.def - written by tools/gen_header_hash.py from header.def */",
        f"MULTIPLIER({multiplier:#x}ull)", *rows, ""]))


if __name__ == "__main__":
    main()
