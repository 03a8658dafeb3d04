"""Makes the TensorFlow fixtures of tests/data/checkpoints from the tiny BERT of tiny_bert.py.

    python3 -m venv .venv-tensorflow
    .venv-tensorflow/bin/pip install tensorflow-cpu==2.21.0 cramjam==2.14.0 safetensors
    .venv-tensorflow/bin/python scripts/make_tensorflow_checkpoints.py

Writes, with SaveV2 and MergeV2Checkpoints, the operations that tf.train.Saver consists of:

    tf_bert         google-research's folder: bert_config.json, vocab.txt, bert_model.ckpt.*; with the
                    pre-training heads, global_step and slots of the optimiser, as pre-training leaves them
    tf_classifier   fine-tuned as run_classifier.py does (output_weights, output_bias): two checkpoints
                    and the file "checkpoint", which names the later; golden.safetensors
    tf_squad        fine-tuned as run_squad.py does (cls/squad/output_weights, …)
    tf_sharded      the classifier in three data files
    tf_snappy       the classifier with an index of small blocks, most of them compressed. TensorFlow reads
                    such ones, but its writer no longer makes any: composed here, read back with TensorFlow
    tf_partitioned  the classifier with one table in two slices, which bertq refuses
    tf_zip          the classifier in a .zip of the layout that google published (its .meta is empty: the
                    graph, which nothing here reads)

golden.safetensors has what google-research's modeling.py computes, in float64 from the variables as
TensorFlow reads them, rounded once; the tensors are those of make_golden.py.
"""

import json
import os
import shutil
import struct
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cramjam
import numpy as np
import tensorflow as tf
from safetensors.numpy import save as save_bytes

import tiny_bert

TOP = f"uncased_L-{tiny_bert.LAYERS}_H-{tiny_bert.HIDDEN}_A-{tiny_bert.HEADS}"


def bert_config():
    """bert_config.json with the keys of google-research's own."""
    return {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": tiny_bert.HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": tiny_bert.INTERMEDIATE,
        "max_position_embeddings": tiny_bert.POSITIONS,
        "num_attention_heads": tiny_bert.HEADS,
        "num_hidden_layers": tiny_bert.LAYERS,
        "type_vocab_size": tiny_bert.SEGMENTS,
        "vocab_size": len(tiny_bert.VOCABULARY),
    }


def folder_of(form):
    """An empty tests/data/checkpoints/<form> with bert_config.json and vocab.txt."""
    folder = tiny_bert.FIXTURES / form
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "bert_config.json").write_text(json.dumps(bert_config(), indent=2) + "\n")
    (folder / "vocab.txt").write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
    return folder


def tensorflow_variable(name, value):
    """A variable of google-research's BERT for a parameter of Hugging Face's."""
    heads = {
        "classifier.weight": "output_weights",
        "classifier.bias": "output_bias",
        "qa_outputs.weight": "cls/squad/output_weights",
        "qa_outputs.bias": "cls/squad/output_bias",
    }
    if name in heads:
        return heads[name], value
    name = name.replace("layer.", "layer_").replace(".", "/")
    if name.endswith("_embeddings/weight"):
        return name.removesuffix("/weight"), value
    scope, leaf = name.rsplit("/", 1)
    if scope.endswith("LayerNorm"):
        return f"{scope}/{'gamma' if leaf == 'weight' else 'beta'}", value
    return (f"{scope}/kernel", np.ascontiguousarray(value.T)) if leaf == "weight" else (name, value)


def variables(heads=("classifier",)):
    return dict(tensorflow_variable(*item) for item in tiny_bert.state_dict(heads).items())


def save(prefix, tensors, slices=None):
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[(slices or {}).get(name, "") for name in names],
        tensors=[tf.constant(tensors[name]) for name in names],
    )


