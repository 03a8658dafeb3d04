"""What compare_peers.py measured, as a section of bench/RESULTS.md and as a picture."""

import re
import statistics
from html import escape

from .worker import PEERS

PRECISIONS = {"fp32": "FP32", "int8": "INT8", "bf16": "BF16"}
MODE_PRECISION = {"bertq-fp32": "fp32", "bertq-int8-dynamic": "int8", "bertq-int8-static": "int8", "bertq-bf16": "bf16"}
VNNI_MODE, VNNI_RIVAL = "bertq-int8-vnni", "torch-int8-x86"
TITLES = {"mrpc": "MRPC", "mrpc-sorted": "MRPC, sorted"}
INTRODUCTION = """# Results

Written by `scripts/compare_peers.py`, one section for each kind of CPU; nothing in it is typed by hand. A cell is the median
over the rounds in milliseconds, with the least and the most in brackets: all engines took turns on the same cores in the
same minutes. 8x128 is a batch of 8 sequences of 128 tokens, token ids in and logits out (CTranslate2: hidden states out); MRPC
is all pairs of its development set, which peers get in batches of 8 padded to the longest, in the file's order and sorted by
length, and bertq as the file is. What bounds these figures is in `ROOFLINE.md`.
"""


def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def median_peaks(rounds):
    return {name: statistics.median(peaks[name] for peaks in rounds) for name in rounds[0]}


def milliseconds(measurements):
    return [m["ms"] for m in measurements]


