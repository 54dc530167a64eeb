"""speech.py - how well it is known when a caller speaks: media's detector and WebRTC's, on recorded sentences as telephone lines carry them.

Sentences of three voices with pauses between them, G.711 mu-law: clean, quiet (-46 dBov), in white, traffic-like (brown) and babbling noise of 20, 10 and 5 dB,
and with the echo of somebody else's voice 30 and 20 dB below the caller. What is right is what the clean recording says. Both detectors believe what 60 ms
(of ten tenths) say and end after 500 ms.

missed: sentences nobody noticed. false: starts a minute where nobody speaks. onset_ms: error of the place that is told, median; told_ms: how long after the
first sound the start is told, median."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
import wave

SOUNDS = pathlib.Path("/usr/share/asterisk/sounds")
VOICES = ("en_US_f_Allison", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
SENTENCES = ("vm-goodbye", "vm-received", "agent-user", "conf-getpin", "vm-options", "auth-thankyou", "dir-instr", "vm-nomore", "vm-undeleted", "conf-onlyperson")
OTHERS = ("vm-msginstruct", "demo-moreinfo", "demo-abouttotry")
RATE, BLOCK = 8000, 80
START_MS, END_MS = 60, 500
LEVEL_DBOV = -26.0
CONDITIONS = ("clean", "quiet", *(f"{noise}_{snr}" for noise in ("white", "brown", "babble") for snr in (20, 10, 5)), "echo_30", "echo_20")


def recording(voice: str, name: str):
    import numpy
    with wave.open(str(SOUNDS / voice / f"{name}.wav")) as f:
        pcm = numpy.frombuffer(f.readframes(f.getnframes()), "<i2").astype(float)
    return pcm * (10 ** (LEVEL_DBOV / 20) * 32768 / active_rms(pcm))


def active_rms(pcm) -> float:
    """Of the blocks that are not far below the loudest."""
    powers = [float((pcm[i:i + BLOCK] ** 2).mean()) for i in range(0, len(pcm) - BLOCK, BLOCK)]
    return statistics.mean(p for p in powers if p > max(powers) / 1000) ** 0.5


def line(voice: str):
    """Sentences and pauses, and where each begins and ends."""
    import numpy
    parts, truth, at = [numpy.zeros(2 * RATE)], [], 2 * RATE
    for i, name in enumerate(SENTENCES):
        pcm = recording(voice, name)
        loud = [k for k in range(0, len(pcm) - BLOCK, BLOCK) if 10 * numpy.log10((pcm[k:k + BLOCK] ** 2).mean() / 32768 ** 2 + 1e-12) > LEVEL_DBOV - 25]
        truth.append((at + loud[0], at + loud[-1] + BLOCK))
        pause = numpy.zeros(int(RATE * (1.2 + 0.3 * (i % 5))))
        parts += [pcm, pause]
        at += len(pcm) + len(pause)
    return numpy.concatenate(parts), truth


def others(length: int, voices):
    """Somebody else's voices, over each other."""
    import numpy
    total = numpy.zeros(length)
    for voice in voices:
        pcm = numpy.concatenate([recording(voice, name) for name in OTHERS])
        total += numpy.resize(pcm, length)
    return total


