"""The two tokenizers that bertq reproduces, and the texts to compare them on.

HfReference is Hugging Face `tokenizers` with BERT's parts. GoogleReference is written anew from what google-research/bert
says of its tokenization.py: clean, pad ideographs, split at white space, lower-case, strip accents, split punctuation,
WordPiece. It takes all it knows of Unicode from Python's unicodedata, as the original does; bertq's profile is frozen to
FROZEN_UNICODE, so another Python may differ in code points that are younger.
"""

import unicodedata

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

FROZEN_UNICODE = "14.0.0"
CONTEXTS = ("{}", "a{}", "{}a", "a{}b")
SURROGATES = range(0xD800, 0xE000)

IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
              (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
ASCII_SYMBOLS = ((33, 47), (58, 64), (91, 96), (123, 126))


def within(ranges, char):
    return any(first <= ord(char) <= last for first, last in ranges)


SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class HfReference:
    """`tokenizers` on a vocabulary {token: id}; it finds BERT's special tokens in a text."""

    def __init__(self, vocab, cased):
        self.tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
        self.tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased)
        self.tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self.tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL if name in vocab])
        self.tokenizer.post_processor = processors.BertProcessing(*((name, vocab[name]) for name in ("[SEP]", "[CLS]")))

    def encode_batch(self, inputs, add_special_tokens=True):
        """Of texts and pairs: [(ids, byte spans)]; a span of a pair's second text lies in that."""
        encodings = self.tokenizer.encode_batch(list(inputs), add_special_tokens=add_special_tokens)
        return [(encoding.ids, byte_spans(text, encoding)) for text, encoding in zip(inputs, encodings)]


def byte_spans(text, encoding):
    """tokenizers counts code points."""
    offsets = [byte_offsets(part) for part in (text if isinstance(text, tuple) else (text,))]
    return [(offsets[part or 0][begin], offsets[part or 0][end])
            for part, (begin, end) in zip(encoding.sequence_ids, encoding.offsets)]


def byte_offsets(text):
    """[i]: the byte where code point i of the text begins; one more entry for its end."""
    offsets = [0]
    for char in text:
        code = ord(char)
        offsets.append(offsets[-1] + 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF))
    return offsets


class GoogleReference:
    """tokenization.py's FullTokenizer on a vocabulary {token: id}."""

    MAX_CHARACTERS = 200

    def __init__(self, vocab, cased):
        self.vocab, self.cased = vocab, cased
        self.longest = max(map(len, vocab))

    def encode(self, text):
        """A text's ids, without special tokens."""
        return [id for word in self.words(text) for id in self.pieces(word)]

    def encode_batch(self, inputs):
        """Of texts and pairs: [(ids, None)]; it knows no spans."""
        return [(self.encode_input(text if isinstance(text, tuple) else (text,)), None) for text in inputs]

    def encode_input(self, texts):
        ids = [self.vocab["[CLS]"]]
        for text in texts:
            ids += [*self.encode(text), self.vocab["[SEP]"]]
        return ids

    def words(self, text):
        for token in self.pad_ideographs(self.clean(text)).split():
            if not self.cased:
                token = self.strip_accents(token.lower())
            yield from self.split_punctuation(token)

    @staticmethod
    def clean(text):
        kept = []
        for char in text:
            category = unicodedata.category(char)
            if char in " \t\n\r" or category == "Zs":
                kept.append(" ")
            elif char not in "\0\ufffd" and category not in ("Cc", "Cf"):
                kept.append(char)
        return "".join(kept)

    @staticmethod
    def pad_ideographs(text):
        return "".join(f" {char} " if within(IDEOGRAPHS, char) else char for char in text)

    @staticmethod
    def strip_accents(text):
        return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")

    @staticmethod
    def split_punctuation(text):
        padded = (f" {char} " if within(ASCII_SYMBOLS, char) or unicodedata.category(char)[0] == "P" else char
                  for char in text)
        return "".join(padded).split()

    def pieces(self, word):
        """Greedy longest match; all or nothing."""
        unknown = [self.vocab["[UNK]"]]
        if len(word) > self.MAX_CHARACTERS:
            return unknown
        ids, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self.longest), start, -1):
                if prefix + word[start:end] in self.vocab:
                    break
            else:
                return unknown
            ids.append(self.vocab[prefix + word[start:end]])
            start = end
        return ids


def read_vocab(path):
    """vocab.txt, as `tokenizers` reads it: white space at the end of a line is not part of the token."""
    with open(path, encoding="utf-8", newline="\n") as file:
        return {line.rstrip(): id for id, line in enumerate(file)}
