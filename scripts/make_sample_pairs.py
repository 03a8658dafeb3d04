#!/usr/bin/env python3
"""Makes the sentence pairs of the embedded sample, in MRPC's own file format, from a seed.

    scripts/make_sample_pairs.py --train build/sample/train.tsv --scored engine/sample/mrpc.tsv

Only Python's standard library; the same bytes on every machine. The pairs are made up (sample_grammar.py), and they are
made to be about as hard as MRPC is: one in seven is a matter of opinion (a day or a source differs, an amount is rounded,
a second piece of news is added) where annotators would disagree, so its label is drawn.

No sentence of the scored part occurs in the training part, and none shares more than `NEAR` of its words with one.
"""

import argparse
import pathlib
import random
import re
from collections import Counter

from sample_grammar import FRAMES, World, render

HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
SEED = 20240817
TRAIN_PAIRS, SCORED_PAIRS = 16000, 500
POSITIVE_RATE = 0.65
NEAR = 0.75  # largest share of common words (Jaccard) between a scored sentence and one of the training part


def draw_event(world, rng):
    frame = rng.choice(sorted(FRAMES))
    makers = FRAMES[frame][0]
    slots = {name: make(world, rng) for name, make in makers.items()}
    return frame, slots


def redraw(frame, slots, name, world, rng):
    """The event with another value of one slot."""
    value = slots[name]
    while value == slots[name]:
        value = FRAMES[frame][0][name](world, rng)
    return {**slots, name: value}


def two_sentences(frame, first, second, rng, must_show=()):
    """Both events in words, differently put; each shows the slots `must_show`, or None after some tries."""
    sentences = FRAMES[frame][1]
    for _ in range(40):
        a, used_a = render(rng.choice(sentences), first, rng)
        b, used_b = render(rng.choice(sentences), second, rng)
        if a != b and all(n in used_a and n in used_b for n in must_show):
            return a, b
    return None


def paraphrase(world, rng):
    frame, slots = draw_event(world, rng)
    return two_sentences(frame, slots, slots, rng), 1


def one_fact_changed(world, rng):
    frame, slots = draw_event(world, rng)
    makers, _, _, details = FRAMES[frame]
    name = rng.choice([n for n in makers if n not in details])
    return two_sentences(frame, slots, redraw(frame, slots, name, world, rng), rng, (name,)), 0


def roles_swapped(world, rng):
    while True:
        frame, slots = draw_event(world, rng)
        if FRAMES[frame][2]:
            a, b = FRAMES[frame][2]
            return two_sentences(frame, slots, {**slots, a: slots[b], b: slots[a]}, rng, (a, b)), 0


def negated(world, rng):
    while True:
        frame, slots = draw_event(world, rng)
        if frame == "quote":
            other = {**slots, "say": {"": slots["say"]["neg"]}}
            pair = [slots, other]
            rng.shuffle(pair)
            return two_sentences(frame, *pair, rng, ("say",)), 0


def related(world, rng):
    """The same kind of news with several other facts."""
    frame, slots = draw_event(world, rng)
    other = slots
    for name in rng.sample(sorted(slots), 2 if len(slots) < 5 else 3):
        other = redraw(frame, other, name, world, rng)
    return two_sentences(frame, slots, other, rng), 0


def detail_changed(world, rng):
    """Only the day, the source or the like differs: most annotators let it pass."""
    frame, slots = draw_event(world, rng)
    name = rng.choice(FRAMES[frame][3])
    pair = two_sentences(frame, slots, redraw(frame, slots, name, world, rng), rng, (name,))
    return pair, int(rng.random() < 0.8)


def amount_rounded(world, rng):
    """One sentence gives the exact amount, the other a rough one."""
    while True:
        frame, slots = draw_event(world, rng)
        near = [n for n in sorted(slots) if "near" in slots[n]]
        if near:
            name = rng.choice(near)
            rough = {**slots, name: slots[name]["near"]}
            pair = [slots, rough]
            rng.shuffle(pair)
            return two_sentences(frame, *pair, rng, (name,)), int(rng.random() < 0.8)


