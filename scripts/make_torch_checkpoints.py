"""Writes tests/data/checkpoints/torch_*: the tiny BERT in every form that PyTorch has saved.

Made with torch 2.13.0 and transformers 5.23.0. What torch can still read is read back with it and
compared before the script ends. Two forms are older than this torch: the tar of torch 0.1 is
written here byte by byte (torch 2.13 still loads it), and the packed parameters of torch 1.3 to 1.5
are today's tensors under the names and versions of that time.

    python3 scripts/make_torch_checkpoints.py [FORM...]
"""

import io
import json
import pickle
import struct
import sys
import tarfile
from collections import OrderedDict

import torch

import tiny_bert
import tiny_torch

BIN = "pytorch_model.bin"
# Buffers that only traced modules keep.
IDS = {"bert.embeddings.position_ids", "bert.embeddings.token_type_ids"}


def folder(form, architecture="BertForSequenceClassification"):
    return tiny_bert.write_folder(form, tiny_bert.config(architectures=[architecture]))


def save(form, state, name=BIN, **how):
    torch.save(state, folder(form) / name, **how)


def parameters(state):
    """As nn.Module.state_dict() gives them: an OrderedDict with its modules' versions."""
    ordered = OrderedDict(state)
    paths = {""} | {name[:i] for name in state for i, c in enumerate(name) if c == "."}
    ordered._metadata = OrderedDict((path, {"version": 1}) for path in sorted(paths))
    return ordered