def disturbed(clean, condition: str, voice: str):
    import numpy
    kind, _, db = condition.partition("_")
    dice = numpy.random.default_rng(7)
    scale = 10 ** (LEVEL_DBOV / 20) * 32768
    faint = dice.normal(0, 10 ** (-66 / 20) * 32768, len(clean))  # no line is without
    if kind == "clean":
        return clean + faint
    if kind == "quiet":
        return clean * 0.1 + faint
    if kind == "white":
        noise = dice.normal(0, 1, len(clean))
    elif kind == "brown":
        noise = numpy.cumsum(dice.normal(0, 1, len(clean)))
        noise -= numpy.convolve(noise, numpy.ones(RATE // 20) / (RATE // 20), "same")
    elif kind == "babble":
        noise = others(len(clean), [v for v in VOICES] * 2) + others(len(clean), VOICES)[::-1]
    else:
        noise = others(len(clean), [v for v in VOICES if v != voice][:1])
    return clean + noise * (scale / active_rms(noise) * 10 ** (-float(db) / 20)) + faint


def over_the_wire(pcm) -> bytes:
    """Mu-law and back."""
    import numpy
    x = numpy.clip(pcm, -32635, 32635)
    magnitude = numpy.abs(x) + 132
    exponent = numpy.floor(numpy.log2(magnitude)).astype(int) - 7
    step = 2.0 ** (exponent + 3)
    coded = numpy.floor(magnitude / step) * step + step / 2 - 132
    return (numpy.sign(x) * coded).astype("<i2").tobytes()


def by_ours(program: pathlib.Path, pcm: bytes) -> list[tuple[int, int]]:
    """(where, told) of each start."""
    found = subprocess.run([program, str(START_MS), str(END_MS)], input=pcm, capture_output=True, check=True).stdout.decode()
    return [(int(where), int(told)) for kind, where, told in map(str.split, found.splitlines()) if kind == "started"]


def by_webrtc(mode: int, pcm: bytes) -> list[tuple[int, int]]:
    import webrtcvad
    judge, starts, score, speaks, first, last = webrtcvad.Vad(mode), [], 0, False, 0, 0
    for at in range(0, len(pcm) // 2 - BLOCK, BLOCK):
        speech = judge.is_speech(pcm[2 * at:2 * (at + BLOCK)], RATE)
        if speech:
            last = at + BLOCK
        if speaks:
            speaks = at + BLOCK - last < END_MS * RATE // 1000
            continue
        if speech and score == 0:
            first = at
        score = score + 10 if speech else max(0, score - 10)
        if score >= START_MS:
            speaks, score = True, 0
            starts.append((first, at + BLOCK))
    return starts


def judge(starts, truth, length: int) -> dict[str, float]:
    """A start belongs to a sentence that has begun 200 ms later at the latest and is not over."""
    missed, onsets, told, taken = 0, [], [], set()
    for begin, end in truth:
        of = [(where, at) for where, at in starts if begin - RATE // 5 <= where < end]
        taken.update(of)
        if not of:
            missed += 1
            continue
        onsets.append(abs(of[0][0] - begin) * 1000 / RATE)
        told.append((of[0][1] - begin) * 1000 / RATE)
    silent = (length - sum(end - begin for begin, end in truth)) / RATE / 60
    return {"missed": missed, "false": len(set(starts) - taken) / silent, "onset": statistics.median(onsets or [-1.0]), "told": statistics.median(told or [-1.0])}


def bench_speech(options) -> int:
    try:
        import webrtcvad  # noqa: F401
    except ImportError as e:
        sys.exit(f"bench speech: {e}: ./tipring bench installs what it needs from PyPI")
    missing = [str(path) for voice in VOICES for name in (*SENTENCES, *OTHERS) if not (path := SOUNDS / voice / f"{name}.wav").exists()]
    if missing:
        sys.exit(f"bench speech: no recording {missing[0]}: ./tipring bench installs the packages asterisk-core-sounds-*-wav")
    for condition in CONDITIONS[:2] if options.quick else CONDITIONS:
        sums: dict[str, list[dict[str, float]]] = {}
        for voice in VOICES:
            clean, truth = line(voice)
            pcm = over_the_wire(disturbed(clean, condition, voice))
            sums.setdefault("ours", []).append(judge(by_ours(options.bin / "bench_vad", pcm), truth, len(clean)))
            for mode in (1, 3):
                sums.setdefault(f"webrtc{mode}", []).append(judge(by_webrtc(mode, pcm), truth, len(clean)))
        for who, rows in sums.items():
            show(condition, who, rows)
    return 0


def show(condition: str, who: str, rows) -> None:
    mean = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
    sentences = len(SENTENCES) * len(VOICES)
    print(f'{{"bench": "speech/{condition}", "by": "{who}", "missed": {sum(row["missed"] for row in rows):.0f}, "of": {sentences}, '
          f'"false_a_minute": {mean["false"]:.2f}, "onset_ms": {mean["onset"]:.0f}, "told_ms": {mean["told"]:.0f}}}', flush=True)
