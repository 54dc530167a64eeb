"""figures.py - what the benchmarks share: the time of a process, and a line for a figure."""

from __future__ import annotations

import json
import pathlib
import statistics


def cpu_exact(pid: int) -> float:
    """Seconds on a processor, all threads, from the scheduler's nanoseconds."""
    return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def print_row(metric: str, value: float, unit: str, reference: str, ratios: list[float], **more) -> None:
    print(json.dumps({
        "bench": metric.split("/")[0], "metric": metric, "value": round(value, 2), "unit": unit, "reference": reference,
        "ratio": round(statistics.median(ratios), 3),
        "spread": round((max(ratios) - min(ratios)) / statistics.median(ratios), 3), "rounds": len(ratios), **more,
    }), flush=True)