def old_names(state):
    """torch.nn.DataParallel's prefix, and LayerNorm's names before transformers 2."""
    spelt = {}
    for name, value in state.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        spelt["module." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = value
    return spelt


def strided(state):
    """The same values as views: transposed, with gaps, and all biases in one storage."""
    biases = torch.cat([value for name, value in state.items() if value.dim() == 1])
    at, views = 0, {}
    for number, (name, value) in enumerate(state.items()):
        if value.dim() == 1:
            views[name] = biases[at : at + len(value)]
            at += len(value)
        elif number % 3 == 0:
            views[name] = value.t().contiguous().t()
        elif number % 3 == 1:
            room = torch.zeros(value.shape[0] + 1, value.shape[1] * 2)
            views[name] = room[1:, ::2]
            views[name].copy_(value)
        else:
            views[name] = value
    return views


def training(state):
    """What training scripts keep: the weights beside the state of the optimiser."""
    moments = {number: {"step": 3, "exp_avg": torch.zeros(2)} for number in range(2)}
    groups = [{"lr": 5e-5, "betas": (0.9, 0.999), "params": [0, 1]}]
    return {
        "epoch": 3,
        "best_metric": 0.875,
        "task": "mrpc",
        "frozen": False,
        "state_dict": parameters(state),
        "optimizer": {"state": moments, "param_groups": groups},
        "scheduler": None,
    }


def write_tar(path, state):
    """torch 0.1's file: a tar of 'storages', 'tensors' and 'pickle', keys in place of tensors."""
    storages, listed = io.BytesIO(), io.BytesIO()
    pickle.dump(len(state), storages, 2)
    pickle.dump(len(state), listed, 2)
    for number, value in enumerate(state.values()):
        storage_key, key = 1000 + 2 * number, 1001 + 2 * number
        pickle.dump((storage_key, "cpu", torch.FloatStorage), storages, 2)
        storages.write(struct.pack("<q", value.numel()) + value.numpy().tobytes())
        pickle.dump((key, storage_key, torch.FloatTensor), listed, 2)
        listed.write(struct.pack("<i4x", value.dim()))
        numbers = (*value.shape, *value.stride(), 0)
        listed.write(struct.pack(f"<{len(numbers)}q", *numbers))
    pickle.dump([], storages, 2)  # no views

    class Keys(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.key) if isinstance(value, Reference) else None

    class Reference:
        def __init__(self, key):
            self.key = key

    main = io.BytesIO()
    names = OrderedDict((name, Reference(1001 + 2 * i)) for i, name in enumerate(state))
    Keys(main, 2).dump(names)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, member in (("storages", storages), ("tensors", listed), ("pickle", main)):
            info = tarfile.TarInfo(name)
            info.size = len(member.getvalue())
            tar.addfile(info, io.BytesIO(member.getvalue()))


def write_shards(path, state):
    names = list(state)
    middle = len(names) // 2
    shards = [f"pytorch_model-{number:05}-of-00002.bin" for number in (1, 2)]
    for shard, part in zip(shards, (names[:middle], names[middle:])):
        torch.save({name: state[name] for name in part}, path / shard)
    index = {
        "metadata": {"total_size": sum(value.numel() * 4 for value in state.values())},
        "weight_map": {name: shards[i >= middle] for i, name in enumerate(names)},
    }
    (path / (BIN + ".index.json")).write_text(json.dumps(index, indent=2) + "\n")


def older_packing(state, version):
    """The packed parameters of torch 1.4 and 1.5 (version 2) or 1.3 (version 1)."""
    packed, old = "._packed_params._packed_params", OrderedDict()
    old._metadata = OrderedDict()
    inner = "._packed_params." if version == 2 else "."
    for name, value in state.items():
        if name.endswith(packed):
            module = name.removesuffix(packed)
            old[module + inner + "weight"], old[module + inner + "bias"] = value
        elif not name.endswith("._packed_params.dtype") or version == 2:
            old[name] = value
    for path, entry in state._metadata.items():
        if path.endswith("._packed_params"):
            if version == 2:
                old._metadata[path] = {"version": 2}
        elif path + packed in state:
            old._metadata[path] = {"version": version}
        else:
            old._metadata[path] = dict(entry)
    return old


def quantized_state(**how):
    return tiny_torch.quantized(tiny_torch.model(), **how).state_dict()


def bare():
    state = tiny_torch.tensors(())
    torch.save({name.removeprefix("bert."): value for name, value in state.items()},
               folder("torch_bare", "BertModel") / BIN)


def answering():
    """BertForQuestionAnswering has had no pooler since transformers 4."""
    state = tiny_torch.tensors(("qa_outputs",))
    return {name: value for name, value in state.items() if "pooler" not in name}


def question_answering():
    torch.save(parameters(answering()),
               folder("torch_question_answering", "BertForQuestionAnswering") / BIN)


def script(form, module):
    tiny_torch.save_script(tiny_torch.traced(module), str(folder(form) / "model.pt"))


def weights():
    return parameters(tiny_torch.tensors())


FORMS = {
    "torch_zip": lambda: save("torch_zip", weights()),
    "torch_legacy": lambda: save(
        "torch_legacy", weights(), _use_new_zipfile_serialization=False
    ),
    "torch_tar": lambda: write_tar(folder("torch_tar") / BIN, tiny_torch.tensors()),
    "torch_protocol4": lambda: save("torch_protocol4", weights(), pickle_protocol=4),
    "torch_protocol5_legacy": lambda: save(
        "torch_protocol5_legacy",
        strided(tiny_torch.tensors()),
        pickle_protocol=5,
        _use_new_zipfile_serialization=False,
    ),
    "torch_shards": lambda: write_shards(folder("torch_shards"), tiny_torch.tensors()),
    "torch_half": lambda: save("torch_half", tiny_torch.tensors(dtype=torch.half)),
    "torch_bfloat16": lambda: save("torch_bfloat16", tiny_torch.tensors(dtype=torch.bfloat16)),
    "torch_double": lambda: save("torch_double", tiny_torch.tensors(dtype=torch.double)),
    "torch_strided": lambda: save("torch_strided", strided(tiny_torch.tensors())),
    "torch_module_prefix": lambda: save("torch_module_prefix", old_names(tiny_torch.tensors())),
    "torch_training": lambda: save(
        "torch_training", training(tiny_torch.tensors()), "checkpoint.pt"
    ),
    "torch_bare": bare,
    "torch_question_answering": question_answering,
    "torch_script": lambda: script("torch_script", tiny_torch.model()),
    "torch_script_dynamic": lambda: script(
        "torch_script_dynamic", tiny_torch.quantized(tiny_torch.model())
    ),
    "torch_dynamic": lambda: save("torch_dynamic", quantized_state()),
    "torch_dynamic_per_channel": lambda: save(
        "torch_dynamic_per_channel", quantized_state(per_channel=True)
    ),
    "torch_dynamic_v2": lambda: save("torch_dynamic_v2", older_packing(quantized_state(), 2)),
    "torch_dynamic_v1": lambda: save("torch_dynamic_v1", older_packing(quantized_state(), 1)),
    "torch_dynamic_fp16": lambda: save("torch_dynamic_fp16", quantized_state(dtype=torch.float16)),
}


def read_back(form):
    """With torch: what the file holds, whole-module files as their state."""
    path = tiny_bert.FIXTURES / form
    if (path / "model.pt").exists():
        return torch.jit.load(str(path / "model.pt")).state_dict()
    files = sorted(path.glob("*.bin")) or [path / "checkpoint.pt"]
    states = [torch.load(file, map_location="cpu", weights_only=False) for file in files]
    for more in states[1:]:
        states[0].update(more)
    return states[0].get("state_dict", states[0])


def same(a, b):
    if isinstance(a, tuple):
        return all(same(x, y) for x, y in zip(a, b, strict=True))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def check_quantized(form, got):
    """The file, loaded into a model quantised anew, must leave it as it was."""
    dtype = torch.float16 if form.endswith("fp16") else torch.qint8
    how = {"dtype": dtype, "per_channel": form.endswith("per_channel")}
    module = tiny_torch.quantized(tiny_torch.model(), **how)
    before = module.state_dict()
    if form.startswith("torch_script"):
        assert all(same(got[name], before[name]) for name in set(got) - IDS), form
        return
    module.load_state_dict(got)
    assert all(same(value, before[name]) for name, value in module.state_dict().items()), form


def check(form):
    got = read_back(form)
    if "dynamic" in form:
        return check_quantized(form, got)
    spelling = {"torch_bare": lambda name: name.removeprefix("bert."),
                "torch_module_prefix": lambda name: next(iter(old_names({name: None})))}
    spelt = spelling.get(form, lambda name: name)
    values = tiny_torch.tensors(() if form == "torch_bare" else ("classifier",))
    if form == "torch_question_answering":
        values = answering()
    assert {spelt(name) for name in values} == set(got) - IDS, form
    for name, value in values.items():
        stored = got[spelt(name)]
        assert torch.equal(stored, value.to(stored.dtype)), (form, name)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or FORMS:
        FORMS[wanted]()
        check(wanted)
        print(wanted)
