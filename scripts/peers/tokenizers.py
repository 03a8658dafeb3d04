"""bertq's tokenizer beside Hugging Face's, one thread each, in alternation, on the same lines of text.

English is what --mrpc holds. The other languages are what this machine has of them: the translations of its programs
(/usr/share/locale), each text on a line; those with fewer than a thousand texts are left out. The ids are compared as well.
"""

import gettext
import json
import os
import pathlib
import subprocess

LOCALES = pathlib.Path("/usr/share/locale")
LANGUAGES = {"Chinese": "zh_CN", "Russian": "ru", "Arabic": "ar", "Thai": "th"}
FEWEST, MOST = 1000, 20000  # texts


def translations(language):
    texts = {}
    for path in sorted((LOCALES / language / "LC_MESSAGES").glob("*.mo")):
        try:
            with open(path, "rb") as file:
                catalogue = gettext.GNUTranslations(file)._catalog
        except (OSError, UnicodeDecodeError, ValueError):
            continue
        for key, text in catalogue.items():
            line = " ".join(str(text).split())
            if key and line and not line.isascii():
                texts[line] = None
    return list(texts)[:MOST]


def write_texts(folder, mrpc):
    """[(language, file)]"""
    folder.mkdir(exist_ok=True)
    sets = {name: translations(language) for name, language in LANGUAGES.items()}
    if mrpc:
        rows = mrpc.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")[1:]
        sets = {"English": [text for row in rows for text in row.split("\t")[3:5]], **sets}
    files = []
    for name, texts in sets.items():
        if len(texts) < (FEWEST if name != "English" else 1):
            continue
        path = folder / f"{name}.txt"
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        files.append((name, path))
    return files


HUGGING_FACE = """
import json, sys, time
from tokenizers import BertWordPieceTokenizer
tokenizer = BertWordPieceTokenizer(sys.argv[1], lowercase=True)
texts = open(sys.argv[2], encoding="utf-8").read().split("\\n")[:-1]
times, ids = [], [e.ids for e in tokenizer.encode_batch(texts)]
while not times or sum(times) < float(sys.argv[3]):
    start = time.perf_counter()
    tokenizer.encode_batch(texts)
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": sorted(times)[len(times) // 2], "ids": ids}))
"""


def compare(python, bertq, tokenizer_bench, vocabulary, files, rounds, seconds, slices):
    """[(language, MB, [bertq MB/s], [Hugging Face MB/s], lines with other ids)]"""
    one_thread = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    rows = []
    for name, path in files:
        size = path.stat().st_size - path.read_bytes().count(b"\n")
        own, other, differing = [], [], None
        for _ in range(rounds):
            with slices:
                report = subprocess.run([str(tokenizer_bench), "--benchmark_format=json", f"--benchmark_filter={path.name}$",
                                         f"--benchmark_min_time={seconds}", str(vocabulary), str(path)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
                own.append(json.loads(report)["benchmarks"][0]["bytes_per_second"] / 1e6)
                theirs = json.loads(subprocess.run(
                    [str(python), "-c", HUGGING_FACE, str(vocabulary), str(path), str(seconds)], stdout=subprocess.PIPE,
                    env=one_thread, check=True, text=True).stdout)
            other.append(size / theirs["seconds"] / 1e6)
        with open(path, encoding="utf-8") as text:
            lines = subprocess.run([str(bertq), "tokenize", "--vocab", str(vocabulary), "--format", "ids"], stdin=text,
                                   stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
        differing = sum(list(map(int, a.split())) != b for a, b in zip(lines, theirs["ids"], strict=True))
        rows.append((name, size / 1e6, own, other, differing))
    return rows
