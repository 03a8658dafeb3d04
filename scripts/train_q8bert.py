#!/usr/bin/env python3
"""Fine-tunes a BERT with Q8BERT's fake quantisation and writes a checkpoint that bertq runs in integers.

    scripts/train_q8bert.py --task_name mrpc --model_name_or_path bert-base-uncased --data_dir MRPC --output_dir mrpc-8bit
    bertq run --task mrpc -m mrpc-8bit/quant_pytorch_model.bin --data MRPC/dev.tsv

Tasks: GLUE's (cola, sst-2, mrpc, sts-b, qqp, mnli, qnli, rte, wnli), read from --data_dir as published (train.tsv, dev.tsv;
MNLI's two dev sets), and squad, squad_v2 (train-v1.1.json, dev-v1.1.json; v2.0). The flags are those of nlp-architect's
`train transformer_glue` and `train transformer_qa`.

The output folder then holds pytorch_model.bin (FP32 weights and trained ranges), quant_pytorch_model.bin (integers),
config.json with Q8BERT's keys, vocabulary and tokenizer, labels.txt, training_args.bin and eval_results.txt, the scores of the
integers on the dev set. Nothing is selected on the dev set: what is written is what the last step left.

Which layers are quantised, and how, comes from --quantization_config, a JSON file with Q8BERT's dictionaries (see
qat/configuration.py); else from the checkpoint's config.json, if it has them; else it is qat.configuration.default. With --runs
N the training is done N times, with seeds from --seed on, into run-1 ... run-N, and eval_results.txt has mean and spread.
`--model_type bert` trains without quantisation, for a baseline.

A checkpoint that knows the task already is best trained with itself as --teacher_model_path: the student's logits and layers are
drawn to the FP32 model's, without dropout and without a look at the labels. Before the first step outliers among the weights are
cut off and ranges are calibrated (--clip_weights, --calibration_batches, --calibration_percentile; qat/calibration.py says why),
and ranges then move with Q8BERT's own decay of .9999. That takes few steps, and other defaults for them: see below. Without a
teacher the labels are learned, as nlp-architect does it.

    scripts/train_q8bert.py --task_name mrpc --model_name_or_path minilm-mrpc --teacher_model_path minilm-mrpc \
        --data_dir MRPC --output_dir minilm-8bit

torch 2.13.0, transformers 5.23.0, scikit-learn and scipy (requirements.txt). Exit 2: wrong flags or configuration; 3: data or
checkpoint that cannot be used; 1: training failed, or the trained ranges cannot be exported.
"""

import argparse
import copy
import math
import os
import pathlib
import pickle
import random
import statistics
import sys

import safetensors
import torch
import transformers

from qat import calibration, checkpoint, configuration, distillation, glue, task_data, training

# Where nothing is given: nlp-architect's values; with a teacher, whose student starts where it is to end, what was found on
# training examples held out.
DEFAULTS = {
    "learning_rate": (2e-5, 1e-5),
    "max_steps": (-1, 60),
    "per_gpu_train_batch_size": (8, 32),
    "warmup_steps": (0, 10),
    "clip_weights": (math.inf, 8.0),
    "calibration_batches": (0, 5),
}


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--task_name", required=True, type=str.lower, choices=task_data.TASKS, metavar="TASK")
    add("--model_name_or_path", required=True, help="a folder, or a name on the Hugging Face hub")
    add("--data_dir", required=True, type=pathlib.Path)
    add("--output_dir", required=True, type=pathlib.Path)
    add("--overwrite_output_dir", action="store_true")
    add("--model_type", choices=("quant_bert", "bert"), default="quant_bert", help="bert: FP32 throughout")
    add("--quantization_config", type=pathlib.Path, help="JSON file with Q8BERT's dictionaries")
    add("--runs", type=positive, default=1, help="trainings, for mean and spread (1)")
    add("--seed", type=int, default=42)
    add("--teacher_model_path", help="an FP32 model of this task and shape, whose answers are learned in the place of labels")
    add("--clip_weights", type=above_zero, metavar="SIGMA",
        help="cut each matrix's weights off at so many of its standard deviations before the first step " + either("clip_weights"))
    add("--calibration_batches", type=from_zero, metavar="N",
        help="start from the ranges of N batches, not from those of the first step " + either("calibration_batches"))
    add("--calibration_percentile", type=percentile, default=90.0, metavar="P",
        help="a feed-forward layer's input range is the largest magnitude of P %% of the calibration's tokens (90)")
    add("--do_lower_case", action="store_true", help="for an uncased model whose folder does not say so")
    add("--learning_rate", type=float, help=either("learning_rate"))
    add("--num_train_epochs", type=positive, help="(3); where it is given, --max_steps has no default")
    add("--max_steps", type=int, help="instead of epochs " + either("max_steps"))
    add("--per_gpu_train_batch_size", type=positive, help=either("per_gpu_train_batch_size"))
    add("--per_gpu_eval_batch_size", type=positive, default=8)
    add("--gradient_accumulation_steps", type=positive, default=1)
    add("--warmup_steps", type=int, help=either("warmup_steps"))
    add("--weight_decay", type=float, default=0.0)
    add("--adam_epsilon", type=float, default=1e-8)
    add("--max_grad_norm", type=float, default=1.0)
    add("--max_seq_length", type=positive, help="128; 384 for squad")
    add("--evaluate_during_training", action="store_true", help="also score the dev set at each --logging_steps")
    add("--logging_steps", type=positive, default=50)
    add("--threads", type=positive, default=os.cpu_count())
    add("--no_cuda", action="store_true")
    add("--doc_stride", type=positive, default=128)
    add("--max_query_length", type=positive, default=64)
    add("--max_answer_length", type=positive, default=30)
    add("--n_best_size", type=positive, default=20)
    add("--null_score_diff_threshold", type=float, default=0.0)
    arguments = parser.parse_args()
    if arguments.teacher_model_path and arguments.model_type == "bert":
        parser.error("--teacher_model_path: expected --model_type quant_bert")
    if arguments.max_steps is None and arguments.num_train_epochs:
        arguments.max_steps = -1
    arguments.num_train_epochs = arguments.num_train_epochs or 3
    for name, values in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, values[arguments.teacher_model_path is not None])
    arguments.max_seq_length = arguments.max_seq_length or (384 if arguments.task_name in task_data.SQUAD_FILES else 128)
    return arguments


