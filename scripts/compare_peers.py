#!/usr/bin/env python3
"""bertq beside its peers, in alternation on this machine: the one source of bench/RESULTS.md.

    scripts/compare_peers.py --dir ~/peers --mrpc MRPC/dev.tsv --mrpc-model minilm-mrpc

In --dir (some 5 GB, outside the checkout) it makes a virtual environment with the versions of scripts/requirements-peers.txt
and one random-weight BERT in the forms that each engine reads (peers/models.py); a second run finds them there. Then, for
each number of threads, every engine is loaded once, and all take turns, round after round: so what the machine does
meanwhile happens to all of them, and what is printed is the ratio of medians with its spread over the rounds. The machine's
own peaks are measured in the same minutes, by bin/peak_bench.

MRPC's pairs (--mrpc) are timed twice: peers as they ship (batches of 8 in the file's order, padded to the longest) and peers
that are given batches sorted by length; bertq takes the same file and batches it itself. There, only the fastest peers of
each precision run (--mrpc-peers), as measured just before. With --mrpc-model, a checkpoint fine-tuned for MRPC, each mode's
score is printed beside its time, from the same binary; ranges of the static mode come from train.tsv beside the file.

It prints the section of this CPU as Markdown and writes it into bench/RESULTS.md, where sections of other CPUs stay, and
draws bench/results/CPU.svg. --before and --after name commands that run around each slice of measurements (at most a minute
or so), to pause and resume what else runs on the machine; BERTQ_PEER_PIDS are the processes that must not be paused.
Standard library only: the peers' packages are in their own environment.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

from peers import results_page, tokenizers
from peers.worker import PEERS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MODES = {  # of bertq: (precision, packed file, further flags)
    "bertq-fp32": ("fp32", "fp32", []),
    "bertq-int8-dynamic": ("int8", "int8", []),
    "bertq-int8-static": ("int8", "static", []),
    "bertq-bf16": ("bf16", "bf16", []),
}
AVX2_MODES = {  # against each other, on fixed shapes
    "bertq-fp32-avx2": ("fp32", "fp32", ["--isa", "avx2"]),
    "bertq-int8-avx2": ("int8", "int8", ["--isa", "avx2"]),
}
VNNI_MODES = {  # on a machine with AMX: against peers that do not use it
    "bertq-int8-vnni": ("int8", "int8", ["--isa", "avx512_vnni"]),
}
MRPC_WORK = ("mrpc", "mrpc-sorted")


def note(text):
    print(text, file=sys.stderr, flush=True)


def output_of(command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}")
    return done.stdout


def prepare(arguments):
    """The Python of the peers, with all models made."""
    folder = arguments.dir
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        note("making the virtual environment")
        venv.create(folder / "venv", with_pip=True)
        output_of([python, "-m", "pip", "install", "-q", "--extra-index-url", "https://download.pytorch.org/whl/cpu",
                   "-r", HERE / "requirements-peers.txt"])
    vocabulary = ["--vocabulary", arguments.mrpc_model / "vocab.txt"] if arguments.mrpc_model else []
    note(output_of([python, "-m", "peers.models", folder, arguments.size, *vocabulary], cwd=HERE,
                   stderr=open(folder / "models.log", "w")).strip() or "all models are there")
    checkpoint = folder / f"{arguments.size}-hf"
    # From this very binary: files of an earlier one may lack what it wants.
    for kind in ("fp32", "int8", "bf16"):
        output_of([arguments.bertq, "quantize", "-m", checkpoint, "--precision", kind, "-q", "-o", packed(arguments, kind)])
    calibration = ["--task", "mrpc", "--calibration-data", arguments.mrpc, "--calibration-samples", 32]
    if arguments.mrpc:
        output_of([arguments.bertq, "quantize", "-m", checkpoint, *calibration, "--methods", "none", "--algorithm", "minmax",
                   "-q", "-o", packed(arguments, "static")])
    return python


def packed(arguments, kind):
    return arguments.dir / f"{arguments.size}-{kind}.bertq"


class Peer:
    """A process of peers/worker.py."""

    def __init__(self, python, arguments, name, threads):
        self.name = name
        self.precision = PEERS[name]
        mrpc = [arguments.mrpc.resolve()] if arguments.mrpc else []
        self.log = arguments.dir / f"{name}.log"
        self.process = subprocess.Popen(
            [python, "-m", "peers.worker", arguments.dir, arguments.size, name, str(threads), *mrpc], cwd=HERE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(self.log, "w"),
            env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        self.pid = self.process.pid

    def ready(self):
        return bool(self.process.stdout.readline())

    def measure(self, work, seconds):
        self.process.stdin.write(json.dumps({"work": work, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} failed: see {self.log}")
        result = json.loads(answer)
        return {"ms": statistics.median(result["seconds"]) * 1e3, "rss": result["peak_rss_bytes"]}

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Bertq:
    """A mode of bertq, packed; a process for each measurement, which is ready in a moment."""

    pid = None

    def __init__(self, arguments, name, mode, threads):
        self.name = name
        self.precision, self.kind, self.flags = mode
        self.arguments, self.threads = arguments, threads

    def measure(self, work, seconds):
        model = packed(self.arguments, self.kind)
        command = [self.arguments.bertq, "bench", "-m", model, "--threads", self.threads, "--format", "json", "-q", *self.flags]
        if work in MRPC_WORK:
            command += ["--task", "mrpc", "--data", self.arguments.mrpc, "--scenario", "offline", "--repeat", 1, "--seconds", 0]
        else:
            command += ["--shapes", work, "--seconds", round(seconds + 0.49)]
        result = json.loads(output_of(command))["results"][-1]
        return {"ms": result["median_ms"], "gops": result["gops"], "rss": result["peak_rss_bytes"]}

    def stop(self):
        pass


class Slices:
    """Runs the commands of --before and --after around each measurement."""

    def __init__(self, arguments, engines):
        self.arguments = arguments
        pids = " ".join(str(engine.pid) for engine in engines if engine.pid)
        self.environment = {**os.environ, "BERTQ_PEER_PIDS": f"{os.getpid()} {pids}"}

    def __enter__(self):
        self.run(self.arguments.before)

    def __exit__(self, *_):
        self.run(self.arguments.after)

    def run(self, command):
        if command:
            subprocess.run(command, shell=True, env=self.environment, check=False)


def measure_peaks(arguments, slices):
    with slices:
        report = json.loads(output_of([arguments.peak_bench, "--benchmark_format=json"], stderr=subprocess.DEVNULL))
    peaks = {}
    for row in report["benchmarks"]:
        name, threads = row["name"].split("/")[:2]
        peaks[name, int(threads)] = row.get("op/s") or row.get("bytes/s")
    return peaks


def take_turns(engines, works, rounds, seconds, slices, results):
    """results[engine name][work]: one measurement a round. The order of a round is the next one's, moved on by one."""
    for number in range(rounds):
        for work in works:
            turn = number % len(engines)
            with slices:
                for engine in engines[turn:] + engines[:turn]:
                    results.setdefault(engine.name, {}).setdefault(work, []).append(engine.measure(work, seconds))
            note(f"round {number + 1} of {rounds}: {work} done")


