"""Writes tests/data/fuzz/<format>/seed-*: checkpoints of a few hundred bytes, and the other files
that the engine reads, from which the fuzz targets start. Small ones, since a fuzzer's speed falls
with the size of its inputs.

Made with torch 2.13.0; the TensorFlow ones with tensorflow 2.21 (skipped where it is missing).

    python3 scripts/make_fuzz_seeds.py
"""

import io
import json
import struct
import sys
import tempfile
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "tests" / "data" / "fuzz"


def write(form, name, data):
    folder = SEEDS / form
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def safetensors_seeds():
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
    }
    text = json.dumps(header).encode()
    write("safetensors", "two", struct.pack("<Q", len(text)) + text + bytes(range(26)))


def torch_seeds():
    import torch
    import make_torch_checkpoints
    import tiny_torch

    matrix = torch.arange(6.0).reshape(2, 3)
    plain = OrderedDict(a=matrix, b=matrix.T, c=torch.ones(2, dtype=torch.half))
    plain._metadata = OrderedDict([("", {"version": 1})])
    quantized = {
        "p._packed_params": (torch.quantize_per_tensor(matrix, 0.1, 0, torch.qint8), None),
        "q": torch.quantize_per_channel(
            matrix, torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8
        ),
        "p.dtype": torch.qint8,
        "epoch": 3,
    }
    for name, state in {"plain": plain, "quantized": quantized}.items():
        for form, options in {
            "torch_zip": {},
            "torch_legacy": {"_use_new_zipfile_serialization": False},
        }.items():
            file = io.BytesIO()
            torch.save(state, file, **options)
            write(form, name, file.getvalue())
    file = io.BytesIO()
    torch.save(plain, file, pickle_protocol=4, _use_new_zipfile_serialization=False)
    write("torch_legacy", "protocol4", file.getvalue())
    file = io.BytesIO()
    tiny_torch.save_script(torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)), file)
    write("torch_zip", "script", file.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tar"
        make_torch_checkpoints.write_tar(path, {"a": matrix, "b": matrix.T})
        write("torch_tar", "two", path.read_bytes())


def tensorflow_seeds():
    try:
        import tensorflow
    except ImportError:
        print("tensorflow is not installed: its seeds stay as they are", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder) / "m")
        names = ["bert/a/kernel", "bert/b", "global_step"]
        values = [[[1.0, 2.0, 3.0]], [0.5], 7]
        tensorflow.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tensorflow.constant(value) for value in values],
        )
        parts = [Path(prefix + end) for end in (".index", ".data-00000-of-00001")]
        write("tensorflow", "three", b"".join(part.read_bytes() for part in parts))


def zip_seeds():
    for name, method in {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.items():
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("m/vocab.txt", "a\n" * 40)
            archive.writestr("m/bert_config.json", "{}")
        write("zip", name, file.getvalue())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def bertq_seeds():
    """By loaders/bertq_header.h; the hash at the end is not looked at on opening."""
    packed = zlib.compress(b'{"hidden_size": 16}' * 3)
    sections = [  # kind, name, dtype, bytes, bytes unpacked
        (0, b"a.s8", b"I8", bytes(range(64)), 64),
        (0, b"a.scale", b"F32", struct.pack("<16f", *range(16)), 64),
        (1, b"config.json", b"", packed, 19 * 3),
        (2, b"recipe", b"", b"{}", 2),
    ]
    size = 64 + sum(40 + len(name) for _, name, *_ in sections)
    table, body, at = b"", b"", -(-size // 64) * 64
    for kind, name, dtype, data, unpacked in sections:
        table += struct.pack("<QQQIBBH8s", at, len(data), unpacked, crc32c(data), kind, 0,
                             len(name), dtype) + name
        data += bytes(-len(data) % 64)
        body += data
        at += len(data)
    header = b"\x89BERTQ\r\n" + struct.pack("<IIQQI28x", 1, 0, size, at + 16, len(sections)) + table
    header = header[:12] + struct.pack("<I", crc32c(header)) + header[16:]
    write("bertq", "four", header + bytes(-len(header) % 64) + body + bytes(16))


def settings_seeds():
    """What the engine reads beside checkpoints."""
    dense = "bert.encoder.layer.0.output.dense"
    recipe = {
        "schema_version": 1,
        "default": {"precision": "int8", "weights": "per_channel", "activations": "dynamic"},
        "layers": {
            dense: {
                "precision": "int8", "weights": "per_tensor", "activations": "static",
                "algorithm": "kl", "scheme": "asymmetric", "scale": [0.02, 0.5],
                "zero_point": [17, -3], "split": [[1, 3]], "clipping": "mse",
                "bias_correction": [0.25, -1e-3], "rounding": "calibrated",
            },
            "classifier": {
                "precision": "int8", "activations": "static", "scheme": "symmetric",
                "scale": 0.1, "zero_point": 128,
            },
            "bert.pooler.dense": {"precision": "bf16"},
        },
        "weights_file": {"name": "r.safetensors", "xxh3_128": "0f"},
        "metadata": {"seed": 1, "sets": ["a"]},
    }
    write("recipe", "all", json.dumps(recipe).encode())
    write("lpot_settings", "all", LPOT_YAML.encode())
    write("best_configure", "two", BEST_CONFIGURE_YAML.encode())
    records = [
        {"weights": "0f", "seed": "1"},
        {"kind": "baseline", "key": "", "elapsed": 0.5, "score": 0.8, "seconds": 0.4},
        {"kind": "output_errors", "key": "0/1", "elapsed": 1, "numbers": [0.1, "inf"]},
        {"kind": "trial", "key": "3.0/0", "elapsed": 2.5, "failure": "NaN"},
    ]
    journal = b"bertq journal 1\n"
    for i, record in enumerate(records):
        payload = json.dumps(record).encode()
        head = struct.pack("<II", len(payload), i)
        journal += head + struct.pack("<II", crc32c(head), crc32c(payload)) + payload
    write("journal", "four", journal)


LPOT_YAML = """\
model: {name: bert, framework: tensorflow, inputs: input_ids, outputs: [logits]}
device: cpu
quantization:
  approach: post_training_static_quant
  calibration: {sampling_size: "100, 500"}
  model_wise:
    weight: {granularity: per_channel, scheme: sym, dtype: int8, algorithm: minmax}
    activation: {granularity: per_tensor, scheme: asym, dtype: uint8, algorithm: kl}
  op_wise:
    bert/pooler/dense/MatMul: {activation: {dtype: fp32}, weight: {dtype: fp32}}
    "bert/encoder/layer_[0-9]+/output.*": {weight: {bit: 7.0}}
tuning:
  strategy: {name: bayesian}
  accuracy_criterion: {relative: 1%, higher_is_better: True}
  exit_policy: {timeout: 0, max_trials: 5, performance_only: no}
  objective: performance
  random_seed: 9527
  workspace: {path: ./w, resume: ./w/history}
"""
BEST_CONFIGURE_YAML = """\
approach: post_training_static_quant
op:
  ? !!python/tuple
  - bert.pooler.dense
  - Linear
  : activation: {dtype: uint8, scheme: asym}
    weight: {dtype: int8, scheme: sym}
  ? !!python/tuple
  - classifier
  - Linear
  : weight: {dtype: fp32}
"""


if __name__ == "__main__":
    settings_seeds()
    safetensors_seeds()
    zip_seeds()
    bertq_seeds()
    torch_seeds()
    tensorflow_seeds()
