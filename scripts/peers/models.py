"""Writes one random-weight BERT classifier in the forms that bertq and its peers read.

    python -m peers.models DIR base|large [--vocabulary VOCAB.txt]

SIZE-hf/ (safetensors: bertq, PyTorch), SIZE.onnx (OpenVINO), SIZE-fused.onnx and SIZE-int8.onnx (ONNX Runtime: its fused
graph, and its dynamic quantisation of that), SIZE-openvino-int8.xml (NNCF's post-training quantisation for transformers),
SIZE-ct2/ (CTranslate2's encoder, which has neither pooler nor classifier). What exists already is kept. Speed does not
depend on what the weights are, so they are random. Versions: scripts/requirements-peers.txt.
"""

import argparse
import pathlib
import shutil

SHAPES = {
    "base": {},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def made_up_vocabulary(size):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return "\n".join(special + [f"w{i}" for i in range(len(special), size)]) + "\n"


def make_checkpoint(folder, size, vocabulary):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(num_labels=2, **SHAPES[size])
    BertForSequenceClassification(config).save_pretrained(folder)
    if vocabulary:
        shutil.copy(vocabulary, folder / "vocab.txt")
    else:
        (folder / "vocab.txt").write_text(made_up_vocabulary(config.vocab_size))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}\n')


def export_onnx(folder, path):
    import torch
    from transformers import BertForSequenceClassification

    class Logits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits

    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.randint(0, model.config.vocab_size, (2, 32))
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS}
    torch.onnx.export(Logits(model), (ids, torch.ones_like(ids), torch.zeros_like(ids)), str(path), input_names=INPUTS,
                      output_names=["logits"], dynamic_axes=axes, opset_version=17, dynamo=False)


def fuse_onnx(source, path, size):
    from onnxruntime.transformers.optimizer import optimize_model

    heads, hidden = SHAPES[size].get("num_attention_heads", 12), SHAPES[size].get("hidden_size", 768)
    optimize_model(str(source), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0).save_model_to_file(str(path))


def quantize_onnx(source, path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The fused operators have no type that the quantiser could infer: 1 is FLOAT.
    quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": 1, "MatMulConstBOnly": True})


def quantize_openvino(source, path):
    import nncf
    import numpy as np
    import openvino as ov

    random = np.random.default_rng(0)
    feeds = [{"input_ids": random.integers(0, 30000, (1, 128)), "attention_mask": np.ones((1, 128), np.int64),
              "token_type_ids": np.zeros((1, 128), np.int64)} for _ in range(8)]
    model = nncf.quantize(ov.Core().read_model(str(source)), nncf.Dataset(feeds), subset_size=len(feeds),
                          model_type=nncf.ModelType.TRANSFORMER)
    ov.save_model(model, str(path))


def convert_ctranslate2(folder, path):
    import transformers
    from ctranslate2.converters import TransformersConverter

    # transformers 5 no longer has the attribute, which the converter reads.
    transformers.BertConfig.position_embedding_type = "absolute"
    encoder = path.with_name(path.name + "-source")
    model = transformers.BertForSequenceClassification.from_pretrained(folder).bert
    model.config.architectures = ["BertModel"]
    model.save_pretrained(encoder)
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(folder / name, encoder)
    TransformersConverter(str(encoder)).convert(str(path), force=True)
    shutil.rmtree(encoder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("size", choices=sorted(SHAPES))
    parser.add_argument("--vocabulary", type=pathlib.Path)
    arguments = parser.parse_args()
    size, name = arguments.size, lambda suffix: arguments.dir / f"{arguments.size}{suffix}"
    steps = [
        (name("-hf"), lambda to: make_checkpoint(to, size, arguments.vocabulary)),
        (name(".onnx"), lambda to: export_onnx(name("-hf"), to)),
        (name("-fused.onnx"), lambda to: fuse_onnx(name(".onnx"), to, size)),
        (name("-int8.onnx"), lambda to: quantize_onnx(name("-fused.onnx"), to)),
        (name("-openvino-int8.xml"), lambda to: quantize_openvino(name(".onnx"), to)),
        (name("-ct2"), lambda to: convert_ctranslate2(name("-hf"), to)),
    ]
    for path, make in steps:
        if path.exists():
            continue
        print(f"making {path.name}", flush=True)
        make(path)


if __name__ == "__main__":
    main()