def take_turns_at_mrpc(engines, rounds, slices, results):
    """A slice each: a pass over all pairs takes long. bertq makes its own batches, so both orders are one to it."""
    for number in range(rounds):
        for engine in engines:
            orders = [MRPC_WORK] if isinstance(engine, Bertq) else [(work,) for work in MRPC_WORK]
            for works in orders:
                with slices:
                    measured = engine.measure(works[0], 0.0)
                for work in works:
                    results.setdefault(engine.name, {}).setdefault(work, []).append(measured)
        note(f"round {number + 1} of {rounds}: mrpc done")


def fastest(engines, results, work, count):
    """All modes of bertq, and of each precision the `count` peers that were fastest at `work`."""
    chosen = [engine for engine in engines if isinstance(engine, Bertq)]
    for precision in ("fp32", "int8", "bf16"):
        peers = [engine for engine in engines if isinstance(engine, Peer) and engine.precision == precision]
        peers.sort(key=lambda engine: statistics.median(m["ms"] for m in results[engine.name][work]))
        chosen += peers[:count]
    return chosen


def start_engines(python, arguments, threads):
    modes = dict(MODES)
    if not arguments.mrpc:
        modes.pop("bertq-int8-static")
    engines = [Bertq(arguments, name, mode, threads) for name, mode in modes.items()]
    for name in PEERS:
        peer = Peer(python, arguments, name, threads)
        if peer.ready():
            engines.append(peer)
        else:
            peer.process.wait()
            note(f"{name}: left out, {peer.log.read_text().strip().splitlines()[-1]}")
    return engines


def available_isas(arguments):
    report = json.loads(output_of([arguments.bertq, "doctor", "--format", "json"]))
    return {row["isa"] for row in report["isas"] if row["available"]}


