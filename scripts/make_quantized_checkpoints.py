"""Writes the fixtures of checkpoints that come quantised, and what their own systems answer.

    python3 scripts/make_quantized_checkpoints.py

tests/data/checkpoints/q8bert_*       the tiny BERT in Q8BERT's state dicts, made here with numpy from
                                      the formulas of the paper and the names of nlp-architect
tests/data/golden/quantized/          answers: of PyTorch (also for the torch_dynamic* fixtures of
                                      make_torch_checkpoints.py, which must be there), and of numpy
                                      for Q8BERT; single layers; ranges; PyTorch's own spread

Made with torch 2.13.0, transformers 5.23.0 and numpy. FBGEMM on one thread is what counts as PyTorch's
answer; the spread says how far onednn and two threads are from that.
"""

import sys
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

import tiny_bert
import tiny_torch
from quantized_texts import logits_of, text_tensors, texts

GOLDEN = tiny_bert.FIXTURES.parent / "golden" / "quantized"
PAD_TO = 20
warnings.simplefilter("ignore")


BATCHES = {"batch8": (8, 0), "batch8_pad": (8, PAD_TO), "batch1": (1, 0)}


def answers(make_model, engines=("onednn",)):
    """Logits for each way to batch, and the largest distance of other engines and threads."""
    torch.set_num_threads(1)
    torch.backends.quantized.engine = "fbgemm"
    model = make_model()
    found = {name: logits_of(model, *how) for name, how in BATCHES.items()}
    torch.set_num_threads(2)
    spread = [np.abs(logits_of(model, *how) - found[name]).max() for name, how in BATCHES.items()]
    torch.set_num_threads(1)
    for engine in engines:
        torch.backends.quantized.engine = engine
        other = make_model()
        spread += [np.abs(logits_of(other, *how) - found[name]).max() for name, how in BATCHES.items()]
    torch.backends.quantized.engine = "fbgemm"
    found["spread"] = np.array([max(spread)], dtype=np.float32)
    return found


def dynamic_model(version=4, **how):
    engine = torch.backends.quantized.engine
    model = tiny_torch.quantized(tiny_torch.model(), **how)  # packs for fbgemm
    torch.backends.quantized.engine = engine
    for module in model.modules():
        if isinstance(module, torch.ao.nn.quantized.dynamic.Linear):
            module.version = version
            module.set_weight_bias(*module._weight_bias())  # packs for the engine
    return model


def rounded_model():
    """The same weights in float layers: what FP16 packings are the same as but for the order of sums."""
    model = tiny_torch.model()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data = module.weight.data.half().float()
    return model


def float_spread(found):
    """Of FP16 packings, which FBGEMM alone has: PyTorch's float products, with onednn and without."""
    distances = []
    for onednn in (True, False):
        torch.backends.mkldnn.enabled = onednn
        other = {name: logits_of(rounded_model(), *how) for name, how in BATCHES.items()}
        distances += [np.abs(other[name] - found[name]).max() for name in BATCHES]
    torch.backends.mkldnn.enabled = True
    return np.array([max(distances)], dtype=np.float32)


def write_dynamic():
    cases = {
        "torch_dynamic": dict(),
        "torch_dynamic_full_range": dict(version=3),
        "torch_dynamic_per_channel": dict(per_channel=True),
        "torch_dynamic_fp16": dict(dtype=torch.float16),
    }
    tensors = text_tensors()
    for name, how in cases.items():
        engines = () if "dtype" in how else ("onednn",)  # which has no FP16 packing
        found = answers(lambda: dynamic_model(**how), engines)
        if "dtype" in how:
            found["spread"] = np.maximum(found["spread"], float_spread(found))
        for key, value in found.items():
            tensors[f"{name}.{key}"] = value
        print(name, "spread", tensors[f"{name}.spread"][0])
    save_file(tensors, GOLDEN / "torch_dynamic.safetensors")


# --- single layers ---------------------------------------------------------------------------


def exact_input(rows, columns, reduced, random):
    """Rows whose dynamic range has the scale 2^-5 and a zero point within: nothing is rounded."""
    most = 127 if reduced else 255
    codes = random.integers(0, most + 1, size=(rows, columns))
    codes[0, 0], codes[-1, -1] = 0, most
    noise = random.uniform(-0.49, 0.49, size=codes.shape)
    noise[0, 0] = noise[-1, -1] = 0
    zero = most // 2
    return ((np.clip(codes + noise, 0, most) - zero) * 2.0**-5).astype(np.float32)