def with_more(world, rng):
    """A paraphrase with a second piece of news attached to one side."""
    frame, slots = draw_event(world, rng)
    pair = two_sentences(frame, slots, slots, rng)
    if pair is None:
        return None, 0
    extra, other = draw_event(world, rng)
    tail, _ = render(rng.choice(FRAMES[extra][1]), other, rng)
    longer = f"{pair[0]} {tail}"
    return ((longer, pair[1]) if rng.random() < 0.5 else (pair[1], longer)), int(rng.random() < 0.3)


# How often each kind is tried; labels are then balanced to POSITIVE_RATE.
KINDS = [(paraphrase, 50), (one_fact_changed, 26), (roles_swapped, 4), (negated, 3), (related, 6), (detail_changed, 7),
         (amount_rounded, 5), (with_more, 4)]


def words(sentence):
    return frozenset(re.findall(r"\w+", sentence.lower()))


class NearCopies:
    """Finds sentences that share most of their words with one already added."""

    def __init__(self, sentences):
        self.sets = sorted({words(s) for s in sentences}, key=sorted)
        self.by_word = {}
        for index, entry in enumerate(self.sets):
            for word in entry:
                self.by_word.setdefault(word, []).append(index)

    def nearest(self, sentence):
        entry = words(sentence)
        common = Counter(i for word in sorted(entry) for i in self.by_word.get(word, ()))
        return max((n / (len(entry) + len(self.sets[i]) - n) for i, n in common.items()), default=0.0)


def make_part(count, world, rng, accept):
    """`count` labelled pairs, a share of POSITIVE_RATE of them positive, whose sentences `accept` takes, all different."""
    wanted = {1: round(count * POSITIVE_RATE)}
    wanted[0] = count - wanted[1]
    kinds, weights = zip(*KINDS)
    pairs, seen = [], set()
    while len(pairs) < count:
        pair, label = rng.choices(kinds, weights)[0](world, rng)
        if pair is None or not wanted[label] or seen.intersection(pair) or not all(accept(s) for s in pair):
            continue
        wanted[label] -= 1
        seen.update(pair)
        pairs.append((label, *pair))
    rng.shuffle(pairs)
    return pairs


def tsv(pairs, rng):
    """The file's text; ids are made up too, ascending like those of a news archive."""
    lines, number = [HEADER], rng.randrange(1000000, 1100000)
    for label, a, b in pairs:
        first, number = number, number + rng.randrange(1, 90)
        lines.append(f"{label}\t{first}\t{number}\t{a}\t{b}\n")
        number += rng.randrange(1, 900)
    return "".join(lines)


def make_pairs(seed=SEED):
    """The texts of the training file and of the scored file."""
    rng = random.Random(seed)
    world = World(rng)
    train = make_part(TRAIN_PAIRS, world, rng, lambda s: True)
    trained = {s for _, a, b in train for s in (a, b)}
    near = NearCopies(trained)
    scored = make_part(SCORED_PAIRS, world, rng, lambda s: s not in trained and near.nearest(s) <= NEAR)
    check(train, scored)
    return tsv(train, rng), tsv(scored, rng)


def check(train, scored):
    trained = {s for _, a, b in train for s in (a, b)}
    near = NearCopies(trained)
    for _, *pair in scored:
        for sentence in pair:
            assert sentence not in trained and near.nearest(sentence) <= NEAR, sentence
    assert abs(sum(label for label, *_ in scored) / len(scored) - POSITIVE_RATE) < 0.01


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--scored", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    for path, text in zip((arguments.train, arguments.scored), make_pairs(arguments.seed)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        print(f"{path}: {text.count(chr(10)) - 1} pairs")


if __name__ == "__main__":
    main()