def spread(values, digits):
    """"28.1 (27.9-29.0)\""""
    low, high, middle = min(values), max(values), statistics.median(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def time_cell(measurements):
    if not measurements:
        return "-"
    values = milliseconds(measurements)
    return spread(values, 1 if statistics.median(values) < 1000 else 0)


def best_peer(results, work, names):
    there = [name for name in names if results.get(name, {}).get(work)]
    return min(there, key=lambda name: statistics.median(milliseconds(results[name][work])), default=None)


def ratios(results, mode, peer, work):
    """(ratio of medians, the least and the most of a round)."""
    own, other = milliseconds(results[mode][work]), milliseconds(results[peer][work])
    by_round = [b / a for a, b in zip(own, other)]
    return statistics.median(other) / statistics.median(own), min(by_round), max(by_round)


def works_of(results):
    found = []
    for by_work in results.values():
        found += [work for work in by_work if work not in found]
    return found


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|---|" + "--:|" * (len(titles) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def time_table(report, threads):
    results = report["threads"][threads]["results"]
    works = works_of(results)
    order = [*MODE_PRECISION, VNNI_MODE, "bertq-fp32-avx2", "bertq-int8-avx2", *PEERS]
    rows = []
    for name in order:
        if name not in results:
            continue
        rss = max(m["rss"] or 0 for work in results[name].values() for m in work) / 1e6
        score = report["scores"].get(name)
        rows.append([name, *[time_cell(results[name].get(work)) for work in works], f"{rss:.0f}",
                     f"{score:.4f}" if score is not None else "-"])
    return table(["ms", *[TITLES.get(work, work) for work in works], "peak RSS MB", "F1 on MRPC"], rows)


def rivals(report, threads):
    """(mode, peers that it is held against)"""
    results = report["threads"][threads]["results"]
    pairs = [(mode, [name for name, p in PEERS.items() if p == precision])
             for mode, precision in MODE_PRECISION.items() if mode in results]
    if VNNI_MODE in results:
        pairs.append((VNNI_MODE, [VNNI_RIVAL]))
    return pairs


def ratio_rows(report, threads):
    """(mode, {work: (peer, ratio, least, most)})"""
    results = report["threads"][threads]["results"]
    for mode, peers in rivals(report, threads):
        cells = {}
        for work in works_of(results):
            peer = best_peer(results, work, peers)
            if peer and results[mode].get(work):
                cells[work] = (peer, *ratios(results, mode, peer, work))
        yield mode, cells


def ratio_table(report, threads):
    works = works_of(report["threads"][threads]["results"])
    rows = []
    for mode, cells in ratio_rows(report, threads):
        texts = []
        for work in works:
            if work in cells:
                peer, ratio, least, most = cells[work]
                texts.append(f"**{ratio:.2f}x** ({least:.2f}-{most:.2f}) {peer}")
            else:
                texts.append("-")
        rows.append([mode, *texts])
    return table(["times as fast as the fastest peer", *[TITLES.get(work, work) for work in works]], rows)


def unit_of(precision, name, peaks):
    """The unit that a mode's products live on."""
    units = {unit for unit, _ in peaks}
    if name.endswith("-avx2"):
        return "vfmadd231ps ymm" if precision == "fp32" else "vpmaddwd ymm"
    if name == VNNI_MODE:
        return "vpdpbusd zmm"
    wanted = {
        "fp32": ["vfmadd231ps zmm", "vfmadd231ps ymm"],
        "int8": ["tdpbusd", "vpdpbusd zmm", "vpdpbusd ymm", "vpmaddwd zmm", "vpmaddwd ymm"],
        "bf16": ["tdpbf16ps", "vdpbf16ps zmm", "vfmadd231ps zmm", "vfmadd231ps ymm"],
    }[precision]
    return next(unit for unit in wanted if unit in units)


def peak_share_table(report, threads):
    results, peaks = report["threads"][threads]["results"], report["threads"][threads]["peaks"]
    works = works_of(results)
    rows = []
    for name in [*MODE_PRECISION, VNNI_MODE, "bertq-fp32-avx2", "bertq-int8-avx2"]:
        if name not in results:
            continue
        unit = unit_of("fp32" if "fp32" in name else "bf16" if "bf16" in name else "int8", name, peaks)
        cells = []
        for work in works:
            measured = results[name].get(work)
            share = lambda m: m["gops"] * 1e9 / peaks[unit, threads] * 100
            cells.append(f"{share(sorted(measured, key=lambda m: m['ms'])[len(measured) // 2]):.1f}" if measured else "-")
        rows.append([name, f"{unit}, {peaks[unit, threads] / 1e9:.0f} GOPS", *cells])
    return table(["% of the unit's peak", "unit", *[TITLES.get(work, work) for work in works]], rows)


def peak_table(report):
    counts = sorted(report["threads"])
    names = list(dict.fromkeys(name for name, _ in report["threads"][counts[0]]["peaks"]))
    rows = []
    for name in names:
        scale, unit = (1e9, "GB/s") if name.startswith(("read", "update")) else (1e9, "GOPS")
        rows.append([name, unit, *[f"{report['threads'][n]['peaks'][name, n] / scale:.0f}" for n in counts]])
    return table(["peak", "", *[f"{n} thread{'s' if n > 1 else ''}" for n in counts]], rows)


def scaling_table(report):
    if not {1, 2} <= set(report["threads"]):
        return ""
    one, two = (report["threads"][n]["results"] for n in (1, 2))
    works = works_of(one)
    rows = []
    for mode in MODE_PRECISION:
        if mode in one:
            rows.append([mode, *[f"{ratios_between(one[mode], two[mode], work)}" for work in works]])
    return "\n\nTwo threads beside one, of the medians:\n\n" + table(
        ["times as fast", *[TITLES.get(work, work) for work in works]], rows)


def ratios_between(one, two, work):
    if not one.get(work) or not two.get(work):
        return "-"
    return f"{statistics.median(milliseconds(one[work])) / statistics.median(milliseconds(two[work])):.2f}x"


def tokenizer_table(report):
    rows = [[name, f"{size:.2f}", spread(own, 1), spread(other, 2), f"**{statistics.median(own) / statistics.median(other):.1f}x**",
             str(differing)] for name, size, own, other, differing in report["tokenizers"]]
    return table(["text", "MB", "bertq MB/s", "Hugging Face MB/s", "times as fast", "texts with other ids"], rows)


def section(report):
    facts = report["facts"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    paused = "; other programs were paused while an engine ran" if facts["paused"] else ""
    scored = ("F1 is that of the mode on MRPC's development set with a MiniLM fine-tuned for it, from the same binary."
              if report["scores"] else "MRPC's data was not there, so no score stands beside the times.")
    parts = [
        f"## {facts['cpu']}",
        f"BERT-{facts['size']}, {facts['date']}, commit {facts['commit']}, {facts['cores']} cores, {facts['rounds']} rounds "
        f"({facts['mrpc_rounds']} of MRPC); load of the machine {facts['load_before']:.1f} before, "
        f"{facts['load_after']:.1f} after{paused}. Peers: {versions}. {scored}",
        f"![times as fast as the fastest peer](results/{slug(facts['cpu'])}.svg)",
    ]
    for threads in sorted(report["threads"]):
        parts += [f"### {threads} thread{'s' if threads > 1 else ''}", ratio_table(report, threads),
                  time_table(report, threads), peak_share_table(report, threads)]
    if report["tokenizers"]:
        parts += ["### Tokenizer", "One thread, offsets included, against `encode_batch` of `tokenizers`; English is MRPC's "
                  "development set, the others are translations of programs that this machine has.", tokenizer_table(report)]
    parts += ["### The machine" + scaling_table(report), "Measured in the same minutes (`bin/peak_bench`):", peak_table(report)]
    return "\n\n".join(parts) + "\n"


def replace_section(path, cpu, text):
    """Into the file, in the place of the section of the same CPU, if there is one."""
    old = path.read_text(encoding="utf-8") if path.exists() else INTRODUCTION
    sections = re.split(r"(?m)^(?=## )", old)
    kept = [part for part in sections[1:] if part.splitlines()[0] != f"## {cpu}"]
    path.write_text(INTRODUCTION + "\n" + "\n".join(part.strip() + "\n" for part in [*kept, text]), encoding="utf-8")


def text_width(text, size):
    """At least what a sans-serif font needs: nothing here knows the reader's."""
    return len(text) * size * 0.62


def wrapped(words, size, width, gap=0):
    """The words in lines that are no wider than `width`."""
    lines, at = [[]], 0
    for word in words:
        needed = text_width(word, size) + gap
        if lines[-1] and at + needed > width:
            lines.append([])
            at = 0
        lines[-1].append(word)
        at += needed
    return lines


def picture(report):
    """Bars: how many times as fast as the fastest peer of the same precision, with the spread over the rounds."""
    colours = {"bertq-fp32": "#4477aa", "bertq-int8-dynamic": "#228833", "bertq-int8-static": "#88bb66", "bertq-bf16": "#cc9922",
               VNNI_MODE: "#aa3377"}
    bars = []  # (group, label, colour, text beside it, ratio, least, most)
    for threads in sorted(report["threads"]):
        for mode, cells in ratio_rows(report, threads):
            for work, (peer, ratio, least, most) in cells.items():
                bars.append((f"{TITLES.get(work, work)}, {threads} thread{'s' if threads > 1 else ''}", mode, colours[mode],
                             f"{ratio:.2f}x {peer}", ratio, least, most))
    groups = list(dict.fromkeys(bar[0] for bar in bars))
    size, small, margin, width, bar_height, gap = 12, 10, 8, 520, 15, 16
    left = margin + max(text_width(group, size) for group in groups) + 8
    right = 6 + max(text_width(bar[3], small) for bar in bars) + margin
    most = max(max(bar[6] for bar in bars) * 1.02, 2.0)
    x = lambda ratio: left + ratio / most * width
    text = lambda at, y, words, rest="": f'<text x="{at:.1f}" y="{y:.1f}"{rest}>{escape(words)}</text>'
    smaller = ' class="small"'
    body, y = [], 18
    title = f"Times as fast as the fastest peer of the same precision: BERT-{report['facts']['size']}, {report['facts']['cpu']}"
    for line in wrapped([word + " " for word in title.split()], size, width + right):
        body.append(text(left, y, "".join(line).rstrip()))
        y += 16
    for line in wrapped(list(dict.fromkeys(bar[1] for bar in bars)), small, width + right, 30):
        at = left
        for mode in line:
            body.append(f'<rect x="{at:.1f}" y="{y - 9}" width="10" height="10" fill="{colours[mode]}"/>')
            body.append(text(at + 14, y, mode, smaller))
            at += text_width(mode, small) + 30
        y += 16
    body.append(text(x(1), y + 2, "as fast", f'{smaller} text-anchor="middle" fill="#a00"'))
    top = y = y + 10
    for group in groups:
        members = [bar for bar in bars if bar[0] == group]
        body.append(text(left - 8, y + bar_height * len(members) / 2 + 4, group, ' text-anchor="end"'))
        for _, _, colour, _, ratio, low, high in members:
            middle = y + bar_height / 2
            body.append(f'<rect x="{left:.1f}" y="{y + 1}" width="{x(ratio) - left:.1f}" height="{bar_height - 2}" fill="{colour}"/>')
            body.append(f'<path d="M{x(low):.1f} {middle:.1f}H{x(high):.1f}" stroke="#222" stroke-width="1.5"/>')
            y += bar_height
        y += gap
    # The line lies under the texts, which stand on white: else it would strike through those of bars shorter than it.
    body.append(f'<path d="M{x(1):.1f} {top - 4}V{y - gap + 4}" stroke="#a00" stroke-dasharray="4 3"/>')
    y = top
    for group in groups:
        for _, _, _, words, ratio, _, high in [bar for bar in bars if bar[0] == group]:
            body.append(text(x(max(ratio, high)) + 6, y + bar_height / 2 + 4, words,
                             f'{smaller} stroke="#fff" stroke-width="4" paint-order="stroke"'))
            y += bar_height
        y += gap
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + right:.0f} {y}" font-family="sans-serif" '
            f'font-size="{size}">\n<style>.small{{font-size:{small}px}}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(body) + "\n</svg>\n")
