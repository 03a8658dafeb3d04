#!/usr/bin/env python3
"""Makes the embedded sample: its pairs, its vocabulary, and a small BERT trained to tell paraphrases.

    scripts/make_sample_model.py                    # writes engine/sample/
    scripts/make_sample_model.py --check            # makes it again elsewhere and compares

Some seven minutes on one core; requirements.txt has the versions.

What comes out is fixed by a seed. Pairs, vocabulary and config are the same bytes on every machine, and --check fails if
they are not. The weights come from float32 training: the same bytes with the same torch on the same kind of CPU (one
thread, deterministic algorithms), while another CPU may sum in another order, and training then drifts apart in the last
bits and after a while in more. WEIGHTS_SHA256 is what the committed file must be. Where --check gets other bytes it says so,
and instead of them the scores have to hold: both files, the committed one and the new one, must pass the gates.

Two things help so small a model to learn quickly on one core; neither is left in the checkpoint's form. Q and K start out
alike, so that a token attends to its equals ("mimetic" initialisation), and a second loss, whose head is thrown away, asks
for each token whether it occurs in the other sentence.

Published checkpoints have a few weight channels far larger than the rest, which is why one scale for a whole weight matrix
loses accuracy. Minutes of training do not grow them, so `scale_heads` gives this model its own: it multiplies the query rows
of a head by a power of two and divides its key rows by the same. In exact arithmetic that changes no output.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import sys
import tempfile

# Before torch is loaded: summation orders that do not depend on the CPU's kind (MKL), one vector width (the rest).
os.environ.update(MKL_CBWR="COMPATIBLE", ATEN_CPU_CAPABILITY="avx2", DNNL_MAX_CPU_ISA="AVX2")

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

import simulate_int8
from make_sample_pairs import make_pairs
from mrpc import read_pairs
from wordpiece import learn_vocabulary

SAMPLE = pathlib.Path(__file__).resolve().parent.parent / "engine" / "sample"
FILES = ("config.json", "vocab.txt", "mrpc.tsv", "model.safetensors")
WEIGHTS_SHA256 = "ecd81344b2645431a96d787f77dfe1c4d159ca69fe2cd82c606391f90c976d0b"

SEED = 7
VOCABULARY, EPOCHS, BATCH, PEAK_RATE, WARM_UP = 2000, 4, 64, 1e-3, 300
HEAD_FACTORS = (16.0, 1.0, 0.0625, 1.0)  # of the queries, a head each

CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "dtype": "float16",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 128,
    "id2label": {"0": "not_equivalent", "1": "equivalent"},
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "label2id": {"equivalent": 1, "not_equivalent": 0},
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 128,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": VOCABULARY,
}


def new_model():
    model = BertForSequenceClassification(BertConfig(**CONFIG))
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.normal_(0, 0.06)
        for layer in model.bert.encoder.layer:
            query, key = layer.attention.self.query.weight, layer.attention.self.key.weight
            query.normal_(0, query.shape[1] ** -0.5)
            key.normal_(0, 0.1 * key.shape[1] ** -0.5).add_(0.9 * query)
    return model


def collate(examples):
    """Padded ids, segments and mask; for each token 1 or 0 whether the other sentence has it too (-1: special token)."""
    longest = max(len(a) + len(b) + 3 for _, a, b in examples)
    ids, segments, mask = (torch.zeros(len(examples), longest, dtype=torch.long) for _ in range(3))
    shared = torch.full((len(examples), longest), -1.0)
    for row, (_, a, b) in enumerate(examples):
        end_a, end_b = len(a) + 1, len(a) + len(b) + 2
        ids[row, : end_b + 1] = torch.tensor([2, *a, 3, *b, 3])  # [CLS] a [SEP] b [SEP]
        segments[row, end_a + 1 : end_b + 1] = 1
        mask[row, : end_b + 1] = 1
        shared[row, 1:end_a] = torch.tensor([float(t in b) for t in a])
        shared[row, end_a + 1 : end_b] = torch.tensor([float(t in a) for t in b])
    return ids, segments, mask, shared, torch.tensor([label for label, *_ in examples])


def batches(examples, rng):
    """Each example once, either sentence first, those of about one length together."""
    examples = [(y, b, a) if rng.random() < 0.5 else (y, a, b) for y, a, b in examples]
    examples.sort(key=lambda e: (len(e[1]) + len(e[2])) // 4 + rng.random())
    starts = list(range(0, len(examples) - BATCH + 1, BATCH))
    rng.shuffle(starts)
    return [examples[i : i + BATCH] for i in starts]


def train(examples):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng, model = random.Random(SEED), new_model()
    shared_head = torch.nn.Linear(CONFIG["hidden_size"], 1)
    parameters = [*model.parameters(), *shared_head.parameters()]
    optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.01)
    steps, step = EPOCHS * (len(examples) // BATCH), 0
    cross_entropy, binary = torch.nn.CrossEntropyLoss(), torch.nn.BCEWithLogitsLoss()
    for epoch in range(EPOCHS):
        right = 0
        for batch in batches(examples, rng):
            ids, segments, mask, shared, labels = collate(batch)
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = PEAK_RATE * min(1.0, step / WARM_UP) * max(0.02, 1 - step / steps)
            states = model.bert(ids, attention_mask=mask, token_type_ids=segments)
            logits = model.classifier(states.pooler_output)
            word = shared >= 0
            loss = cross_entropy(logits, labels) + binary(shared_head(states.last_hidden_state).squeeze(-1)[word], shared[word])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            right += int((logits.argmax(1) == labels).sum())
        print(f"epoch {epoch + 1}: {right / len(examples):.3f} of the training pairs right", file=sys.stderr)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def scale_heads(tensors, undo=False):
    """Outlier channels without a change of function: (f * q) . (k / f) = q . k, exact as every f is a power of two."""
    factors = torch.tensor(HEAD_FACTORS).repeat_interleave(CONFIG["hidden_size"] // CONFIG["num_attention_heads"])
    for name, tensor in tensors.items():
        rows = factors if tensor.dim() == 1 else factors[:, None]
        if (".self.key." if undo else ".self.query.") in name:
            tensor.mul_(rows)
        elif (".self.query." if undo else ".self.key.") in name:
            tensor.div_(rows)


def make_sample(folder):
    folder.mkdir(parents=True, exist_ok=True)
    training_text, scored_text = make_pairs()
    (folder / "mrpc.tsv").write_bytes(scored_text.encode())
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "train.tsv"
        path.write_bytes(training_text.encode())
        pairs = read_pairs(path)
    vocabulary = learn_vocabulary([s for _, a, b in pairs for s in (a, b)], VOCABULARY)
    assert len(vocabulary) == VOCABULARY
    (folder / "vocab.txt").write_bytes("".join(piece + "\n" for piece in vocabulary).encode())
    (folder / "config.json").write_bytes((json.dumps(CONFIG, indent=2) + "\n").encode())
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    tensors = train([(y, ids(a), ids(b)) for y, a, b in pairs])
    scale_heads(tensors)
    save_file({name: t.half().contiguous() for name, t in tensors.items() if t.is_floating_point()},
              folder / "model.safetensors", metadata={"format": "pt"})


def gates(folder):
    """Prints the scores and returns what is wrong with them."""
    pairs = read_pairs(folder / "mrpc.tsv")
    results = simulate_int8.compare(folder, pairs)
    ones = sum(y for y, *_ in pairs)
    all_ones = 2 * ones / (len(pairs) + ones)
    print(simulate_int8.table(results), f"\nall ones:             {all_ones:.4f}", sep="")
    f1 = results["fp32"]["f1"]
    return [text for wrong, text in (
        (len(pairs) < 400, "fewer than 400 pairs"),
        (not 0.80 <= f1 <= 0.95, "F1 is not within 0.80 .. 0.95"),
        (f1 - all_ones < 0.08, "F1 is less than 0.08 above answering all ones"),
        (results["per_channel"]["loss"] > 0.01, "the default INT8 loses more than 1 %"),
        (results["per_tensor"]["loss"] < 0.005, "per-tensor INT8 loses less than 0.5 %"),
        ((folder / "model.safetensors").stat().st_size > 8 << 20, "the checkpoint is larger than 8 MB"),
    ) if wrong]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check():
    """0 if the committed sample is what this script makes (see the top), else 1."""
    problems = [f"committed: {p}" for p in gates(SAMPLE)]
    if digest(SAMPLE / "model.safetensors") != WEIGHTS_SHA256:
        problems.append("committed: model.safetensors is not the one that WEIGHTS_SHA256 names")
    with tempfile.TemporaryDirectory() as scratch:
        made = pathlib.Path(scratch)
        make_sample(made)
        for name in FILES:
            same = digest(made / name) == digest(SAMPLE / name)
            print(f"{name}: {'same bytes' if same else 'other bytes'}")
            if not same and name != "model.safetensors":
                problems.append(f"{name} differs; it must be the same on every machine")
        if digest(made / "model.safetensors") != WEIGHTS_SHA256:
            old, new = (load_file(folder / "model.safetensors") for folder in (SAMPLE, made))
            apart = max((old[n].float() - new[n].float()).abs().max().item() for n in old)
            print(f"weights differ by up to {apart:.3g}, as another torch or CPU makes them; their scores decide:")
            problems += [f"made here: {p}" for p in gates(made)]
    print("\n".join(problems) or "all as it should be")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed sample instead of writing it")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=SAMPLE)
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    make_sample(arguments.output)
    print("WEIGHTS_SHA256 =", digest(arguments.output / "model.safetensors"))
    problems = gates(arguments.output)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
