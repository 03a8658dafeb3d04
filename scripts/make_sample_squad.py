#!/usr/bin/env python3
"""Makes the SQuAD half of the embedded sample: its questions, and a small BERT trained to find the answers.

    scripts/make_sample_squad.py                    # writes engine/sample/squad.json and engine/sample/squad/
    scripts/make_sample_squad.py --check            # makes them again elsewhere and compares

Some ten minutes on one core; requirements.txt has the versions. The vocabulary is that of the MRPC half, and so is the
encoder that training starts from (make_sample_model.py), which knows the words and how to look for one in the other text;
what it says about INT8's outlier channels and about same bytes on which machine holds here too.

Answers alone teach so small a model slowly, so it is asked more about each token of the context, by heads that are thrown
away: whether the question has it too, whether it stands in the sentence that the question is about, and which slot of the
news it fills.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import tempfile

import make_sample_model as mrpc  # before torch: sets the environment for equal sums everywhere

os.environ["MKL_CBWR"] = "AVX2"  # twice as fast as what that sets, and the same on CPUs with AVX2

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForQuestionAnswering, BertTokenizerFast

from make_sample_squad_data import make_parts
from sample_grammar import FRAMES

FILES = ("squad.json", "squad/config.json", "squad/model.safetensors")
WEIGHTS_SHA256 = "e8551639be8db946d97a20097257e14db3e71bc2581f1fac7128a2365531f436"

SEED, BATCH, PEAK_RATE, WARM_UP = 11, 16, 1e-3, 100
POSITIONS = 256
SLOTS = ["", *sorted({name for makers, *_ in FRAMES.values() for name in makers})]  # "": none

CONFIG = {name: value for name, value in mrpc.CONFIG.items() if name not in ("id2label", "label2id")} | {
    "architectures": ["BertForQuestionAnswering"],
    "max_position_embeddings": POSITIONS,
}


def first_weights():
    """The MRPC half's encoder with longer positions, its heads' factors undone, and a new span head."""
    model = BertForQuestionAnswering(BertConfig(**CONFIG))
    trained = {name: t.float() for name, t in load_file(mrpc.SAMPLE / "model.safetensors").items()}
    mrpc.scale_heads(trained, undo=True)
    own = model.state_dict()
    for name, tensor in trained.items():
        if name.startswith("bert.pooler.") or not name.startswith("bert."):
            continue
        if name == "bert.embeddings.position_embeddings.weight":
            # The far positions begin as copies of the near ones.
            tensor = tensor.repeat(-(-POSITIONS // len(tensor)), 1)[:POSITIONS]
        own[name].copy_(tensor)
    return model


def encode(contexts, tokenizer):
    """Of each question that fits: ids, length of the question's part, (first, last) token of the answer, and for each token of
    the context (in the question, in the sentence asked for, slot)."""
    examples = []
    for text, questions, told in contexts:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        slots = [0] * len(ids)
        for _, _, filled in told:
            for name, begin, end in filled:
                for i, (b, e) in enumerate(offsets):
                    if b >= begin and e <= end:
                        slots[i] = SLOTS.index(name)
        for question, answer, begin in questions:
            asked = [2, *tokenizer(question, add_special_tokens=False)["input_ids"], 3]
            if len(asked) + len(ids) >= POSITIONS:
                continue
            inside = [i for i, (b, e) in enumerate(offsets) if b >= begin and e <= begin + len(answer)]
            about = [(b, e) for b, e, _ in told if b <= begin < e] or [(0, 0)]
            notes = [(float(t in asked[1:-1]), float(about[0][0] <= b < about[0][1]), slot)
                     for t, (b, _), slot in zip(ids, offsets, slots)]
            span = inside[0] + len(asked), inside[-1] + len(asked)
            examples.append(([*asked, *ids, 3], len(asked), span, notes))
    return examples


def collate(examples):
    longest = max(len(ids) for ids, *_ in examples)
    ids, segments, mask = (torch.zeros(len(examples), longest, dtype=torch.long) for _ in range(3))
    notes = torch.full((len(examples), longest, 3), -1.0)
    for row, (tokens, asked, _, noted) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        segments[row, asked : len(tokens)] = 1
        mask[row, : len(tokens)] = 1
        notes[row, asked : len(tokens) - 1] = torch.tensor(noted)
    return ids, segments, mask, notes, torch.tensor([span for _, _, span, _ in examples])


def batches(examples, rng):
    """Each example once, those of about one length together."""
    examples = sorted(examples, key=lambda e: len(e[0]) // 6 + rng.random())
    starts = list(range(0, len(examples) - BATCH + 1, BATCH))
    rng.shuffle(starts)
    return [examples[i : i + BATCH] for i in starts]


def train(examples):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng, model = random.Random(SEED), first_weights()
    side_head = torch.nn.Linear(CONFIG["hidden_size"], 2 + len(SLOTS))
    parameters = [*model.parameters(), *side_head.parameters()]
    optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.01)
    cross_entropy, binary = torch.nn.CrossEntropyLoss(), torch.nn.BCEWithLogitsLoss()
    plan = batches(examples, rng)
    right, losses = 0, torch.zeros(4)
    for step, batch in enumerate(plan, 1):
        ids, segments, mask, notes, spans = collate(batch)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, step / WARM_UP) * max(0.02, 1 - step / len(plan))
        states = model.bert(ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        logits = model.qa_outputs(states).masked_fill(segments[:, :, None] == 0, -1e4)
        word = notes[:, :, 0] >= 0
        said, noted = side_head(states[word]), notes[word]
        parts = torch.stack([
            (cross_entropy(logits[:, :, 0], spans[:, 0]) + cross_entropy(logits[:, :, 1], spans[:, 1])) / 2,
            binary(said[:, 0], noted[:, 0]), binary(said[:, 1], noted[:, 1]), cross_entropy(said[:, 2:], noted[:, 2].long())])
        optimizer.zero_grad()
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        right += int((logits.argmax(1) == spans).all(1).sum())
        losses += parts.detach()
        if step % 50 == 0:
            means = " ".join(f"{loss:.3f}" for loss in losses / 50)
            print(f"step {step} of {len(plan)}: {right / BATCH / 50:.3f} right, losses {means}", file=sys.stderr, flush=True)
            right, losses = 0, torch.zeros(4)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def make_sample(folder):
    train_contexts, _, scored_text = make_parts()
    (folder / "squad").mkdir(parents=True, exist_ok=True)
    (folder / "squad.json").write_bytes(scored_text.encode())
    (folder / "squad" / "config.json").write_bytes((json.dumps(CONFIG, indent=2) + "\n").encode())
    tokenizer = BertTokenizerFast(vocab=str(mrpc.SAMPLE / "vocab.txt"), do_lower_case=True)
    tensors = train(encode(train_contexts, tokenizer))
    mrpc.scale_heads(tensors)
    save_file({name: t.half().contiguous() for name, t in tensors.items() if t.is_floating_point()},
              folder / "squad" / "model.safetensors", metadata={"format": "pt"})


def exact_share(folder):
    """Of the scored questions, the share whose answer tokens are found exactly: a stand-in for bertq's own score."""
    tokenizer = BertTokenizerFast(vocab=str(mrpc.SAMPLE / "vocab.txt"), do_lower_case=True)
    model = BertForQuestionAnswering(BertConfig(**CONFIG)).eval()
    model.load_state_dict({n: t.float() for n, t in load_file(folder / "squad" / "model.safetensors").items()}, strict=False)
    articles = json.loads((folder / "squad.json").read_text())["data"]
    contexts = [(p["context"], [(q["question"], a["text"], a["answer_start"]) for q in p["qas"] for a in q["answers"]], [])
                for article in articles for p in article["paragraphs"]]
    examples, right = encode(contexts, tokenizer), 0
    with torch.no_grad():
        for start in range(0, len(examples), BATCH):
            ids, segments, mask, _, spans = collate(examples[start : start + BATCH])
            outputs = model(ids, attention_mask=mask, token_type_ids=segments)
            best = [outputs.start_logits.masked_fill(segments == 0, -1e4), outputs.end_logits.masked_fill(segments == 0, -1e4)]
            right += int((torch.stack([b.argmax(1) for b in best], 1) == spans).all(1).sum())
    return right / len(examples)