def write_linears():
    torch.backends.quantized.engine = "fbgemm"
    torch.set_num_threads(1)
    random = np.random.default_rng(11)
    tensors = {}
    for number, (rows, outputs, inputs) in enumerate([(5, 16, 24), (3, 5, 13), (17, 20, 40)]):
        for reduced in (True, False):
            for per_channel in (False, True):
                name = f"dynamic.{number}.{int(reduced)}.{int(per_channel)}"
                weight = torch.from_numpy(random.normal(0, 0.1, (outputs, inputs)).astype(np.float32))
                bias = torch.from_numpy(random.normal(0, 0.3, outputs).astype(np.float32))
                if per_channel:
                    scales = weight.abs().amax(1).double() / 127.5
                    packed = torch.quantize_per_channel(weight, scales, torch.zeros(outputs, dtype=torch.long), 0, torch.qint8)
                    stored = scales.numpy()
                else:
                    scale = weight.abs().max().item() / 127.5
                    packed = torch.quantize_per_tensor(weight, scale, 0, torch.qint8)
                    stored = np.array([scale])
                x = torch.from_numpy(random.normal(0.1, 1.5, (rows, inputs)).astype(np.float32))
                params = torch.ops.quantized.linear_prepack(packed, bias)
                tensors[name + ".weight"] = packed.int_repr().numpy()
                tensors[name + ".scales"] = stored.astype(np.float64)
                tensors[name + ".bias"] = bias.numpy()
                tensors[name + ".x"] = x.numpy()
                tensors[name + ".y"] = torch.ops.quantized.linear_dynamic(x, params, reduced).numpy()
                # The same weights with a scale of 2^-3 and no bias: the result is the int32 sum.
                exact = torch._make_per_tensor_quantized_tensor(packed.int_repr(), 2.0**-3, 0)
                x = torch.from_numpy(exact_input(rows, inputs, reduced, random))
                y = torch.ops.quantized.linear_dynamic(
                    x, torch.ops.quantized.linear_prepack(exact, torch.zeros(outputs)), reduced
                )
                sums = (y.double() * 2**8).numpy()
                assert (sums == np.rint(sums)).all()
                tensors[name + ".exact_x"] = x.numpy()
                tensors[name + ".sums"] = sums.astype(np.int32)
    for number, (rows, outputs, inputs) in enumerate([(5, 16, 24), (3, 5, 13), (17, 20, 40)]):
        for per_channel in (False, True):
            name = f"static.{number}.{int(per_channel)}"
            weight = torch.from_numpy(random.normal(0, 0.1, (outputs, inputs)).astype(np.float32))
            bias = torch.from_numpy(random.normal(0, 0.3, outputs).astype(np.float32))
            if per_channel:
                scales = weight.abs().amax(1).double() / 127.5
                packed = torch.quantize_per_channel(weight, scales, torch.zeros(outputs, dtype=torch.long), 0, torch.qint8)
                stored = scales.numpy()
            else:
                scale = weight.abs().max().item() / 127.5
                packed = torch.quantize_per_tensor(weight, scale, 0, torch.qint8)
                stored = np.array([scale])
            x = torch.from_numpy(random.normal(0.1, 1.5, (rows, inputs)).astype(np.float32))
            ranges = np.array([0.031, 101, 0.017, 77], dtype=np.float32)  # some values saturate
            quantized = torch.quantize_per_tensor(x, ranges[0].item(), int(ranges[1]), torch.quint8)
            y = torch.ops.quantized.linear(
                quantized, torch.ops.quantized.linear_prepack(packed, bias), ranges[2].item(), int(ranges[3])
            )
            tensors[name + ".weight"] = packed.int_repr().numpy()
            tensors[name + ".scales"] = stored.astype(np.float64)
            tensors[name + ".bias"] = bias.numpy()
            tensors[name + ".ranges"] = ranges
            tensors[name + ".x"] = x.numpy()
            tensors[name + ".y"] = torch.dequantize(y).numpy()
    pairs = [(0, 0), (0, 1), (-1, 0), (-1e-3, 1e-3), (-1e-9, 2e-9), (0, 1e-6), (-1e-6, 0), (-3e38, 3e38), (-1e-44, 1e-44), (5, 9), (-9, -5), (-0.17, 12.5), (-1e-3, 7e-3)]
    pairs += [tuple(sorted(random.normal(0, 10.0**p, 2))) for p in range(-9, 8) for _ in range(12)]
    for reduced in (False, True):
        rows = []
        for low, high in np.array(pairs, dtype=np.float32):
            scale, zero = torch._choose_qparams_per_tensor(torch.tensor([low, high]), reduced)
            rows.append((low, high, np.float32(scale), zero))
        tensors[f"ranges.{int(reduced)}"] = np.array(rows, dtype=np.float32)
    save_file(tensors, GOLDEN / "torch_linears.safetensors")


