"""conceal.py - how speech with lost packets sounds: PESQ (ITU-T P.862, narrow band) of our concealment, of spandsp's and of aiortp's.

Recorded prompts of three voices; the same packets of 20 ms are missing for everybody, at random or in bursts. Ours is given what the timeline
gives it: the packet behind a gap. `causal` is ours without. Settings were tried on the texts TUNED; the bars are of JUDGED. `error` is the
standard error of the gain, `best` what undamaged speech has.
"""

from __future__ import annotations

import concurrent.futures
import pathlib
import random
import statistics
import subprocess
import sys
import wave

from figures import print_row

SOUNDS = pathlib.Path("/usr/share/asterisk/sounds")
VOICES = ("en_US_f_Allison", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
TUNED = ("demo-abouttotry", "vm-msginstruct", "dir-intro", "demo-moreinfo")
JUDGED = ("conf-adminmenu-18", "screen-callee-options", "vm-options", "vm-opts-full")
SEEDS = {1: 3}  # few losses are few chances to be better: more of them
BEST = 4.549  # of P.862.1's scale
RATE, FRAME = 8000, 160
POINTS = [(kind, percent) for kind in ("random", "burst") for percent in (1, 3, 5, 10)]
BURST = 3  # packets, in the mean
WAYS = ("ours", "causal", "spandsp", "aiortp")
BARS = {"spandsp": 0.15, "aiortp": 0.3}


def losses(kind: str, percent: int, frames: int, seed: int) -> str:
    """A digit for each frame, 1: lost. Bursts are those of a chain of two states. The first 200 ms arrive."""
    dice = random.Random(f"{kind} {percent} {seed}")
    lost, out = False, []
    for _ in range(frames):
        if kind == "random":
            lost = dice.random() < percent / 100
        elif lost:
            lost = dice.random() >= 1 / BURST
        else:
            lost = dice.random() < percent / (100 - percent) / BURST
        out.append("1" if lost else "0")
    return "0" * 10 + "".join(out[10:])


def by_aiortp(pcm: bytes, lost: str) -> bytes:
    from aiortp.plc import PcmConcealer
    concealer, out = PcmConcealer(RATE), []
    for i, digit in enumerate(lost):
        frame = pcm[2 * FRAME * i:2 * FRAME * (i + 1)]
        if digit == "0":
            concealer.update(frame)
        out.append(frame if digit == "0" else concealer.conceal(FRAME))
    return b"".join(out)


def judge(program: pathlib.Path, text: pathlib.Path, kind: str, percent: int, seed: int) -> dict[str, float]:
    """PESQ of each way for one recording."""
    import numpy
    from pesq import pesq
    with wave.open(str(text)) as f:
        pcm = f.readframes(f.getnframes())
    frames = len(pcm) // 2 // FRAME
    pcm = pcm[:2 * FRAME * frames]
    lost = losses(kind, percent, frames, seed)
    found = {}
    for way in WAYS:
        heard = by_aiortp(pcm, lost) if way == "aiortp" else subprocess.run([program, way, lost], input=pcm, capture_output=True, check=True).stdout
        found[way] = pesq(RATE, numpy.frombuffer(pcm, "<i2"), numpy.frombuffer(heard, "<i2"), "nb")
    return found


def bench_conceal(options) -> int:
    try:
        import pesq  # noqa: F401
        from aiortp import plc  # noqa: F401
    except ImportError as e:
        sys.exit(f"bench conceal: {e}: ./tipring bench installs what it needs from PyPI")
    sets = {"judged": JUDGED[:1]} if options.quick else {"judged": JUDGED, "tuned": TUNED}
    files = {name: [SOUNDS / voice / f"{text}.wav" for voice in VOICES for text in texts] for name, texts in sets.items()}
    missing = [str(t) for texts in files.values() for t in texts if not t.exists()]
    if missing:
        sys.exit(f"bench conceal: no recording {missing[0]}: ./tipring bench installs the packages asterisk-core-sounds-*-wav")
    program = options.bin / "bench_conceal"
    status = 0
    with concurrent.futures.ProcessPoolExecutor() as pool:
        jobs = {(name, *point): [pool.submit(judge, program, text, *point, 1000 * again + seed)
                                 for again in range(1 if options.quick else SEEDS.get(point[1], 1)) for seed, text in enumerate(texts)]
                for name, texts in files.items() for point in POINTS}
        for (name, kind, percent), running in jobs.items():
            found = [job.result() for job in running]
            mean = {way: statistics.mean(f[way] for f in found) for way in WAYS}
            for other, bar in BARS.items():
                gains = [f["ours"] - f[other] for f in found]
                gain = statistics.mean(gains)
                print_row(f"conceal/{kind}_{percent}" + ("" if name == "judged" else f"/{name}"), mean["ours"], "PESQ", other,
                          [f["ours"] / f[other] for f in found], causal=round(mean["causal"], 3), theirs=round(mean[other], 3), best=BEST,
                          gain=round(gain, 3), error=round(statistics.stdev(gains) / len(gains) ** 0.5, 3), bar=bar)
                status |= name == "judged" and gain < bar
    return status | subprocess.run([program, "cost", *(["--quick"] if options.quick else [])]).returncode
