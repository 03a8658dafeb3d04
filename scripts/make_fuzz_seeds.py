"""Writes tests/data/fuzz/<format>/seed-*: checkpoints of a few hundred bytes, from which the fuzz
targets start. Small ones, since a fuzzer's speed falls with the size of its inputs.

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


if __name__ == "__main__":
    safetensors_seeds()
    zip_seeds()
    bertq_seeds()
    torch_seeds()
    tensorflow_seeds()