# --- Q8BERT ----------------------------------------------------------------------------------

F = np.float32
MOST = F(127)
EMA = dict(mode="ema", start_step=0, requantize_output=False)
Q8BERT_EMA = {
    "word_embeddings": dict(mode="ema", start_step=0),
    "position_embeddings": dict(mode="ema", start_step=0),
    "token_type_embeddings": dict(mode="none"),
    "attention_query": dict(EMA, requantize_output=True),
    "attention_key": dict(EMA, requantize_output=True),
    "attention_value": EMA,
    "attention_output": EMA,
    "ffn_intermediate": dict(EMA, requantize_output=True),
    "ffn_output": dict(EMA, activation_bits=8, weight_bits=8, ema_decay=0.9999),
    "pooler": EMA,
    "head": dict(EMA, start_step=200),
}
Q8BERT_DYNAMIC = {
    **{key: dict(value, mode="dynamic") for key, value in Q8BERT_EMA.items()},
    "ffn_output": dict(mode="none"),
    "pooler": EMA,
}
Q8BERT_KEYS = {
    "embeddings.word_embeddings": "word_embeddings",
    "embeddings.position_embeddings": "position_embeddings",
    "embeddings.token_type_embeddings": "token_type_embeddings",
    "self.query": "attention_query",
    "self.key": "attention_key",
    "self.value": "attention_value",
    "attention.output.dense": "attention_output",
    "intermediate.dense": "ffn_intermediate",
    "output.dense": "ffn_output",
    "pooler.dense": "pooler",
    "classifier": "head",
}


def q8bert_key(module):
    return next(key for end, key in Q8BERT_KEYS.items() if module.endswith(end))


def rounded(x, scale, most=127):
    return np.clip(np.rint(F(x) * F(scale)), -most, most).astype(np.int64)


class Q8Bert:
    """The inference of the paper. Sums in int64, all else in float32, one sequence at a time."""

    def __init__(self, settings, thresholds=None):
        self.state, self.settings = tiny_bert.state_dict(), settings
        self.thresholds, self.seen = thresholds, {}

    def choice(self, module):
        choice = self.settings[q8bert_key(module)]
        return choice["mode"], choice.get("requantize_output", True)

    def table(self, module):
        weight = self.state[module + ".weight"]
        if self.thresholds is None or self.choice(module)[0] == "none":
            return weight
        scale = MOST / np.abs(weight).max()
        return rounded(weight, scale).astype(F) / scale

    def linear(self, module, x):
        weight, bias = self.state[module + ".weight"], self.state[module + ".bias"]
        mode, requantize = self.choice(module)
        if self.thresholds is None or mode == "none":
            y = (x.astype(np.float64) @ weight.T.astype(np.float64) + bias).astype(F)
            for name, value in ((".input_thresh", x), (".output_thresh", y)):
                self.seen[module + name] = max(self.seen.get(module + name, F(0)), np.abs(value).max())
            return y
        weight_scale = MOST / np.abs(weight).max()
        dynamic = mode == "dynamic"
        scale = MOST / (np.abs(x).max() if dynamic else self.thresholds[module + ".input_thresh"])
        bias_scale = F(weight_scale * scale)
        sums = rounded(x, scale) @ rounded(weight, weight_scale).T
        sums += rounded(bias, bias_scale, 2**31 - 1)
        y = sums.astype(F) / bias_scale
        if requantize:
            out = MOST / (np.abs(y).max() if dynamic else self.thresholds[module + ".output_thresh"])
            y = rounded(y, out).astype(F) / out
        return y

    def layer_norm(self, module, x):
        x = x.astype(np.float64)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return (x * self.state[module + ".weight"] + self.state[module + ".bias"]).astype(F)

    def logits(self, ids, segments):
        from math import erf

        embeddings = "bert.embeddings."
        x = self.table(embeddings + "word_embeddings")[ids]
        x = x + self.table(embeddings + "position_embeddings")[: len(ids)]
        x = self.layer_norm(embeddings + "LayerNorm", x + self.table(embeddings + "token_type_embeddings")[segments])
        heads, size = tiny_bert.HEADS, tiny_bert.HIDDEN // tiny_bert.HEADS
        for number in range(tiny_bert.LAYERS):
            layer = f"bert.encoder.layer.{number}."
            query, key, value = (
                self.linear(layer + "attention.self." + part, x).astype(np.float64).reshape(-1, heads, size).transpose(1, 0, 2)
                for part in ("query", "key", "value")
            )
            scores = query @ key.transpose(0, 2, 1) / size**0.5
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            context = (scores / scores.sum(-1, keepdims=True)) @ value
            context = context.transpose(1, 0, 2).reshape(x.shape).astype(F)
            x = self.layer_norm(layer + "attention.output.LayerNorm", self.linear(layer + "attention.output.dense", context) + x)
            wide = self.linear(layer + "intermediate.dense", x).astype(np.float64)
            wide = (wide * 0.5 * (1 + np.vectorize(erf)(wide / 2**0.5))).astype(F)
            x = self.layer_norm(layer + "output.LayerNorm", self.linear(layer + "output.dense", wide) + x)
        pooled = np.tanh(self.linear("bert.pooler.dense", x[:1]).astype(np.float64)).astype(F)
        return self.linear("classifier", pooled)[0]


