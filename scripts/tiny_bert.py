"""The tiny BERT that all checkpoint fixtures hold: the same values from one seed, in every form.

Small enough to be committed in each format, and with no two sizes alike but query, key and value,
so that a transposed kernel or a swapped dimension shows.
"""

import json
from pathlib import Path

import numpy as np

HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS, SEGMENTS, LABELS = 16, 2, 2, 24, 32, 2, 2
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = (
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    + list(LETTERS)
    + ["##" + letter for letter in LETTERS]
    + ["the", "red", "dog", "sat", "on", "it", "."]
)
PAIRS = [
    ("the red dog sat.", "a dog sat on it."),
    ("it", None),
    ("sat on the dog", "the cat"),
    ("a zebra quit", "the red dog sat on it . . ."),
]
FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "checkpoints"


def config(**changes):
    """config.json as transformers writes it for BertForSequenceClassification."""
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INTERMEDIATE,
        "vocab_size": len(VOCABULARY),
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": SEGMENTS,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "id2label": {"0": "no", "1": "yes"},
        "label2id": {"no": 0, "yes": 1},
        "pad_token_id": 0,
        **changes,
    }


def state_dict(heads=("classifier",)):
    """Names as Hugging Face has them, to float32 arrays. heads: "classifier", "qa_outputs"."""
    random = np.random.default_rng(20261121)
    tensors = {}

    def normal(name, *shape, deviation=0.3, mean=0.0):
        values = random.normal(mean, deviation, size=shape)
        tensors[name] = values.astype(np.float32)

    def linear(module, outputs, inputs):
        normal(module + ".weight", outputs, inputs)
        normal(module + ".bias", outputs, deviation=0.1)

    def layer_norm(module):
        normal(module + ".weight", HIDDEN, deviation=0.2, mean=1.0)
        normal(module + ".bias", HIDDEN, deviation=0.1)

    embeddings = "bert.embeddings."
    normal(embeddings + "word_embeddings.weight", len(VOCABULARY), HIDDEN)
    normal(embeddings + "position_embeddings.weight", POSITIONS, HIDDEN)
    normal(embeddings + "token_type_embeddings.weight", SEGMENTS, HIDDEN)
    layer_norm(embeddings + "LayerNorm")
    for layer in range(LAYERS):
        prefix = f"bert.encoder.layer.{layer}."
        for part in ("query", "key", "value"):
            linear(prefix + "attention.self." + part, HIDDEN, HIDDEN)
        linear(prefix + "attention.output.dense", HIDDEN, HIDDEN)
        layer_norm(prefix + "attention.output.LayerNorm")
        linear(prefix + "intermediate.dense", INTERMEDIATE, HIDDEN)
        linear(prefix + "output.dense", HIDDEN, INTERMEDIATE)
        layer_norm(prefix + "output.LayerNorm")
    linear("bert.pooler.dense", HIDDEN, HIDDEN)
    linear("classifier", LABELS, HIDDEN)
    linear("qa_outputs", 2, HIDDEN)
    absent = tuple(head + "." for head in ("classifier", "qa_outputs") if head not in heads)
    return {name: value for name, value in tensors.items() if not name.startswith(absent or "\0")}


def write_folder(form, settings=None, vocabulary=True):
    """Makes tests/data/checkpoints/<form> with config.json and vocab.txt; returns its path."""
    folder = FIXTURES / form
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings or config(), indent=2) + "\n")
    if vocabulary:
        (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return folder
