"""Writes the fixtures that LPOT and Neural Compressor themselves save, and what they answer.

    python3.7  scripts/make_lpot_checkpoints.py lpot
    python3.11 scripts/make_lpot_checkpoints.py neural_compressor

tests/data/checkpoints/lpot_*   the tiny BERT with LPOT's stubs (lpot_bert.py) through lpot 1.4:
    lpot_static                 all INT8; LPOT's weights always have a scale for each channel
    lpot_fallback               three layers in FP32 by op_wise settings, the classifier of them
                                between two roundings
    lpot_tuned                  as LPOT's own tuning leaves it: nearly all layers are back in FP32
    lpot_dynamic                post_training_dynamic_quant
tests/data/checkpoints/nc_*     Hugging Face's tiny BERT through neural_compressor 2.6, torch.fx:
    nc_static                   embeddings in 8 bits, too
    nc_per_tensor               one scale for each weight matrix, symmetric activations
    nc_fallback                 two layers in FP32
    nc_dynamic                  dynamic, embeddings in 8 bits
    nc_traced                   of traceable_bert.py, its products of attention and LayerNorms in INT8
                                too: to be refused, so it has no logits
tests/data/golden/quantized/{lpot,neural_compressor}.safetensors
                                logits of the model as the tool's own `load` brings it back

Each tool wants a virtual environment of its own. LPOT's example asks for a PyTorch of early 2020,
since later ones quantise its LayerNorm, which its stubs do not allow for:

    lpot               Python 3.7, torch 1.5.0, lpot 1.4, numpy 1.21, safetensors 0.4.1
    neural_compressor  Python 3.11, torch 2.13.0, neural-compressor 2.6, transformers 5.23.0, numpy 2.4,
                       safetensors

lpot and neural-compressor are installed with --no-deps, since they also ask for web servers; what
their imports need beside the above: pyyaml, schema, scikit-learn, py-cpuinfo, hyperopt, pandas,
requests, ruamel.yaml, psutil, opencv-python-headless, pycocotools, prettytable, deprecated, pillow, six.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

import tiny_bert
import traceable_bert
from quantized_texts import logits_of, padded, text_tensors, texts

GOLDEN = tiny_bert.FIXTURES.parent / "golden" / "quantized"
warnings.simplefilter("ignore")


class Calibration:
    """All texts in two padded batches, as both tools' dataloaders give them."""

    batch_size = 5

    def __iter__(self):
        for first in range(0, len(texts()), self.batch_size):
            ids, segments, mask = padded(texts()[first : first + self.batch_size], 16)
            yield dict(input_ids=ids, token_type_ids=segments, attention_mask=mask), 0


# --- LPOT ------------------------------------------------------------------------------------

SETTINGS = """
model: {{name: bert, framework: pytorch}}
device: cpu
quantization:
  approach: {approach}
  calibration: {{sampling_size: 10}}
  {op_wise}
tuning:
  accuracy_criterion: {{relative: {tolerance}}}
  exit_policy: {{timeout: 0, max_trials: 100}}
  random_seed: 9527
  workspace: {{path: {workspace}}}
"""
IN_FP32 = "{activation: {dtype: [fp32]}, weight: {dtype: [fp32]}}"
FALLBACK = ("classifier", "bert.encoder.layer.0.attention.self.mixed", "bert.encoder.layer.1.output.dense")
STATIC = dict(approach="post_training_static_quant", tolerance=0.9, op_wise="")
LPOT_CASES = {
    "lpot_static": STATIC,
    "lpot_fallback": dict(STATIC, op_wise="op_wise: {%s}" % ", ".join("%s: %s" % (name, IN_FP32) for name in FALLBACK)),
    "lpot_tuned": dict(STATIC, tolerance=0.01),
    "lpot_dynamic": dict(STATIC, approach="post_training_dynamic_quant"),
}


