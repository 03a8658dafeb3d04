"""Learns a WordPiece vocabulary: pairs of neighbouring pieces are merged, the most frequent first, as byte pair encoding
does. Ties go to the pair that sorts first, so the same sentences always give the same vocabulary."""

import re
import unicodedata
from collections import Counter

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def split_words(text):
    """Lower-cased words without accents, and punctuation marks: what BERT's uncased pre-tokenizer gives for plain English."""
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    return re.findall(r"[^\W_]+|[^\w\s]|_", text)


def merge(pieces, first, second, merged):
    out = []
    for piece in pieces:
        if out and out[-1] == first and piece == second:
            out[-1] = merged
        else:
            out.append(piece)
    return out


def learn_vocabulary(sentences, size):
    """The pieces in the order of their ids: special tokens, single characters, then merged pieces by frequency."""
    counts = Counter(word for sentence in sentences for word in split_words(sentence))
    ascii_signs = {chr(c) for c in range(33, 127) if not chr(c).isupper()}
    characters = sorted(ascii_signs | {c for word in counts for c in word})
    vocabulary = SPECIAL + characters + ["##" + c for c in characters if c.isalnum()]
    words = {word: [word[0]] + ["##" + c for c in word[1:]] for word in sorted(counts)}
    while len(vocabulary) < size:
        neighbours = Counter()
        for word, pieces in words.items():
            for pair in zip(pieces, pieces[1:]):
                neighbours[pair] += counts[word]
        if not neighbours:
            break
        first, second = min(neighbours, key=lambda pair: (-neighbours[pair], pair))
        merged = first + second[2:]
        if merged not in vocabulary:
            vocabulary.append(merged)
        words = {word: merge(pieces, first, second, merged) for word, pieces in words.items()}
    return vocabulary