def either(name):
    """Of --help."""
    without, with_teacher = DEFAULTS[name]
    return f"({'none' if without in (-1, 0, math.inf) else without}; with a teacher {with_teacher:g})"


def from_zero(text):
    return 0 if text == "0" else positive(text)


def above_zero(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, or inf, got {text}")
    return value


def percentile(text):
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and up to 100, got {text}")
    return value


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return value


def load_settings(arguments, name):
    """The checkpoint's config.json, which has to be BERT's and long enough."""
    try:
        settings = transformers.AutoConfig.from_pretrained(name)
    except ValueError as error:
        raise glue.DataError(f"{name}: expected BERT's config.json, got: {error}") from None
    if settings.model_type != "bert":
        raise glue.DataError(f"{name}: config.json: model_type: expected bert, got {settings.model_type}")
    if arguments.max_seq_length > settings.max_position_embeddings:
        most = settings.max_position_embeddings
        raise glue.DataError(f"--max_seq_length: expected at most the {most} positions of {name}, got {arguments.max_seq_length}")
    return settings


def load_tokenizer(arguments):
    given = {"do_lower_case": True} if arguments.do_lower_case else {}
    return transformers.AutoTokenizer.from_pretrained(arguments.model_name_or_path, **given)


def load_model(name, settings, task):
    """(model, names of what is new in it), FP32. A head that the checkpoint lacks, or has for another number of labels, is new."""
    settings, kind = copy.deepcopy(settings), transformers.BertForQuestionAnswering
    own = [settings.id2label[i] for i in sorted(settings.id2label)]
    labels = own
    if task:
        kind, labels = transformers.BertForSequenceClassification, list(task.labels or ("score",))
        settings.id2label = dict(enumerate(labels))
        settings.label2id = {label: i for i, label in enumerate(labels)}
        settings.problem_type = "regression" if task.regression else "single_label_classification"
    try:
        model, report = kind.from_pretrained(
            name, config=settings, dtype=torch.float32, ignore_mismatched_sizes=True, output_loading_info=True
        )
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError, safetensors.SafetensorError) as error:
        raise glue.DataError(f"{name}: expected a checkpoint of BERT, got: {error}") from None
    if labels != own and sorted(labels) == sorted(own):  # logits in the task's order, whatever the checkpoint's is
        order = [own.index(label) for label in labels]
        for parameter in model.classifier.parameters():
            parameter.data = parameter.data[order]
    return model, sorted([*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])])


def load_teacher(arguments, settings, task):
    """One whose layers the student's can be held against, and whose answers have been learned."""
    name = arguments.teacher_model_path
    own = load_settings(arguments, name)
    for key in ("num_hidden_layers", "hidden_size", "vocab_size"):
        expected, got = getattr(settings, key), getattr(own, key)
        if got != expected:
            raise glue.DataError(f"--teacher_model_path {name}: config.json: {key}: expected the model's {expected}, got {got}")
    teacher, new = load_model(name, own, task)
    if new:
        raise glue.DataError(f"--teacher_model_path {name}: expected a model fine-tuned for {arguments.task_name}, it lacks {new[0]}")
    return teacher


def chosen_configuration(arguments, settings, passes):
    """{key: LayerChoice}; empty for --model_type bert."""
    if arguments.model_type == "bert":
        return {}
    if arguments.quantization_config:
        chosen = configuration.read(arguments.quantization_config)
    else:
        own = {key: getattr(settings, key) for key in configuration.KEYS if hasattr(settings, key)}
        chosen = configuration.from_dict(own, "config.json") or configuration.default(passes, arguments.calibration_batches > 0)
    configuration.check_start_steps(chosen, passes)
    return chosen


