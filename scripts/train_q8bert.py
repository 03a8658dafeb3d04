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

torch 2.13.0, transformers 5.23.0, scikit-learn and scipy (requirements.txt). Exit 2: wrong flags or configuration; 3: data or
checkpoint that cannot be used; 1: training failed, or the trained ranges cannot be exported.
"""

import argparse
import os
import pathlib
import random
import statistics
import sys

import torch
import transformers

from qat import checkpoint, configuration, glue, squad, training

SQUAD_FILES = {"squad": ("train-v1.1.json", "dev-v1.1.json"), "squad_v2": ("train-v2.0.json", "dev-v2.0.json")}
TASKS = (*glue.TASKS, *SQUAD_FILES)


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--task_name", required=True, type=str.lower, choices=TASKS, metavar="TASK")
    add("--model_name_or_path", required=True, help="a folder, or a name on the Hugging Face hub")
    add("--data_dir", required=True, type=pathlib.Path)
    add("--output_dir", required=True, type=pathlib.Path)
    add("--overwrite_output_dir", action="store_true")
    add("--model_type", choices=("quant_bert", "bert"), default="quant_bert", help="bert: FP32 throughout")
    add("--quantization_config", type=pathlib.Path, help="JSON file with Q8BERT's dictionaries")
    add("--runs", type=positive, default=1, help="trainings, for mean and spread (1)")
    add("--seed", type=int, default=42)
    add("--do_lower_case", action="store_true", help="for an uncased model whose folder does not say so")
    add("--learning_rate", type=float, default=2e-5)
    add("--num_train_epochs", type=positive, default=3)
    add("--max_steps", type=int, default=-1, help="instead of epochs")
    add("--per_gpu_train_batch_size", type=positive, default=8)
    add("--per_gpu_eval_batch_size", type=positive, default=8)
    add("--gradient_accumulation_steps", type=positive, default=1)
    add("--warmup_steps", type=int, default=0)
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
    arguments.max_seq_length = arguments.max_seq_length or (384 if arguments.task_name in SQUAD_FILES else 128)
    return arguments


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return value


class GlueData:
    """Features of a task of GLUE, and how outputs are scored."""

    def __init__(self, task, tokenizer, arguments):
        self.task = task
        read = lambda file: glue.read_examples(task, arguments.data_dir / file)  # noqa: E731
        encode = lambda examples: glue.encode(tokenizer, examples, arguments.max_seq_length)  # noqa: E731
        self.train = encode(read("train.tsv"))
        self.dev = {pathlib.Path(file).stem: encode(read(file)) for file in task.dev_files}

    def scores(self, outputs_of):
        results = {}
        for name, features in self.dev.items():
            found = glue.scores(self.task, outputs_of(features), [feature["labels"] for feature in features])
            several = len(self.dev) > 1  # MNLI: acc_dev_matched, ...
            results |= {f"{metric}_{name}" if several else metric: value for metric, value in found.items()}
        return results


class SquadData:
    """Windows of SQuAD's questions, and how outputs are scored."""

    def __init__(self, tokenizer, arguments):
        second = arguments.task_name == "squad_v2"
        names = ("max_seq_length", "doc_stride", "max_query_length", "max_answer_length", "n_best_size", "null_score_diff_threshold")
        options = squad.Options(unanswerable=second, **{name: getattr(arguments, name) for name in names})
        train, dev = (
            squad.Squad(tokenizer, squad.read_questions(arguments.data_dir / file, second), options)
            for file in SQUAD_FILES[arguments.task_name]
        )
        self.train, self.dev = train.features, dev

    def scores(self, outputs_of):
        return self.dev.scores(outputs_of(self.dev.features))


def load_tokenizer(arguments):
    given = {"do_lower_case": True} if arguments.do_lower_case else {}
    return transformers.AutoTokenizer.from_pretrained(arguments.model_name_or_path, **given)


