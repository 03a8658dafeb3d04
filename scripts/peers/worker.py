"""One peer, loaded once, that times forward passes when it is told to.

    python -m peers.worker DIR SIZE PEER THREADS [MRPC.tsv]

A line of JSON on standard input, {"work": "8x128", "seconds": 0.5}, is answered by one on standard output: the seconds of
each pass, and the peak of resident memory. `work` is BATCHxLENGTH (random ids, no padding), "mrpc" (all pairs of the file, in
batches of 8 in the file's order, each padded to its longest), or "mrpc-sorted" (the same, sorted by length first). Ids go
in and logits come out (CTranslate2: the encoder's hidden states); tokenization is not timed.
"""

import json
import os
import pathlib
import resource
import sys
import time

BATCH, LONGEST = 8, 128  # of MRPC

# name: precision
PEERS = {
    "onnxruntime-fp32": "fp32", "openvino-fp32": "fp32", "torch-fp32": "fp32", "ctranslate2-fp32": "fp32",
    "onnxruntime-int8": "int8", "openvino-int8": "int8", "torch-int8-x86": "int8", "torch-int8-onednn": "int8",
    "ctranslate2-int8": "int8",
    "openvino-bf16": "bf16", "torch-bf16": "bf16", "ctranslate2-bf16": "bf16",
}


def fixed_feed(batch, length):
    import numpy as np

    ids = np.random.default_rng(0).integers(0, 30000, (batch, length))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def mrpc_feeds(vocabulary, path, by_length):
    import numpy as np
    from tokenizers import BertWordPieceTokenizer

    sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
    from mrpc import read_pairs

    tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    tokenizer.enable_truncation(LONGEST)
    encoded = [tokenizer.encode(first, second) for _, first, second in read_pairs(path)]
    if by_length:
        encoded.sort(key=lambda e: len(e.ids))
    feeds = []
    for i in range(0, len(encoded), BATCH):
        batch = encoded[i:i + BATCH]
        longest = max(len(e.ids) for e in batch)
        padded = lambda rows: np.array([row + [0] * (longest - len(row)) for row in rows], np.int64)
        feeds.append({"input_ids": padded([e.ids for e in batch]),
                      "attention_mask": padded([[1] * len(e.ids) for e in batch]),
                      "token_type_ids": padded([e.type_ids for e in batch])})
    return feeds


def torch_runner(folder, size, peer, threads):
    import torch
    from transformers import BertForSequenceClassification

    torch.set_num_threads(threads)
    kind = torch.bfloat16 if peer == "torch-bf16" else torch.float32
    model = BertForSequenceClassification.from_pretrained(folder / f"{size}-hf", dtype=kind).eval()
    if "int8" in peer:
        torch.backends.quantized.engine = peer.rsplit("-", 1)[1]
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)

    def run(feed):
        with torch.inference_mode():
            return model(**feed).logits

    return run, lambda feed: {name: torch.from_numpy(values) for name, values in feed.items()}


def onnxruntime_runner(folder, size, peer, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    name = f"{size}-int8.onnx" if "int8" in peer else f"{size}-fused.onnx"
    session = onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
    return (lambda feed: session.run(None, feed)), lambda feed: feed


def openvino_runner(folder, size, peer, threads):
    import openvino

    config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    hints = {"openvino-fp32": "f32", "openvino-bf16": "bf16"}  # INT8 keeps what OpenVINO chooses for the rest
    if peer in hints:
        config["INFERENCE_PRECISION_HINT"] = hints[peer]
    name = f"{size}-openvino-int8.xml" if "int8" in peer else f"{size}.onnx"
    request = openvino.Core().compile_model(folder / name, "CPU", config).create_infer_request()
    return (lambda feed: request.infer(feed)), lambda feed: feed


def ctranslate2_runner(folder, size, peer, threads):
    import ctranslate2

    kind = {"fp32": "float32", "int8": "int8", "bf16": "bfloat16"}[peer.rsplit("-", 1)[1]]
    if kind not in ctranslate2.get_supported_compute_types("cpu"):
        raise RuntimeError(f"CTranslate2 has no {kind} on this CPU")
    encoder = ctranslate2.Encoder(str(folder / f"{size}-ct2"), device="cpu", compute_type=kind, intra_threads=threads)
    prepare = lambda feed: [row[: int(mask.sum())].tolist() for row, mask in zip(feed["input_ids"], feed["attention_mask"])]
    return encoder.forward_batch, prepare


RUNNERS = {"torch": torch_runner, "onnxruntime": onnxruntime_runner, "openvino": openvino_runner,
           "ctranslate2": ctranslate2_runner}


def timed_passes(run, feeds, seconds):
    times = []
    while not times or sum(times) < seconds:
        start = time.perf_counter()
        for feed in feeds:
            run(feed)
        times.append(time.perf_counter() - start)
    return times


def main():
    folder, size, peer, threads, *mrpc = sys.argv[1:]
    folder = pathlib.Path(folder)
    # Libraries print what they like; answers go to the true standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run, prepare = RUNNERS[peer.split("-")[0]](folder, size, peer, int(threads))
    prepared = {}
    print(json.dumps({"ready": peer}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        work = request["work"]
        if work not in prepared:
            feeds = (mrpc_feeds(folder / f"{size}-hf" / "vocab.txt", mrpc[0], work == "mrpc-sorted")
                     if work.startswith("mrpc") else [fixed_feed(*map(int, work.split("x")))])
            prepared[work] = [prepare(feed) for feed in feeds]
        feeds = prepared[work]
        for feed in feeds[:2] * 2:  # warms up
            run(feed)
        times = timed_passes(run, feeds, request["seconds"])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": times, "peak_rss_bytes": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main()
