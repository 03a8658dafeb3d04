"""Files of GLUE and SQuAD: what is read, how it is scored, what is refused."""

import json
import math
import pathlib
import tempfile
import unittest

from transformers import BertTokenizerFast

import tiny_bert
from qat import glue, squad
from qat.glue import TASKS, DataError

ROWS = {
    "cola": "gj04\t1\t\tthe dog sat.\n",
    "sst-2": "sentence\tlabel\nthe dog sat.\t1\n",
    "mrpc": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tthe dog sat.\ta \"dog\r\n",
    "sts-b": "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\ta\tb\tc\td\te\tf\tthe dog sat.\ta \"dog\t3.25\n",
    "qqp": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tbroken\n1\t2\t3\tthe dog sat.\ta \"dog\t1\n",
    "mnli": "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tthe dog sat.\ta \"dog\tneutral\tentailment\n",
    "qnli": "index\tquestion\tsentence\tlabel\n0\tthe dog sat.\ta \"dog\tnot_entailment\n",
    "rte": "index\tsentence1\tsentence2\tlabel\n0\tthe dog sat.\ta \"dog\tnot_entailment\n",
    "wnli": "index\tsentence1\tsentence2\tlabel\n0\tthe dog sat.\ta \"dog\t1\n",
}  # fmt: skip