def load_model(arguments, task):
    """FP32. A head that the checkpoint lacks, or has for another number of labels, is new."""
    name = arguments.model_name_or_path
    settings = transformers.AutoConfig.from_pretrained(name)
    if settings.model_type != "bert":
        raise glue.DataError(f"{name}: config.json: model_type: expected bert, got {settings.model_type}")
    if not task:
        return transformers.BertForQuestionAnswering.from_pretrained(name, dtype=torch.float32)
    own = [settings.id2label[i] for i in sorted(settings.id2label)]
    labels = task.labels or ("score",)
    settings.id2label = dict(enumerate(labels))
    settings.label2id = {label: i for i, label in enumerate(labels)}
    settings.problem_type = "regression" if task.regression else "single_label_classification"
    kind = transformers.BertForSequenceClassification
    model = kind.from_pretrained(name, config=settings, dtype=torch.float32, ignore_mismatched_sizes=True)
    if sorted(own) == sorted(labels):  # logits in the task's order, whatever the checkpoint's is
        order = [own.index(label) for label in labels]
        for parameter in model.classifier.parameters():
            parameter.data = parameter.data[order]
    return model


def chosen_configuration(arguments, settings, passes):
    """{key: LayerChoice}; empty for --model_type bert."""
    if arguments.model_type == "bert":
        return {}
    if arguments.quantization_config:
        chosen = configuration.read(arguments.quantization_config)
    else:
        own = configuration.from_dict({key: getattr(settings, key) for key in configuration.KEYS if hasattr(settings, key)}, "config.json")
        chosen = own or configuration.default(passes)
    configuration.check_start_steps(chosen, passes)
    return chosen


def write_results(path, results):
    """As the field's scripts do: "key = value", sorted."""
    lines = [f"{name} = {results[name]}\n" for name in sorted(results)]
    checkpoint.write_text(path, "".join(lines))
    sys.stdout.write(f"{path}\n" + "".join(lines))


def train_once(arguments, data, task, tokenizer, folder, seed):
    """Trains, writes `folder`; returns the scores."""
    random.seed(seed)
    torch.manual_seed(seed)
    model = load_model(arguments, task)
    passes = training.passes_of(data.train, arguments)
    chosen = chosen_configuration(arguments, model.config, passes)
    model.to("cuda" if torch.cuda.is_available() and not arguments.no_cuda else "cpu")
    checkpoint.quantize_model(model, chosen)
    outputs = lambda of: lambda features: training.outputs_of(  # noqa: E731
        of, features, evaluation_batch(arguments, chosen), tokenizer.pad_token_id
    )

    def at_log(step):
        print(f"step {step}: dev {data.scores(outputs(model.eval()))}", file=sys.stderr)

    training.train(model, data.train, arguments, seed, tokenizer.pad_token_id, at_log if arguments.evaluate_during_training else None)
    flags = {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in vars(arguments).items()}
    checkpoint.save_common(folder, model, tokenizer, flags | {"seed": seed}, task.labels if task else ())
    scored = checkpoint.integer_model(model) if chosen else model
    results = data.scores(outputs(scored))
    write_results(folder / "eval_results.txt", results)
    if chosen:
        checkpoint.save_integers(folder, model, scored)
    return results


def evaluation_batch(arguments, chosen):
    """Ranges found while running are those of one batch: of one text, then, so that an answer does not depend on others."""
    dynamic = any(choice.mode == "dynamic" for choice in chosen.values())
    return 1 if dynamic else arguments.per_gpu_eval_batch_size


def mean_and_spread(results):
    """Of several runs: the mean under the metric's name, the standard deviation beside it."""
    summary = {"runs": len(results)}
    for name in results[0]:
        values = [result[name] for result in results]
        summary[name] = statistics.mean(values)
        summary[name + "_stdev"] = statistics.stdev(values)
    return summary


def prepare_output(arguments):
    folder = arguments.output_dir
    if folder.exists() and not folder.is_dir():
        raise glue.DataError(f"{folder}: expected a folder, got a file")
    if folder.exists() and any(folder.iterdir()) and not arguments.overwrite_output_dir:
        raise glue.DataError(f"{folder}: expected an empty folder; --overwrite_output_dir writes into this one")
    folder.mkdir(parents=True, exist_ok=True)


def run(arguments):
    prepare_output(arguments)
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    tokenizer = load_tokenizer(arguments)
    task = glue.TASKS.get(arguments.task_name)
    data = GlueData(task, tokenizer, arguments) if task else SquadData(tokenizer, arguments)
    results = []
    for number in range(arguments.runs):
        folder = arguments.output_dir / f"run-{number + 1}" if arguments.runs > 1 else arguments.output_dir
        results.append(train_once(arguments, data, task, tokenizer, folder, arguments.seed + number))
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
    print(f"train_q8bert: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