def q8bert_thresholds(settings):
    """What a moving average of the largest magnitudes comes to: a bit below the largest seen."""
    model = Q8Bert(settings)
    for ids, segments in texts():
        model.logits(ids, segments)
    return {name: F(value * F(0.93)) for name, value in model.seen.items()}


def q8bert_state(settings, thresholds, training):
    state = OrderedDict()
    for name, value in tiny_bert.state_dict().items():
        module, _, leaf = name.rpartition(".")
        table = module.endswith("_embeddings")
        if "LayerNorm" in name:
            state[name] = torch.from_numpy(value)
            continue
        choice = settings[q8bert_key(module)]
        mode, requantize = choice["mode"], choice.get("requantize_output", True)
        if training or mode == "none":
            state[name] = torch.from_numpy(value)
        elif leaf == "weight":
            scale = MOST / np.abs(value).max()
            state[module + ".quantized_weight"] = torch.from_numpy(rounded(value, scale).astype(np.int8))
            state[module + "._weight_scale"] = torch.tensor(scale)
        elif mode == "dynamic":
            state[name] = torch.from_numpy(value)
        else:
            weight = tiny_bert.state_dict()[module + ".weight"]
            scale = F(MOST / np.abs(weight).max() * (MOST / thresholds[module + ".input_thresh"]))
            state[module + "._quantized_bias"] = torch.from_numpy(rounded(value, scale, 2**31 - 1).astype(np.int32))
            state[module + ".bias_scale"] = torch.tensor([scale])
        if leaf == "bias" or table:
            if training or mode == "none":
                state[module + "._step"] = torch.tensor([300.0])
            if not table and mode != "none" or not table and training:
                ema = mode == "ema"
                state[module + ".input_thresh"] = torch.tensor([thresholds[module + ".input_thresh"] if ema else F(0)])
                if requantize:
                    state[module + ".output_thresh"] = torch.tensor([thresholds[module + ".output_thresh"] if ema else F(0)])
    return state


def write_q8bert():
    tensors = text_tensors()
    forms = [
        ("q8bert_ema", Q8BERT_EMA, "quant_pytorch_model.bin"),
        ("q8bert_training", Q8BERT_EMA, "pytorch_model.bin"),
        ("q8bert_dynamic", Q8BERT_DYNAMIC, "quant_pytorch_model.bin"),
        ("q8bert_dynamic_training", Q8BERT_DYNAMIC, "pytorch_model.bin"),
    ]
    for form, settings, file in forms:
        thresholds = q8bert_thresholds(settings)
        folder = tiny_bert.write_folder(form, tiny_bert.config(**settings))
        torch.save(q8bert_state(settings, thresholds, file == "pytorch_model.bin"), folder / file)
        model = Q8Bert(settings, thresholds)
        tensors[form + ".logits"] = np.array([model.logits(*text) for text in texts()], dtype=F)
        print(form, tensors[form + ".logits"][:2].tolist())
    save_file(tensors, GOLDEN / "q8bert.safetensors")


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for write in (write_dynamic, write_linears, write_q8bert):
        write()


if __name__ == "__main__":
    sys.exit(main())