def read_back(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def expect_same(prefix, tensors):
    got = read_back(prefix)
    assert sorted(got) == sorted(tensors), sorted(got)
    for name, value in tensors.items():
        np.testing.assert_array_equal(got[name], value)


def make_pretrained():
    random = np.random.default_rng(7)
    folder = folder_of("tf_bert")
    tensors = variables(heads=())
    hidden, words = tiny_bert.HIDDEN, len(tiny_bert.VOCABULARY)
    heads = {
        "cls/predictions/output_bias": (words,),
        "cls/predictions/transform/LayerNorm/beta": (hidden,),
        "cls/predictions/transform/LayerNorm/gamma": (hidden,),
        "cls/predictions/transform/dense/bias": (hidden,),
        "cls/predictions/transform/dense/kernel": (hidden, hidden),
        "cls/seq_relationship/output_bias": (2,),
        "cls/seq_relationship/output_weights": (2, hidden),
    }
    for name, shape in heads.items():
        tensors[name] = random.normal(0, 0.1, shape).astype(np.float32)
    for name in [name for name in tensors if "layer_0/attention/self/query" in name or "pooler" in name]:
        for slot in ("adam_m", "adam_v"):
            tensors[f"{name}/{slot}"] = random.normal(0, 1e-3, tensors[name].shape).astype(np.float32)
    tensors["global_step"] = np.int64(1_000_000)
    save(folder / "bert_model.ckpt", tensors)
    expect_same(folder / "bert_model.ckpt", tensors)


def gelu(x):
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def layer_norm(x, v, scope):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * v[f"{scope}/LayerNorm/gamma"] + v[f"{scope}/LayerNorm/beta"]


def dense(x, v, scope):
    return x @ v[f"{scope}/kernel"] + v[f"{scope}/bias"]


def heads_of(x):
    return x.reshape(len(x), tiny_bert.HEADS, -1).transpose(1, 0, 2)


def forward(v, ids, segments):
    """modeling.py and run_classifier.py for one sequence: hidden states, pooled output, logits."""
    x = v["bert/embeddings/word_embeddings"][ids] + v["bert/embeddings/token_type_embeddings"][segments]
    x = layer_norm(x + v["bert/embeddings/position_embeddings"][: len(ids)], v, "bert/embeddings")
    states = [x]
    for i in range(tiny_bert.LAYERS):
        scope = f"bert/encoder/layer_{i}"
        query, key, value = (heads_of(dense(x, v, f"{scope}/attention/self/{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(x.shape)
        x = layer_norm(x + dense(context, v, f"{scope}/attention/output/dense"), v, f"{scope}/attention/output")
        inner = gelu(dense(x, v, f"{scope}/intermediate/dense"))
        x = layer_norm(x + dense(inner, v, f"{scope}/output/dense"), v, f"{scope}/output")
        states.append(x)
    pooled = np.tanh(dense(x[:1], v, "bert/pooler/dense"))
    return states, pooled, pooled @ v["output_weights"].T + v["output_bias"]


def write_golden(folder, prefix):
    v = {name: value.astype(np.float64) for name, value in read_back(prefix).items() if name != "global_step"}
    random = np.random.default_rng(11)
    lengths = (1, 5, 17, tiny_bert.POSITIONS)
    ids = [random.integers(0, len(tiny_bert.VOCABULARY), length) for length in lengths]
    segments = [np.arange(length) > length // 2 for length in lengths]
    results = [forward(v, i, s.astype(int)) for i, s in zip(ids, segments)]
    golden = {
        "ids": np.concatenate(ids),
        "segments": np.concatenate(segments),
        "bounds": np.cumsum((0, *lengths)),
        "pooled": np.concatenate([pooled for _, pooled, _ in results]),
        "logits": np.concatenate([logits for _, _, logits in results]),
    }
    for i in range(tiny_bert.LAYERS + 1):
        golden[f"hidden.{i}"] = np.concatenate([states[i] for states, _, _ in results])
    stored = save_bytes(
        {name: np.ascontiguousarray(value, np.float32) for name, value in golden.items()},
        metadata={"made_by": "scripts/make_tensorflow_checkpoints.py"},
    )
    (folder / "golden.safetensors").write_bytes(stored)


def make_classifier():
    folder = folder_of("tf_classifier")
    tensors = variables()
    for step in (0, 10):
        # The first is as fine-tuning begins: the head is not the one of the later checkpoint.
        head = {"output_bias": np.zeros(tiny_bert.LABELS, np.float32)} if step == 0 else {}
        values = tensors | head | {"global_step": np.int64(step)}
        save(folder / f"model.ckpt-{step}", values)
        expect_same(folder / f"model.ckpt-{step}", values)
    state = tf.compat.v1.train.generate_checkpoint_state_proto(
        "/home/user/mrpc_output", "/home/user/mrpc_output/model.ckpt-10",
        [f"/home/user/mrpc_output/model.ckpt-{step}" for step in (0, 10)],
    )
    (folder / "checkpoint").write_text(str(state))  # names where it was trained, not where it is
    write_golden(folder, folder / "model.ckpt-10")
    return folder


def make_squad():
    folder = folder_of("tf_squad")
    save(folder / "model.ckpt-10", variables(heads=("qa_outputs",)))
    expect_same(folder / "model.ckpt-10", variables(heads=("qa_outputs",)))


def make_sharded():
    folder = folder_of("tf_sharded")
    tensors = variables()
    names = sorted(tensors)
    parts = [folder / f"part-{i}" for i in range(3)]
    for i, part in enumerate(parts):
        save(part, {name: tensors[name] for name in names[i::3]})
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(part) for part in parts],
        destination_prefix=str(folder / "bert_model.ckpt"),
        delete_old_dirs=False,
    )
    expect_same(folder / "bert_model.ckpt", tensors)


def make_partitioned():
    folder = folder_of("tf_partitioned")
    tensors = variables()
    words = "bert/embeddings/word_embeddings"
    table = tensors.pop(words)
    rows, columns = table.shape
    whole = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"),
        tensor_names=[words, words, *whole],
        shape_and_slices=[f"{rows} {columns} 0,40:-", f"{rows} {columns} 40,{rows - 40}:-", *[""] * len(whole)],
        tensors=[tf.constant(value) for value in (table[:40], table[40:], *(tensors[name] for name in whole))],
    )
    expect_same(folder / "bert_model.ckpt", tensors | {words: table})


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def take_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def handle_at(data, at):
    offset, at = take_varint(data, at)
    size, at = take_varint(data, at)
    return (offset, size), at


def entries_of(data, handle):
    offset, size = handle
    block = data[offset : offset + size]
    end = size - 4 * (struct.unpack_from("<I", block, size - 4)[0] + 1)
    at, key = 0, b""
    while at < end:
        shared, at = take_varint(block, at)
        unshared, at = take_varint(block, at)
        length, at = take_varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        yield key, block[at + unshared : at + unshared + length]
        at += unshared + length


def block_of(entries, interval):
    """A block's bytes: keys share prefixes, but every interval-th is a restart."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % interval == 0:
            restarts.append(len(out))
        else:
            shared = len(os.path.commonprefix([before, key]))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack(f"<{len(restarts or [0])}II", *(restarts or [0]), len(restarts or [0]))


class Table:
    """Blocks one after another, each of them compressed where that makes it smaller."""

    def __init__(self):
        self.bytes = b""

    def add(self, block):
        packed = bytes(cramjam.snappy.compress_raw(block))
        stored = packed + b"\1" if len(packed) < len(block) else block + b"\0"
        crc = crc32c(stored)
        offset, size = len(self.bytes), len(stored) - 1
        self.bytes += stored + struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
        return varint(offset) + varint(size)


def make_snappy():
    folder = folder_of("tf_snappy")
    tensors = variables()
    save(folder / "bert_model.ckpt", tensors)
    index = folder / "bert_model.ckpt.index"
    data = index.read_bytes()
    _, at = handle_at(data, len(data) - 48)
    entries = []
    for _, value in entries_of(data, handle_at(data, at)[0]):
        entries += entries_of(data, handle_at(value, 0)[0])
    table, handles = Table(), []
    for i in range(0, len(entries), 10):
        chunk = entries[i : i + 10]
        handles.append((chunk[-1][0], table.add(block_of(chunk, 4))))
    footer = table.add(block_of([], 1)) + table.add(block_of(handles, 1))
    index.write_bytes(table.bytes + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57))
    expect_same(folder / "bert_model.ckpt", tensors)


def make_zip(classifier):
    folder = tiny_bert.FIXTURES / "tf_zip"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scratch = folder / "scratch"
    scratch.mkdir()
    save(scratch / "bert_model.ckpt", variables())
    members = {
        "bert_model.ckpt.meta": b"",
        "bert_model.ckpt.data-00000-of-00001": (scratch / "bert_model.ckpt.data-00000-of-00001").read_bytes(),
        "vocab.txt": (classifier / "vocab.txt").read_bytes(),
        "bert_model.ckpt.index": (scratch / "bert_model.ckpt.index").read_bytes(),
        "bert_config.json": (classifier / "bert_config.json").read_bytes(),
    }
    shutil.rmtree(scratch)
    with zipfile.ZipFile(folder / f"{TOP}.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(TOP + "/", (2018, 10, 18, 0, 0, 0)), b"")
        for name, content in members.items():
            info = zipfile.ZipInfo(f"{TOP}/{name}", (2018, 10, 18, 0, 0, 0))
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)


def main():
    make_pretrained()
    classifier = make_classifier()
    make_squad()
    make_sharded()
    make_snappy()
    make_partitioned()
    make_zip(classifier)
    print(f"TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main()