def gates(folder):
    """Prints the score and returns what is wrong."""
    share, embedded = exact_share(folder), sum((folder / name).stat().st_size for name in FILES)
    both = embedded + sum((mrpc.SAMPLE / name).stat().st_size for name in mrpc.FILES)
    print(f"{share:.4f} of the scored answers found to the token; both samples have {both} bytes")
    return [text for wrong, text in (
        (not 0.25 <= share <= 0.9, "the share of answers found is not within 0.25 .. 0.9"),
        (both > 8_000_000, "both samples together are larger than 8 MB"),
    ) if wrong]


def check():
    """0 if the committed files are what this script makes (see make_sample_model.py), else 1."""
    problems = [f"committed: {p}" for p in gates(mrpc.SAMPLE)]
    if mrpc.digest(mrpc.SAMPLE / FILES[2]) != WEIGHTS_SHA256:
        problems.append("committed: model.safetensors is not the one that WEIGHTS_SHA256 names")
    with tempfile.TemporaryDirectory() as scratch:
        made = pathlib.Path(scratch)
        make_sample(made)
        for name in FILES:
            same = mrpc.digest(made / name) == mrpc.digest(mrpc.SAMPLE / name)
            print(f"{name}: {'same bytes' if same else 'other bytes'}")
            if not same and name != FILES[2]:
                problems.append(f"{name} differs; it must be the same on every machine")
        if mrpc.digest(made / FILES[2]) != WEIGHTS_SHA256:
            print("the weights are others, as another torch or CPU makes them; their score decides:")
            problems += [f"made here: {p}" for p in gates(made)]
    print("\n".join(problems) or "all as it should be")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing them")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=mrpc.SAMPLE)
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    make_sample(arguments.output)
    print("WEIGHTS_SHA256 =", mrpc.digest(arguments.output / FILES[2]))
    problems = gates(arguments.output)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
