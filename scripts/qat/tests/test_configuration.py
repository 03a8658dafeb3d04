"""Q8BERT's dictionaries: which layer they mean, what is refused, the default."""

import json
import pathlib
import tempfile
import unittest

from qat import configuration
from qat.configuration import ConfigurationError, LayerChoice


class Keys(unittest.TestCase):
    def test_each_module_has_one(self):
        layer = "bert.encoder.layer.11."
        for module, key in [
            ("bert.embeddings.word_embeddings", "word_embeddings"), ("bert.embeddings.position_embeddings", "position_embeddings"),
            ("bert.embeddings.token_type_embeddings", "token_type_embeddings"), (layer + "attention.self.query", "attention_query"),
            (layer + "attention.self.key", "attention_key"), (layer + "attention.self.value", "attention_value"),
            (layer + "attention.output.dense", "attention_output"), (layer + "intermediate.dense", "ffn_intermediate"),
            (layer + "output.dense", "ffn_output"), ("bert.pooler.dense", "pooler"), ("classifier", "head"), ("qa_outputs", "head"),
            ("bert.embeddings.LayerNorm", None), ("my_classifier", None), (layer + "output", None),
        ]:  # fmt: skip
            self.assertEqual(configuration.key_of(module), key, module)


class Reading(unittest.TestCase):
    def test_defaults_are_q8berts(self):
        self.assertEqual(configuration.from_dict({"head": {}}, "f")["head"], LayerChoice(8, 8, "none", 0, 0.9999, True))

    def test_a_models_own_config_may_hold_them(self):
        document = {"hidden_size": 768, "id2label": {"0": "no"}, "head": {"mode": "ema", "start_step": 200}}
        self.assertEqual(configuration.from_dict(document, "f"), {"head": LayerChoice(mode="ema", start_step=200)})

    def test_what_cannot_be_is_refused_by_name(self):
        for document, words in [
            ({"heda": {"mode": "ema"}}, ["heda", "attention_query"]),
            ({"head": 7}, ["head", "object", "7"]),
            ({"head": {"mode": "static"}}, ["head: mode", "none, dynamic, ema", "static"]),
            ({"head": {"mode": None}}, ["head: mode", "null"]),
            ({"head": {"modes": "ema"}}, ["head", "modes"]),
            ({"pooler": {"start_step": -1}}, ["pooler: start_step", "-1"]),
            ({"pooler": {"start_step": 1.5}}, ["pooler: start_step", "1.5"]),
            ({"pooler": {"ema_decay": 1}}, ["pooler: ema_decay", "below 1"]),
            ({"pooler": {"weight_bits": 1}}, ["pooler: weight_bits", "2 to 16", "1"]),
            ({"pooler": {"activation_bits": True}}, ["pooler: activation_bits", "true"]),
            ({"pooler": {"requantize_output": "yes"}}, ["pooler: requantize_output", "true or false"]),
            ([], ["object", "list"]),
        ]:
            with self.assertRaises(ConfigurationError) as caught:
                configuration.from_dict(document, "q.json")
            for word in ["q.json", *words]:
                self.assertIn(word, str(caught.exception))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "q.json"
            for text, word in [("{", "JSON"), ('{"hidden_size": 3}', "at least one"), ("[1]", "object")]:
                path.write_text(text)
                with self.assertRaisesRegex(ConfigurationError, word):
                    configuration.read(path)
            chosen = configuration.default(1000)
            path.write_text(json.dumps(configuration.to_dict(chosen)))
            self.assertEqual(configuration.read(path), chosen)


class Default(unittest.TestCase):
    def test_of_a_long_training_is_what_nlp_architect_ships(self):
        chosen = configuration.default(1_000_000)
        self.assertEqual({choice.ema_decay for choice in chosen.values()}, {0.9999})
        self.assertEqual([key for key in chosen if chosen[key].requantize_output], ["attention_query", "attention_key"])
        self.assertEqual([key for key in chosen if chosen[key].mode == "none"], ["token_type_embeddings"])
        self.assertEqual([(key, choice.start_step) for key, choice in chosen.items() if choice.start_step], [("head", 200)])

    def test_of_a_short_one_moves_and_starts_in_time(self):
        for passes in (1, 2, 7, 100, 400):
            chosen = configuration.default(passes)
            configuration.check_start_steps(chosen, passes)
            self.assertLessEqual(chosen["pooler"].ema_decay, max(0.9, 1 - 10 / passes))

    def test_of_calibrated_ranges_stays_and_starts_at_once(self):
        chosen = configuration.default(100, calibrated=True)
        self.assertEqual({choice.ema_decay for choice in chosen.values()}, {0.9999})
        self.assertEqual({choice.start_step for choice in chosen.values()}, {0})

    def test_a_start_after_the_end_is_refused_before_the_beginning(self):
        with self.assertRaisesRegex(ConfigurationError, "head: start_step: expected less than the 200 .* got 200"):
            configuration.check_start_steps({"head": LayerChoice(mode="ema", start_step=200)}, 200)
        configuration.check_start_steps({"head": LayerChoice(mode="none", start_step=200)}, 200)
