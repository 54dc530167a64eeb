"""tests/support/picture.py: what is drawn is what passed."""

import pathlib
import random
import sys
import xml.etree.ElementTree as xml

import numpy as np

HERE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(HERE / "tests" / "support"))
import picture  # noqa: E402
from sniff import Rtp  # noqa: E402


def packets(n, lost=(), late=None, first_seq=65530, first_ts=2**32 - 800):
    late = late or {}
    return [Rtp(100 + 0.02 * i + late.get(i, 0), 0, False, (first_seq + i) % 2**16, (first_ts + 160 * i) % 2**32, 1, bytes(random.Random(i).randbytes(160)))
            for i in range(n) if i not in lost]


def test_what_is_missing_and_late():
    seen = packets(50, lost=(10, 11, 30), late={20: 0.035})
    assert [(round(a, 3), round(b, 3)) for a, b in picture.missing(seen)] == [(0.2, 0.24), (0.6, 0.62)]
    late = {round(second, 3): round(ms, 1) for second, ms in picture.lateness(seen)}
    assert late[0.4] == 35.0 and sum(ms > 1 for ms in late.values()) == 1


def test_a_tone_is_where_it_belongs():
    tone = 10000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    rows = picture.spectrum(tone)
    assert rows.shape[0] == picture.WINDOW // 2
    loudest = picture.WINDOW // 2 - 1 - int(np.argmax(rows.mean(axis=1)))
    assert abs((loudest + 1) * 8000 / picture.WINDOW - 1000) < 40
    assert abs(rows.max() - 20 * np.log10(10000 / 32768)) < 1


def test_the_file_is_whole(tmp_path):
    path = tmp_path / "call.svg"
    picture.draw(path, packets(100, lost=(5,)), packets(80))
    root = xml.parse(path).getroot()
    names = [element.tag.split("}")[1] for element in root.iter()]
    assert names.count("image") == 2 and names.count("circle") == 99 + 80
    assert sum(element.get("class") == "lost" for element in root.iter()) == 1
    picture.draw(path, [], packets(3))
    assert [element.tag.split("}")[1] for element in xml.parse(path).getroot().iter()].count("image") == 1
