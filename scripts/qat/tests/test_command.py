"""train_q8bert.py on a tiny model, from its flags to its files and exit codes."""

import contextlib
import io
import json
import pathlib
import random
import tempfile
import unittest
from argparse import Namespace
from unittest import mock

import torch
from safetensors.torch import save_file

import tiny_bert
import tiny_torch
import train_q8bert
from qat import checkpoint, training


class Batches(unittest.TestCase):
    features = [{"input_ids": [1] * length} for length in random.Random(1).choices(range(3, 60), k=333)]

    def test_each_feature_once_with_its_like(self):
        batches = training.batches_by_length(self.features, 8, random.Random(2))
        self.assertEqual(sorted(id(f) for batch in batches for f in batch), sorted(map(id, self.features)))
        self.assertEqual(len(batches), 42)
        padded = sum(len(batch) * max(len(f["input_ids"]) for f in batch) for batch in batches)
        self.assertLess(padded, 1.1 * sum(len(f["input_ids"]) for f in self.features))
        lengths = [max(len(f["input_ids"]) for f in batch) for batch in batches]
        self.assertNotEqual(lengths, sorted(lengths))

    def test_padding_is_masked(self):
        batch = training.collate([{"input_ids": [5, 6, 7], "labels": 1}, {"input_ids": [8], "labels": 0}], pad=9)
        self.assertEqual(batch["input_ids"].tolist(), [[5, 6, 7], [8, 9, 9]])
        self.assertEqual(batch["attention_mask"].tolist(), [[1, 1, 1], [1, 0, 0]])
        self.assertEqual(batch["labels"].tolist(), [1, 0])

    def test_passes_are_counted_before_they_are_made(self):
        settings = dict(per_gpu_train_batch_size=8, num_train_epochs=3, max_steps=-1, gradient_accumulation_steps=2)
        self.assertEqual(training.passes_of(self.features, Namespace(**settings)), 126)
        self.assertEqual(training.passes_of(self.features, Namespace(**settings | {"max_steps": 10})), 20)

    def test_the_rate_rises_and_falls(self):
        factor = training.warm_up_and_decay(4, 12)
        self.assertEqual([factor(step) for step in (0, 2, 4, 8, 12)], [0, 0.5, 1, 0.5, 0])


