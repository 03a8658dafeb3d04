"""Writes tests/data/golden/calibration_ranges.json: what PyTorch's observers and a NumPy reference of
the other range algorithms make of a few distributions, for tests/engine/calibration_ranges_test.cpp.

The values come from whole numbers of a linear congruential generator, through arithmetic that is
exact in double precision, so that the test makes the very same floats. Each distribution is shown
in four batches.

    python scripts/make_calibration_golden.py

Needs torch (written with 2.13.0) and NumPy (2.3).
"""

import json
import math
import pathlib

import numpy as np
import torch
from torch.ao.quantization.observer import (
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
)

BATCHES, BATCH = 4, 8192
BINS = 2048


def uniform(seed, count):
    """Whole numbers 0..65535 of Numerical Recipes' generator."""
    state, numbers = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        numbers.append(state >> 16)
    return numbers


def bell(seed, count):
    """Sums of four of them about zero: near a normal distribution, within -2..2."""
    numbers = uniform(seed, 4 * count)
    return [(sum(numbers[4 * i : 4 * i + 4]) - 131070) / 65536.0 for i in range(count)]


# By name: what is made of a bell's value z and its index.
SHAPES = {
    "bell": lambda z, i: z,
    "heavy_tails": lambda z, i: z * z * z,
    "one_sided": lambda z, i: max(z, -0.125 * z),
    "shifted": lambda z, i: z + 3.0,
    "outliers": lambda z, i: 16.0 * z if i % 4096 == 7 else z,
}


def kl_threshold(values):
    """LPOT's KL_Divergence over magnitudes."""
    magnitudes = np.abs(values.astype(np.float64))
    largest = float(np.float32(magnitudes.max()))
    histogram, _ = np.histogram(magnitudes, bins=BINS, range=(0.0, largest))
    first = int((BINS - 1) * (0.6 if values.min() < 0 else 0.7))
    best = None
    for cut in range(first, BINS):
        p = histogram[:cut].astype(np.float64)
        if p[-1] == 0:
            continue
        q_counts = p.copy()
        p[-1] += histogram[cut:].sum()
        merged = cut // 255
        q = np.zeros(cut)
        for step in range(255):
            end = cut if step == 254 else (step + 1) * merged
            part = slice(step * merged, end)
            filled = q_counts[part] > 0
            if filled.any():
                q[part][filled] = q_counts[part].sum() / filled.sum()
        used = p > 0
        divergence = (p[used] / p.sum() * np.log((p[used] / p.sum()) / (q[used] / q.sum()))).sum()
        if best is None or divergence < best[0]:
            best = (divergence, cut)
    return min((best[1] + 0.5) * largest / BINS, largest)


def squared_error(values, scale, zero_point):
    x = values.astype(np.float64)
    q = np.clip(np.rint(x / scale) + zero_point, 0, 255)
    return float((((q - zero_point) * scale - x) ** 2).mean())


def least_squared_error(values, symmetric):
    """The least error there is over a fine grid of both ends: what a search may at best find."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    parts = np.arange(0.1, 1.001, 0.02)
    best = math.inf
    if symmetric:
        for part in parts:
            scale = max(-low, high) * part / 127.5
            best = min(best, squared_error(values, scale, 128))
        return best
    for lower in parts if low < 0 else [1.0]:
        for upper in parts if high > 0 else [1.0]:
            scale = (high * upper - low * lower) / 255
            best = min(best, squared_error(values, scale, round(-low * lower / scale)))
    return best


def observed(observer, batches):
    for batch in batches:
        observer(torch.from_numpy(batch))
    scale, zero_point = observer.calculate_qparams()
    return {"scale": float(scale), "zero_point": int(zero_point)}


def main():
    torch.set_num_threads(1)
    cases = []
    for number, (name, shape) in enumerate(SHAPES.items()):
        seed = 1 + number
        values = np.array(
            [shape(z, i) for i, z in enumerate(bell(seed, BATCHES * BATCH))], dtype=np.float32
        )
        batches = values.reshape(BATCHES, BATCH)
        case = {"name": name, "seed": seed, "batches": BATCHES, "batch": BATCH}
        for scheme, qscheme in (
            ("asymmetric", torch.per_tensor_affine),
            ("symmetric", torch.per_tensor_symmetric),
        ):
            options = {"dtype": torch.quint8, "qscheme": qscheme}
            case[scheme] = {
                "minmax": observed(MinMaxObserver(**options), batches),
                "moving_average": observed(MovingAverageMinMaxObserver(**options), batches),
                "histogram": observed(HistogramObserver(**options), batches),
                "least_squared_error": least_squared_error(values, scheme == "symmetric"),
            }
        case["kl_threshold"] = kl_threshold(values)
        case["percentiles"] = {
            str(p): float(np.percentile(np.abs(values.astype(np.float64)), p))
            for p in (99.0, 99.9, 99.99)
        }
        cases.append(case)
        print(name, json.dumps(case["asymmetric"]))
    target = pathlib.Path(__file__).parent.parent / "tests/data/golden/calibration_ranges.json"
    target.write_text(json.dumps({"cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
