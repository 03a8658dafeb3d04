"""A tiny model, trained, exported, loaded again; and what is not exported."""

import pathlib
import tempfile
import unittest

import torch
import transformers

import make_trained_q8bert as tiny
import tiny_torch
from qat import checkpoint, configuration, training
from qat.configuration import LayerChoice


def trained(**changes):
    """The tiny BERT after 20 forward passes, which learn its ranges; its weights stay."""
    model = checkpoint.quantize_model(tiny_torch.model().train(), tiny.chosen_configuration() | changes)
    for feature in tiny.features() * 2:
        model(**{name: torch.tensor([value]) for name, value in feature.items()})
    return model.eval()


def answers(model):
    return torch.tensor(training.outputs_of(model, tiny.features(), 1))


class Swapping(unittest.TestCase):
    def test_keeps_names_and_values(self):
        model, plain = trained(), tiny_torch.model().state_dict()
        state = model.state_dict()
        self.assertEqual([name for name in plain if not torch.equal(plain[name], state[name])], [])
        extra = {name.rpartition(".")[2] for name in state if name not in plain}
        self.assertEqual(extra, {"_step", "input_thresh", "output_thresh"})
        self.assertEqual(model.config.attention_query["requantize_output"], True)

    def test_a_key_that_is_absent_leaves_ordinary_layers(self):
        model = checkpoint.quantize_model(tiny_torch.model(), {"pooler": LayerChoice(mode="ema")})
        quantized = [name for name in model.state_dict() if name.endswith("_step")]
        self.assertEqual(quantized, ["bert.pooler.dense._step"])

    def test_questions_have_their_own_head(self):
        model = transformers.BertForQuestionAnswering(transformers.BertConfig(**tiny.tiny_bert.config()))
        checkpoint.quantize_model(model, {"head": LayerChoice(mode="ema")})
        self.assertIn("qa_outputs.input_thresh", model.state_dict())


class Export(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def saved(self, model):
        checkpoint.write_text(self.folder / "config.json", model.config.to_json_string())
        checkpoint.save_weights(self.folder, model)
        checkpoint.save_integers(self.folder, model)
        return torch.load(self.folder / "quant_pytorch_model.bin", weights_only=True)

    def test_both_forms_have_q8berts_names_and_types(self):
        state = self.saved(trained(attention_key=LayerChoice(mode="dynamic"), pooler=LayerChoice()))
        of = lambda module: {name[len(module) + 1 :]: (str(value.dtype)[6:], value.dim()) for name, value in state.items() if name.startswith(module + ".")}  # noqa: E731
        whole = {"quantized_weight": ("int8", 2), "_weight_scale": ("float32", 0), "input_thresh": ("float32", 1)}
        ema = whole | {"_quantized_bias": ("int32", 1), "bias_scale": ("float32", 1)}
        out, layer = {"output_thresh": ("float32", 1)}, "bert.encoder.layer.1."
        self.assertEqual(of("classifier"), ema)
        self.assertEqual(of(layer + "attention.self.query"), ema | out)
        self.assertEqual(of(layer + "attention.self.key"), whole | out | {"bias": ("float32", 1)})
        self.assertEqual(of("bert.pooler.dense"), {"weight": ("float32", 2), "bias": ("float32", 1), "_step": ("float32", 1), "input_thresh": ("float32", 1)} | out)
        self.assertEqual(of("bert.embeddings.word_embeddings"), {"quantized_weight": ("int8", 2), "_weight_scale": ("float32", 0)})
        self.assertEqual(of("bert.embeddings.LayerNorm"), {"weight": ("float32", 1), "bias": ("float32", 1)})
        weights = torch.load(self.folder / "pytorch_model.bin", weights_only=True)
        self.assertEqual({name for name in weights if name.startswith("classifier.")}, {"classifier." + leaf for leaf in ("weight", "bias", "_step", "input_thresh")})

    def test_what_is_loaded_answers_the_same_bits(self):
        for changes in ({}, {"attention_key": LayerChoice(mode="dynamic"), "pooler": LayerChoice(mode="none")}):
            model = trained(**changes)
            self.saved(model)
            want = answers(checkpoint.integer_model(model))
            self.assertTrue(torch.equal(answers(checkpoint.load_integers(self.folder)), want))
            self.assertLess((answers(model) - want).abs().max().item(), 0.1)  # fake quantisation foresees it
            self.assertGreater((answers(tiny_torch.model()) - want).abs().max().item(), 1e-4)

    def test_a_range_that_never_stepped_is_refused_by_name(self):
        late = {"head": LayerChoice(mode="ema", start_step=200)}
        with self.assertRaisesRegex(checkpoint.ExportError, r"classifier\.input_thresh: .* above 0, .* got 0\.0 \(after 20 steps; .* step 200"):
            self.saved(trained(**late))
        self.assertFalse((self.folder / "quant_pytorch_model.bin").exists())
        self.assertTrue((self.folder / "pytorch_model.bin").exists())
        model = trained()
        model.get_submodule("bert.encoder.layer.0.attention.self.query").output_thresh.fill_(float("inf"))
        with self.assertRaisesRegex(checkpoint.ExportError, r"layer\.0\.attention\.self\.query\.output_thresh"):
            self.saved(model)

    def test_other_widths_are_refused_by_name(self):
        for field in ("activation_bits", "weight_bits"):
            model = trained(ffn_output=LayerChoice(mode="ema", **{field: 4}))
            self.assertTrue(answers(checkpoint.integer_model(model)).isfinite().all())
            with self.assertRaisesRegex(checkpoint.ExportError, rf"output\.dense: {field}: expected 8, got 4"):
                self.saved(model)
        self.saved(trained(ffn_output=LayerChoice(mode="none", weight_bits=4)))

    def test_weights_that_are_no_numbers_are_refused(self):
        model = trained()
        model.bert.pooler.dense.weight.data[0, 0] = float("nan")
        with self.assertRaisesRegex(checkpoint.ExportError, r"bert\.pooler\.dense\.weight: expected finite"):
            self.saved(model)

    def test_the_committed_fixture_is_read(self):
        fixture = tiny.tiny_bert.FIXTURES / tiny.FORM
        model = checkpoint.load_integers(fixture)
        self.assertEqual(configuration.read(fixture / "config.json"), tiny.chosen_configuration())
        self.assertEqual(answers(model).argmax(1).tolist(), [feature["labels"] for feature in tiny.features()])
