"""A task's training features, and the scores of a model on its dev set: GLUE and SQuAD behind one form.

    train                 features, as training.train takes them
    scores(outputs_of)    metrics by name; outputs_of(features) is what the model says to each
"""

import pathlib

from . import glue, squad

SQUAD_FILES = {"squad": ("train-v1.1.json", "dev-v1.1.json"), "squad_v2": ("train-v2.0.json", "dev-v2.0.json")}
TASKS = (*glue.TASKS, *SQUAD_FILES)


class GlueData:
    def __init__(self, task, tokenizer, arguments):
        def features(file):
            return glue.encode(tokenizer, glue.read_examples(task, arguments.data_dir / file), arguments.max_seq_length)

        self.task = task
        self.train = features("train.tsv")
        self.dev = {pathlib.Path(file).stem: features(file) for file in task.dev_files}

    def scores(self, outputs_of):
        results = {}
        for name, features in self.dev.items():
            found = glue.scores(self.task, outputs_of(features), [feature["labels"] for feature in features])
            several = len(self.dev) > 1  # MNLI: acc_dev_matched, acc_dev_mismatched
            results |= {f"{metric}_{name}" if several else metric: value for metric, value in found.items()}
        return results


class SquadData:
    def __init__(self, tokenizer, arguments):
        second = arguments.task_name == "squad_v2"
        options = squad.Options(
            max_seq_length=arguments.max_seq_length,
            doc_stride=arguments.doc_stride,
            max_query_length=arguments.max_query_length,
            max_answer_length=arguments.max_answer_length,
            n_best_size=arguments.n_best_size,
            unanswerable=second,
            null_score_diff_threshold=arguments.null_score_diff_threshold,
        )
        train, self.dev = (
            squad.Squad(tokenizer, squad.read_questions(arguments.data_dir / file, second), options)
            for file in SQUAD_FILES[arguments.task_name]
        )
        self.train = train.features

    def scores(self, outputs_of):
        return self.dev.scores(outputs_of(self.dev.features))


def open_task(tokenizer, arguments):
    """Throws glue.DataError."""
    task = glue.TASKS.get(arguments.task_name)
    return GlueData(task, tokenizer, arguments) if task else SquadData(tokenizer, arguments)