def lpot_model():
    import lpot_bert

    state = {name: torch.from_numpy(value) for name, value in tiny_bert.state_dict().items()}
    return lpot_bert.LpotBert(tiny_bert.config(), state)


def tuned_by_lpot(model, settings):
    from lpot.experimental import Quantization, common

    wanted = logits_of(model, 1)
    quantizer = Quantization(settings)
    quantizer.model = common.Model(model)
    quantizer.calib_dataloader = Calibration()
    quantizer.eval_func = lambda trial: 1 - float(np.abs(logits_of(trial, 1) - wanted).mean())
    return quantizer()


def write_lpot():
    from lpot.utils.pytorch import load

    for form, how in LPOT_CASES.items():
        model = lpot_model()
        with tempfile.TemporaryDirectory() as workspace:
            settings = Path(workspace) / "conf.yaml"
            settings.write_text(SETTINGS.format(workspace=workspace, **how))
            tuned = tuned_by_lpot(model, str(settings))
        folder = tiny_bert.write_folder(form)
        tuned.save(str(folder))
        yield form, load(str(folder), model)


# --- Neural Compressor -----------------------------------------------------------------------

FP32 = {"activation": {"dtype": ["fp32"]}, "weight": {"dtype": ["fp32"]}}
NC_CASES = {
    "nc_static": dict(approach="static"),
    "nc_per_tensor": dict(
        approach="static",
        op_type_dict={
            "Linear": {"weight": {"granularity": ["per_tensor"]}, "activation": {"scheme": ["sym"]}},
            "Embedding": FP32,
        },
    ),
    # The names are those of wrapped modules, where Neural Compressor wraps them.
    "nc_fallback": dict(
        approach="static",
        op_name_dict={"classifier.module": FP32, "bert.encoder.layer.0.intermediate.dense": FP32},
    ),
    "nc_dynamic": dict(approach="dynamic"),
}


def write_neural_compressor():
    import tiny_torch
    from neural_compressor import PostTrainingQuantConfig, quantization, set_workspace
    from neural_compressor.utils.pytorch import load

    set_workspace(tempfile.mkdtemp())
    for form, how in NC_CASES.items():
        model = tiny_torch.model()
        settings = PostTrainingQuantConfig(calibration_sampling_size=[10], excluded_precisions=["bf16"], **how)
        loader = Calibration() if how["approach"] == "static" else None
        quantized = quantization.fit(model, settings, calib_dataloader=loader)
        folder = tiny_bert.write_folder(form)
        quantized.save(str(folder))
        yield form, load(str(folder), model)


class Ids:
    """Random texts for traceable_bert.py."""

    batch_size = 2

    def __iter__(self):
        random = np.random.default_rng(5)
        for _ in range(5):
            ids = random.integers(5, len(tiny_bert.VOCABULARY), size=(2, traceable_bert.LENGTH))
            yield torch.from_numpy(ids), 0


def write_traced():
    import tiny_torch
    from neural_compressor import PostTrainingQuantConfig, quantization

    model = traceable_bert.TraceableBert(tiny_bert.config()).eval()
    model.load_state_dict(tiny_torch.tensors(), strict=False)
    settings = PostTrainingQuantConfig(calibration_sampling_size=[10], excluded_precisions=["bf16"])
    quantized = quantization.fit(model, settings, calib_dataloader=Ids())
    quantized.save(str(tiny_bert.write_folder("nc_traced")))


def main(tool):
    torch.set_num_threads(1)
    tensors = text_tensors()
    ways = {"lpot": write_lpot, "neural_compressor": write_neural_compressor}
    for form, model in ways[tool]():
        tensors[form + ".logits"] = logits_of(model, 1)
        tensors[form + ".batch8"] = logits_of(model, 8)
        print(form, tensors[form + ".logits"][:2].tolist())
    save_file(tensors, str(GOLDEN / (tool + ".safetensors")))
    if tool == "neural_compressor":
        write_traced()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("lpot", "neural_compressor"):
        sys.exit(__doc__)
    main(sys.argv[1])