class Files(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = pathlib.Path(holder.name) / "file"

    def tokenizer(self):
        path = self.path.with_name("vocab.txt")
        path.write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
        return BertTokenizerFast(str(path), do_lower_case=True)

    def refused(self, read, text, *words):
        self.path.write_text(text, encoding="utf-8")
        with self.assertRaises(DataError) as caught:
            read(self.path)
        for word in words:
            self.assertIn(word, str(caught.exception))


class Glue(Files):
    def test_every_tasks_file_is_read(self):
        self.assertEqual(set(ROWS), set(TASKS))
        for name, text in ROWS.items():
            self.path.write_bytes(text.encode())
            second = None if name in ("cola", "sst-2") else 'a "dog'
            label = 3.25 if name == "sts-b" else 1
            self.assertEqual(glue.read_examples(TASKS[name], self.path), [("the dog sat.", second, label)], name)

    def test_what_cannot_be_used_is_refused_by_line(self):
        read = lambda name: lambda path: glue.read_examples(TASKS[name], path)  # noqa: E731
        self.refused(read("mrpc"), ROWS["mrpc"].replace("1\t7", "2\t7"), "line 2", "0, 1", "'2'")
        self.refused(read("mrpc"), "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n", "line 1", "Quality")
        self.refused(read("rte"), ROWS["rte"] + "1\tthe dog\n", "line 3", "4 columns", "got 2")
        self.refused(read("sts-b"), ROWS["sts-b"].replace("3.25", "nan"), "line 2", "number", "'nan'")
        self.refused(read("rte"), "index\tsentence1\tsentence2\tlabel\n", "expected examples")
        self.refused(read("rte"), "", "line 1", "sentence1")
        with self.assertRaisesRegex(DataError, "nowhere"):
            glue.read_examples(TASKS["rte"], self.path.parent / "nowhere")

    def test_features_are_cut_at_the_longer_text(self):
        features = glue.encode(self.tokenizer(), [("the red dog sat on it .", "it sat", 1)], 9)
        ids = [tiny_bert.VOCABULARY[i] for i in features[0]["input_ids"]]
        self.assertEqual(ids, "[CLS] the red dog sat [SEP] it sat [SEP]".split())
        self.assertEqual(features[0]["token_type_ids"], [0] * 6 + [1] * 3)
        self.assertEqual(features[0]["labels"], 1)

    def test_scores(self):
        logits, labels = [[2.0, 0.0], [0.0, 1.0], [1.0, 3.0], [1.0, 0.0]], [0, 1, 0, 1]
        got = glue.scores(TASKS["mrpc"], logits, labels)
        loss = sum(math.log(1 + math.exp(d)) for d in (-2, -1, 2, 1)) / 4
        for name, want in {"acc": 0.5, "f1": 0.5, "acc_and_f1": 0.5, "eval_loss": loss}.items():
            self.assertAlmostEqual(got[name], want)
        self.assertAlmostEqual(glue.scores(TASKS["cola"], logits, labels)["mcc"], 0)
        got = glue.scores(TASKS["sts-b"], [[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0])
        for name, want in {"pearson": 1 / math.sqrt(28) * math.sqrt(3), "spearmanr": 0.5, "eval_loss": 5 / 3}.items():
            self.assertAlmostEqual(got[name], want)


CONTEXT = "the red dog sat on it. a dog sat. the dog sat on the red dog ."


def document(answer="a dog", start=None, **fields):
    start = CONTEXT.index(answer) if start is None else start
    item = {"id": "q1", "question": "the dog", "answers": [{"text": answer, "answer_start": start}], **fields}
    return json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": [item]}]}]})


class Squad(Files):
    def opened(self, **options):
        self.path.write_text(document())
        return squad.Squad(self.tokenizer(), squad.read_questions(self.path), squad.Options(**options))

    def test_windows_overlap_and_end_with_the_context(self):
        task = self.opened(max_seq_length=13, doc_stride=3)  # room for 8 tokens of 19
        self.assertEqual([(w.first, w.count) for w in task.windows], [(0, 8), (3, 8), (6, 8), (9, 8), (12, 7)])
        self.assertEqual(len(task.spans[0]), 19)
        words = lambda ids: " ".join(tiny_bert.VOCABULARY[i] for i in ids)  # noqa: E731
        self.assertEqual(words(task.features[0]["input_ids"]), "[CLS] the dog [SEP] the red dog sat on it . a [SEP]")
        self.assertEqual(task.features[0]["token_type_ids"], [0] * 4 + [1] * 9)

    def test_targets_point_at_the_answer_where_all_of_it_is_there(self):
        task = self.opened(max_seq_length=13, doc_stride=3)
        for window, feature in zip(task.windows, task.features):
            start, end = feature["start_positions"], feature["end_positions"]
            if window.first <= 7 and window.first + window.count >= 9:
                self.assertEqual([tiny_bert.VOCABULARY[i] for i in feature["input_ids"][start : end + 1]], ["a", "dog"])
            else:
                self.assertEqual((start, end), (0, 0))
        self.assertTrue(any(feature["start_positions"] for feature in task.features))

    def test_answers_come_back_from_the_logits(self):
        task = self.opened(max_seq_length=13, doc_stride=3)
        outputs = [[[0.0, 0.0] for _ in feature["input_ids"]] for feature in task.features]
        speaker = task.speakers()[0, 7]
        shift = task.windows[speaker].offset - task.windows[speaker].first
        outputs[speaker][7 + shift][0] = outputs[speaker][8 + shift][1] = 5.0
        self.assertEqual(task.answers(outputs), {"q1": "a dog"})
        self.assertEqual(task.scores(outputs), {"exact_match": 100, "f1": 100})
        outputs[speaker][0] = [9.0, 9.0]
        self.assertEqual(task.answers(outputs), {"q1": "a dog"})
        unanswerable = squad.Squad(self.tokenizer(), task.questions, squad.Options(max_seq_length=13, doc_stride=3, unanswerable=True))
        for row in outputs:
            row[0] = [9.0, 9.0]
        self.assertEqual(unanswerable.answers(outputs), {"q1": ""})

    def test_scores_as_the_official_script_has_them(self):
        self.assertEqual(squad.normalized("The  Dog's, AN end."), "dogs end")
        for predicted, gold, want in [("the dog", "dog", 1), ("red dog", "dog sat", 0.5), ("cat", "dog", 0), ("", "the", 0), ("", "", 1), ("a", "dog", 0)]:
            self.assertEqual(squad.token_f1(predicted, gold), want)

    def test_what_cannot_be_used_is_refused_by_question(self):
        self.refused(squad.read_questions, document(start=1), "q1", "answer_start", "'a dog'")
        for answers in ([], None, 7, ["dog"], [{"text": "dog"}], [{"text": "dog", "answer_start": "8"}], [{"text": "", "answer_start": 0}]):
            self.refused(squad.read_questions, document(answers=answers), "q1", "answers", "expected")
        self.refused(squad.read_questions, document(question=None), "SQuAD")
        self.refused(squad.read_questions, document(answers=[], is_impossible=True), "q1", "squad_v2")
        self.refused(squad.read_questions, '{"data": []}', "questions")
        self.refused(squad.read_questions, '{"date": []}', "SQuAD")
        self.refused(squad.read_questions, "{", "SQuAD")
        self.path.write_text(document(answers=[], is_impossible=True))
        self.assertEqual(squad.read_questions(self.path, unanswerable=True)[0].answers, [])