def evaluation_batch(arguments, chosen):
    """Ranges found while running are those of one batch: of one text, then, so that an answer does not depend on others."""
    dynamic = any(choice.mode == "dynamic" for choice in chosen.values())
    return 1 if dynamic else arguments.per_gpu_eval_batch_size


def write_results(path, results):
    """As the field's scripts do: "key = value", sorted."""
    lines = [f"{name} = {results[name]}\n" for name in sorted(results)]
    checkpoint.write_text(path, "".join(lines))
    sys.stdout.write(f"{path}\n" + "".join(lines))


def prepare_model(model, features, arguments, seed, pad):
    """What is done to weights and ranges before the first step."""
    calibration.clip_weights(model, arguments.clip_weights)
    if arguments.calibration_batches:
        batches = training.batches_by_length(features, arguments.per_gpu_train_batch_size, random.Random(seed))
        calibration.calibrate(model, batches[: arguments.calibration_batches], arguments.calibration_percentile, pad)


def train_once(arguments, settings, data, tokenizer, folder, seed):
    """Trains, writes `folder`; returns the scores."""
    random.seed(seed)
    torch.manual_seed(seed)
    task, pad = glue.TASKS.get(arguments.task_name), tokenizer.pad_token_id
    chosen = chosen_configuration(arguments, settings, training.passes_of(data.train, arguments))
    device = "cuda" if torch.cuda.is_available() and not arguments.no_cuda else "cpu"
    model = load_model(arguments.model_name_or_path, settings, task)[0].to(device)
    checkpoint.quantize_model(model, chosen)
    prepare_model(model, data.train, arguments, seed, pad)
    loss_of = training.loss_of_labels
    if arguments.teacher_model_path:
        distillation.without_dropout(model)
        loss_of = distillation.Distillation(load_teacher(arguments, settings, task).to(device))

    def scores_of(scored):
        batch = evaluation_batch(arguments, chosen)
        return data.scores(lambda features: training.outputs_of(scored, features, batch, pad))

    def score_dev(step):
        found = ", ".join(f"{name} {value:.4f}" for name, value in scores_of(model.eval()).items())
        print(f"step {step}: dev: {found}", file=sys.stderr, flush=True)

    training.train(model, data.train, arguments, seed, pad, score_dev if arguments.evaluate_during_training else None, loss_of)
    flags = {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in vars(arguments).items()}
    checkpoint.save_common(folder, model, tokenizer, flags | {"seed": seed}, task.labels if task else ())
    scored = checkpoint.integer_model(model) if chosen else model
    try:
        if chosen:
            checkpoint.save_integers(folder, model, scored)
    finally:  # scores also of what is not exported
        results = scores_of(scored)
        write_results(folder / "eval_results.txt", results)
    return results


def mean_and_spread(results):
    """Of several runs: the mean under the metric's name, the standard deviation beside it."""
    summary = {"runs": len(results)}
    for name in results[0]:
        values = [result[name] for result in results]
        summary[name] = statistics.mean(values)
        summary[name + "_stdev"] = statistics.stdev(values)
    return summary


def prepare_output(arguments):
    """A folder of its own: what is overwritten must not be the model, nor keep weights that a reader would take instead."""
    folder = arguments.output_dir
    if folder.exists() and not folder.is_dir():
        raise glue.DataError(f"{folder}: expected a folder, got a file")
    if folder.exists() and folder.samefile(arguments.model_name_or_path):
        raise glue.DataError(f"{folder}: expected another folder than the model's")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not arguments.overwrite_output_dir:
        raise glue.DataError(f"{folder}: expected an empty folder; --overwrite_output_dir writes into this one")
    for other in sorted(folder.glob("*.safetensors*")):
        raise glue.DataError(f"{other}: expected no weights but Q8BERT's in the output folder")


def run(arguments):
    prepare_output(arguments)
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings, tokenizer = load_settings(arguments, arguments.model_name_or_path), load_tokenizer(arguments)
    data = task_data.open_task(tokenizer, arguments)
    results = []
    for number in range(arguments.runs):
        folder = arguments.output_dir / f"run-{number + 1}" if arguments.runs > 1 else arguments.output_dir
        results.append(train_once(arguments, settings, data, tokenizer, folder, arguments.seed + number))
    if arguments.runs > 1:
        write_results(arguments.output_dir / "eval_results.txt", mean_and_spread(results))


def main():
    transformers.logging.set_verbosity_error()
    try:
        run(parsed_arguments())
    except configuration.ConfigurationError as error:
        return fail(error, 2)
    except (glue.DataError, OSError) as error:
        return fail(error, 3)
    except (checkpoint.ExportError, FloatingPointError) as error:
        return fail(error, 1)
    return 0


def fail(error, status):
    print("train_q8bert: " + " ".join(str(error).split()), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