def measure(python, arguments):
    """{threads: {"results": ..., "peaks": [...]}}"""
    shapes = [work for work in arguments.shapes.split(",") if work != "mrpc"]
    isas = available_isas(arguments)
    measured = {}
    for threads in map(int, arguments.threads.split(",")):
        note(f"{threads} thread(s): loading")
        engines = start_engines(python, arguments, threads)
        if "amx" in isas:
            engines += [Bertq(arguments, name, mode, threads) for name, mode in VNNI_MODES.items()]
        slices, results = Slices(arguments, engines), {}
        peaks = [measure_peaks(arguments, slices)]
        take_turns(engines, shapes, arguments.rounds, arguments.seconds, slices, results)
        older = [Bertq(arguments, name, mode, threads) for name, mode in AVX2_MODES.items()]
        if "avx2" in isas:
            take_turns(older, shapes, max(2, arguments.rounds // 2), arguments.seconds, slices, results)
        peaks.append(measure_peaks(arguments, slices))
        if arguments.mrpc:
            few = fastest(engines, results, shapes[0], arguments.mrpc_peers)
            take_turns_at_mrpc(few, arguments.mrpc_rounds, slices, results)
        for engine in engines:
            engine.stop()
        measured[threads] = {"results": results, "peaks": peaks}
    return measured


def scores(arguments):
    """{mode: F1 of --mrpc-model on --mrpc}, of the binary that was timed; empty where there is no such data."""
    if not (arguments.mrpc and arguments.mrpc_model):
        return {}
    run = [arguments.bertq, "run", "--task", "mrpc", "--data", arguments.mrpc, "--format", "json", "-q"]
    f1 = lambda report: report["results"][-1]["metrics"]["f1"]
    found = {}
    for mode, kind in (("bertq-fp32", "fp32"), ("bertq-int8-dynamic", "int8"), ("bertq-bf16", "bf16")):
        found[mode] = f1(json.loads(output_of([*run, "-m", arguments.mrpc_model, "--precision", kind])))
    train = arguments.mrpc.with_name("train.tsv")
    if train.exists():
        static = arguments.dir / "mrpc-static.bertq"
        output_of([arguments.bertq, "quantize", "--task", "mrpc", "-m", arguments.mrpc_model, "--calibration-data", train,
                   "-q", "-o", static])
        found["bertq-int8-static"] = f1(json.loads(output_of([*run, "-m", static])))
    return found


def compare_tokenizers(python, arguments):
    """Needs a real vocabulary: that of --mrpc-model."""
    if not arguments.mrpc_model:
        return []
    vocabulary = arguments.mrpc_model / "vocab.txt"
    files = tokenizers.write_texts(arguments.dir / "texts", arguments.mrpc)
    return tokenizers.compare(python, arguments.bertq, arguments.bertq.with_name("tokenizer_bench"), vocabulary, files,
                              arguments.rounds, arguments.seconds, Slices(arguments, []))


def cpu():
    fields = {}
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return f"{fields['model name']}, family {fields['cpu family']} model {fields['model']}"


def commit():
    """What the checkout holds as the run begins; the binary is taken to be built from it."""
    git = lambda *words: output_of(["git", "-C", ROOT, *words]).strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "engine", "jit", "loaders", "tokenizer")
    return git("rev-parse", "--short=12", "HEAD") + (" and uncommitted changes" if changed else "")


def facts(arguments, python, built, load):
    versions = json.loads(output_of([python, "-c", (
        "import json; from importlib.metadata import version; print(json.dumps({n: version(n) for n in"
        " ['onnxruntime', 'openvino', 'nncf', 'torch', 'ctranslate2', 'transformers', 'tokenizers']}))")]))
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "date": datetime.date.today().isoformat(),
        "commit": built,
        "size": arguments.size,
        "rounds": arguments.rounds,
        "mrpc_rounds": arguments.mrpc_rounds,
        "versions": versions,
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "paused": bool(arguments.before),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="environment and models")
    parser.add_argument("--bertq", type=pathlib.Path, default=ROOT / "build/release/bin/bertq")
    parser.add_argument("--peak-bench", type=pathlib.Path, help="default: beside --bertq")
    parser.add_argument("--size", choices=["base", "large"], default="base")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--shapes", default="1x128,8x128,1x384")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of an engine and shape in a round")
    parser.add_argument("--mrpc", type=pathlib.Path, metavar="DEV.TSV")
    parser.add_argument("--mrpc-model", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--mrpc-rounds", type=int, default=3)
    parser.add_argument("--mrpc-peers", type=int, default=2, help="of each precision")
    parser.add_argument("--before", help="a shell command before each slice")
    parser.add_argument("--after", help="and one after it")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/RESULTS.md")
    arguments = parser.parse_args()
    for name in ("dir", "bertq", "mrpc", "mrpc_model", "output"):
        if getattr(arguments, name):
            setattr(arguments, name, getattr(arguments, name).resolve())
    arguments.peak_bench = (arguments.peak_bench or arguments.bertq.with_name("peak_bench")).resolve()
    for program in (arguments.bertq, arguments.peak_bench):
        if not program.exists():
            raise SystemExit(f"{program}: not built")
    built, load = commit(), os.getloadavg()[0]
    python = prepare(arguments)
    found = scores(arguments)
    compared = compare_tokenizers(python, arguments)
    measured = measure(python, arguments)
    report = {"tokenizers": compared, "facts": facts(arguments, python, built, load), "scores": found,
              "threads": {n: {**m, "peaks": results_page.median_peaks(m["peaks"])} for n, m in measured.items()}}
    section = results_page.section(report)
    print(section)
    results_page.replace_section(arguments.output, report["facts"]["cpu"], section)
    picture = arguments.output.parent / "results" / f"{results_page.slug(report['facts']['cpu'])}.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(results_page.picture(report), encoding="utf-8")


if __name__ == "__main__":
    main()