class Command(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.model, self.data, self.out = (self.folder / name for name in ("model", "data", "out"))
        self.data.mkdir(), self.model.mkdir()
        (self.model / "vocab.txt").write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
        self.write_model("classifier", tiny_bert.config(id2label={"0": "not_entailment", "1": "entailment"}, label2id={"not_entailment": 0, "entailment": 1}))
        rows = [("a dog sat.", "it sat", "entailment"), ("the red dog", "a cat", "not_entailment"), ("it", "it", "entailment")] * 4
        header = "index\tsentence1\tsentence2\tlabel\n"
        for file in ("train.tsv", "dev.tsv"):
            (self.data / file).write_text(header + "".join(f"{i}\t" + "\t".join(row) + "\n" for i, row in enumerate(rows)))

    def write_model(self, head, settings):
        (self.model / "config.json").write_text(json.dumps(settings))
        save_file(tiny_torch.tensors((head,)), self.model / "model.safetensors")

    def command(self, *flags, task="rte"):
        argv = ["train_q8bert.py", "--task_name", task, "--model_name_or_path", str(self.model), "--data_dir", str(self.data),
                "--output_dir", str(self.out), "--max_steps", "3", "--max_seq_length", "32", "--per_gpu_train_batch_size", "4", "--threads", "1", *flags]  # fmt: skip
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = train_q8bert.main()
        return status, out.getvalue(), err.getvalue()

    def configured(self, **layers):
        path = self.folder / "q.json"
        path.write_text(json.dumps(layers))
        return "--quantization_config", str(path)

    def test_writes_what_q8bert_writes(self):
        status, out, err = self.command("--evaluate_during_training", "--logging_steps", "2")
        self.assertEqual(status, 0, err)
        wanted = {"pytorch_model.bin", "quant_pytorch_model.bin", "config.json", "vocab.txt", "tokenizer.json",
                  "tokenizer_config.json", "labels.txt", "training_args.bin", "eval_results.txt"}  # fmt: skip
        self.assertEqual({path.name for path in self.out.iterdir()}, wanted)
        self.assertEqual((self.out / "labels.txt").read_text(), "entailment\nnot_entailment\n")
        self.assertEqual((self.out / "vocab.txt").read_text(), (self.model / "vocab.txt").read_text())
        results = (self.out / "eval_results.txt").read_text().splitlines()
        self.assertEqual([line.split(" = ")[0] for line in results], ["acc", "eval_loss"])
        self.assertEqual(torch.load(self.out / "training_args.bin", weights_only=True)["task_name"], "rte")
        self.assertEqual(json.loads((self.out / "tokenizer.json").read_text())["truncation"], None)
        self.assertIn("step 2: dev", err)
        checkpoint.load_integers(self.out)

    def test_the_heads_rows_go_with_their_labels(self):
        task = train_q8bert.glue.TASKS["rte"]
        settings = train_q8bert.load_settings(Namespace(max_seq_length=32), str(self.model))
        model, new = train_q8bert.load_model(str(self.model), settings, task)
        self.assertEqual(new, [])
        weight = tiny_torch.tensors()["classifier.weight"]
        self.assertTrue(torch.equal(model.classifier.weight, weight[[1, 0]]))

    def test_the_same_seed_gives_the_same_file_and_runs_have_a_spread(self):
        self.assertEqual(self.command()[0], 0)
        first = torch.load(self.out / "quant_pytorch_model.bin", weights_only=True)
        status, out, err = self.command("--runs", "2", "--overwrite_output_dir")
        self.assertEqual(status, 0, err)
        again, other = (torch.load(self.out / run / "quant_pytorch_model.bin", weights_only=True) for run in ("run-1", "run-2"))
        self.assertTrue(all(torch.equal(first[name], again[name]) for name in first))
        self.assertFalse(all(torch.equal(first[name], other[name]) for name in first))
        results = dict(line.split(" = ") for line in (self.out / "eval_results.txt").read_text().splitlines())
        self.assertEqual(set(results), {"acc", "acc_stdev", "eval_loss", "eval_loss_stdev", "runs"})

    def test_goes_on_from_its_own_output_with_its_keys(self):
        self.assertEqual(self.command(*self.configured(pooler={"mode": "dynamic"}))[0], 0)
        self.model, self.out = self.out, self.folder / "next"
        status, _, err = self.command("--do_lower_case")
        self.assertEqual(status, 0, err)
        state = torch.load(self.out / "quant_pytorch_model.bin", weights_only=True)
        self.assertEqual([name for name in state if name.endswith("quantized_weight")], ["bert.pooler.dense.quantized_weight"])

    def test_a_teacher(self):
        status, _, err = self.command("--teacher_model_path", str(self.model), "--clip_weights", "1.5")
        self.assertEqual(status, 0, err)
        flags = torch.load(self.out / "training_args.bin", weights_only=True)
        self.assertEqual((flags["learning_rate"], flags["warmup_steps"], flags["calibration_batches"]), (1e-5, 10, 5))
        layer = checkpoint.load_integers(self.out).bert.pooler.dense
        self.assertEqual(layer.choice.ema_decay, 0.9999)
        weight = tiny_torch.tensors()["bert.pooler.dense.weight"]
        self.assertLess(127 / layer._weight_scale.item(), 1.6 * weight.std().item())  # it was clipped, and has hardly moved
        self.assertGreater(weight.abs().max().item(), 1.7 * weight.std().item())

    def test_defaults_with_a_teacher_and_without(self):
        for flags, steps, epochs, rate, batch in [
            ((), -1, 3, 2e-5, 8),
            (("--teacher_model_path", "m"), 60, 3, 1e-5, 32),
            (("--teacher_model_path", "m", "--num_train_epochs", "2", "--learning_rate", "3e-5"), -1, 2, 3e-5, 32),
            (("--teacher_model_path", "m", "--num_train_epochs", "2", "--max_steps", "7"), 7, 2, 1e-5, 32),
        ]:
            needed = ("--task_name", "rte", "--model_name_or_path", "m", "--data_dir", "d", "--output_dir", "o")
            with mock.patch("sys.argv", ["train_q8bert.py", *needed, *flags]):
                got = train_q8bert.parsed_arguments()
            self.assertEqual((got.max_steps, got.num_train_epochs, got.learning_rate, got.per_gpu_train_batch_size), (steps, epochs, rate, batch))

    def test_a_teacher_that_is_none_is_refused_by_name(self):
        other = self.folder / "other"
        other.mkdir()
        for settings, head, words in [
            (tiny_bert.config(hidden_size=8), "classifier", "config.json: hidden_size: expected the model's 16, got 8"),
            (tiny_bert.config(), "qa_outputs", "expected a model fine-tuned for rte, it lacks classifier.bias"),
        ]:
            (other / "config.json").write_text(json.dumps(settings))
            save_file(tiny_torch.tensors((head,)), other / "model.safetensors")
            status, _, err = self.command("--overwrite_output_dir", "--teacher_model_path", str(other))
            self.assertEqual(status, 3, err)
            self.assertIn(f"--teacher_model_path {other}: {words}", err.splitlines()[-1])

    def test_regression_and_fp32(self):
        header = "index\tsentence1\tsentence2\tscore\n"
        for file in ("train.tsv", "dev.tsv"):
            (self.data / file).write_text(header + "".join(f"{i}\ta dog {i}\tthe dog\t{i % 5}.5\n" for i in range(12)))
        status, out, err = self.command("--model_type", "bert", task="sts-b")
        self.assertEqual(status, 0, err)
        self.assertFalse((self.out / "quant_pytorch_model.bin").exists())
        self.assertEqual(self.command("--overwrite_output_dir", task="sts-b")[0], 0)
        self.assertIn("pearson", (self.out / "eval_results.txt").read_text())
        self.assertEqual(checkpoint.load_integers(self.out).classifier.quantized_weight.shape, (1, 16))

    def test_questions(self):
        self.write_model("qa_outputs", tiny_bert.config(architectures=["BertForQuestionAnswering"]))
        context = "the red dog sat on it. a dog sat."
        items = [{"id": str(i), "question": "it", "answers": [{"text": "dog", "answer_start": context.index("dog")}]} for i in range(4)]
        text = json.dumps({"data": [{"paragraphs": [{"context": context, "qas": items}]}]})
        for file in ("train-v1.1.json", "dev-v1.1.json"):
            (self.data / file).write_text(text)
        status, out, err = self.command("--max_seq_length", "16", "--doc_stride", "4", "--teacher_model_path", str(self.model), task="squad")
        self.assertEqual(status, 0, err)
        self.assertIn("exact_match", (self.out / "eval_results.txt").read_text())
        self.assertIn("qa_outputs.quantized_weight", torch.load(self.out / "quant_pytorch_model.bin", weights_only=True))
        self.assertFalse((self.out / "labels.txt").exists())

    def test_what_cannot_be_done_is_refused_in_one_line(self):
        self.out.mkdir()
        (self.out / "kept").write_text("")
        for status, flags, words in [
            (3, (), ("out", "empty folder", "--overwrite_output_dir")),
            (3, ("--overwrite_output_dir", "--output_dir", str(self.model)), ("another folder than the model's",)),
            (3, ("--overwrite_output_dir", "--max_seq_length", "33"), ("--max_seq_length", "32 positions", "got 33")),
            (2, ("--overwrite_output_dir", *self.configured(head={"mode": "ema", "start_step": 3})), ("head: start_step", "3 forward passes")),
        ]:
            got, _, err = self.command(*flags)
            self.assertEqual(got, status, err)
            for word in words:
                self.assertIn(word, err.splitlines()[-1])
        self.assertEqual([path.name for path in self.out.iterdir()], ["kept"])
        (self.out / "model.safetensors").write_text("")
        got, _, err = self.command("--overwrite_output_dir")
        self.assertEqual(got, 3)
        self.assertIn("model.safetensors: expected no weights but Q8BERT's", err)
        (self.out / "model.safetensors").unlink()
        (self.data / "dev.tsv").write_text((self.data / "dev.tsv").read_text().replace("not_", "un_"))
        got, _, err = self.command("--overwrite_output_dir")
        self.assertEqual(got, 3)
        self.assertIn("dev.tsv: line 3: expected a label of entailment, not_entailment, got 'un_entailment'", err)

    def test_a_model_that_is_none_is_refused_by_name(self):
        for change, words in [
            (lambda: (self.model / "model.safetensors").write_bytes(b"x" * 99), ("model: expected a checkpoint of BERT",)),
            (lambda: (self.model / "config.json").write_text('{"model_type": "roberta"}'), ("model_type: expected bert, got roberta",)),
            (lambda: (self.model / "config.json").unlink(), ("model: expected BERT's config.json",)),
        ]:
            change()
            status, _, err = self.command("--overwrite_output_dir")
            self.assertEqual(status, 3, err)
            self.assertIn(words[0], err.splitlines()[-1])

    def test_other_widths_are_trained_scored_and_kept_but_not_exported(self):
        self.assertEqual(self.command()[0], 0)
        status, _, err = self.command("--overwrite_output_dir", *self.configured(pooler={"mode": "ema", "weight_bits": 4, "requantize_output": False}))
        self.assertEqual(status, 1)
        self.assertIn("quant_pytorch_model.bin: bert.pooler.dense: weight_bits: expected 8, got 4", err)
        self.assertFalse((self.out / "quant_pytorch_model.bin").exists())  # of the first training
        self.assertTrue((self.out / "pytorch_model.bin").exists() and (self.out / "eval_results.txt").exists())
