#!/usr/bin/env python3
"""Makes the questions of the embedded sample, in SQuAD v1.1's own file format, from a seed.

    scripts/make_sample_squad_data.py --train build/sample/train.json --scored engine/sample/squad.json

Only Python's standard library; the same bytes on every machine. A context is a handful of made-up news
(sample_grammar.py), often two of one kind, so that a question (sample_questions.py) has to be read to be answered. It names
its event in words that need not be those of the context. No context of the scored part occurs in the training part.
"""

import argparse
import json
import pathlib
import random
import re

from make_sample_pairs import draw_event
from sample_grammar import CHOICE, FRAMES, SLOT, World, render
from sample_questions import QUESTIONS

SEED = 20240911
TRAIN_QUESTIONS, SCORED_QUESTIONS = 20000, 480
EVENTS, EVENT_WEIGHTS = (2, 3, 4, 5, 8), (45, 37, 13, 4, 1)
SAME_KIND = 0.3  # share of contexts with a second event of the same frame
CONTEXTS_AN_ARTICLE = 8


def choose_words(text, rng):
    while "[" in text:
        text = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)
    return text


def settle(value, rng):
    """The value with its wordings chosen, so that what is answered is known to stand in the text."""
    return {form: settle(text, rng) if isinstance(text, dict) else choose_words(text, rng) for form, text in value.items()}


def find_answer(value, sentence):
    """Where in the sentence the longest form of the value stands, once and as whole words; else None."""
    found = None
    for words in value.values():
        if isinstance(words, dict) or (found and len(words) <= found[1] - found[0]):
            continue
        places = [m.span() for m in re.finditer(rf"(?<!\w){re.escape(words)}(?!\w)", sentence)]
        if len(places) == 1:
            found = places[0]
    return found


def ask(frame, slots, used, rng):
    """A slot and a question for it, all of whose other slots the sentence shows; or None."""
    choices = [(slot, wording) for slot, wordings in QUESTIONS[frame].items() for wording in wordings
               if slot in used and all(m.group(1) in used for m in SLOT.finditer(wording))]
    if not choices:
        return None
    slot, wording = rng.choice(choices)
    question, _ = render(wording.replace("?", ""), slots, rng)
    return slot, question.rstrip(".") + "?"


def make_context(world, rng):
    """The text of some events, and questions about them: (question, answer, where it starts).

    Third, what helps a model to learn and no file shows: of each event, where its sentence stands, and of each of its slots
    that shows in it, (name, begin, end).
    """
    count = rng.choices(EVENTS, EVENT_WEIGHTS)[0]
    events = [draw_event(world, rng) for _ in range(count)]
    if rng.random() < SAME_KIND:
        frame = events[0][0]
        events[1] = (frame, {name: make(world, rng) for name, make in FRAMES[frame][0].items()})
    rng.shuffle(events)
    text, questions, told = "", [], []
    for frame, slots in events:
        settled = {name: settle(value, rng) for name, value in slots.items()}
        sentence, used = render(rng.choice(FRAMES[frame][1]), settled, rng)
        asked = ask(frame, slots, used, rng)
        place = asked and find_answer(settled[asked[0]], sentence)
        if place:
            begin = len(text) + place[0]
            questions.append((asked[1], sentence[place[0] : place[1]], begin))
        places = {name: find_answer(value, sentence) for name, value in settled.items() if name in used}
        told.append((len(text), len(text) + len(sentence),
                     [(name, len(text) + span[0], len(text) + span[1]) for name, span in places.items() if span]))
        text += sentence + " "
    text = text.strip()
    # A question whose answer stands elsewhere too, or in the question, would be unfair.
    questions = [q for q in questions if text.count(q[1]) == 1 and q[1] not in q[0]]
    rng.shuffle(questions)
    return text, questions[:3], told


def make_part(count, world, rng, taken):
    """Contexts with `count` questions in all, none of them in `taken`, to which they are added."""
    contexts, questions = [], 0
    while questions < count:
        text, asked, told = make_context(world, rng)
        if text in taken or not asked:
            continue
        taken.add(text)
        asked = asked[: count - questions]
        questions += len(asked)
        contexts.append((text, asked, told))
    return contexts


def squad_json(contexts, rng):
    articles = []
    for start in range(0, len(contexts), CONTEXTS_AN_ARTICLE):
        paragraphs = [{"context": text,
                       "qas": [{"id": f"{rng.getrandbits(96):024x}", "question": question,
                                "answers": [{"text": answer, "answer_start": begin}]} for question, answer, begin in asked]}
                      for text, asked, _ in contexts[start : start + CONTEXTS_AN_ARTICLE]]
        articles.append({"title": f"News_{start // CONTEXTS_AN_ARTICLE + 1}", "paragraphs": paragraphs})
    return json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False, separators=(",", ":")) + "\n"


def make_parts(seed=SEED):
    """The contexts of the training part and of the scored part, and the scored part as a file."""
    rng = random.Random(seed)
    world, taken = World(rng), set()
    train = make_part(TRAIN_QUESTIONS, world, rng, taken)
    scored = make_part(SCORED_QUESTIONS, world, rng, taken)
    return train, scored, squad_json(scored, rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--scored", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    train, _, scored_text = make_parts()
    for path, text in ((arguments.train, squad_json(train, random.Random(0))), (arguments.scored, scored_text)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        print(f"{path}: {text.count(chr(34) + 'id' + chr(34))} questions")


if __name__ == "__main__":
    main()
