"""Which layers are quantised, and how: Q8BERT's dictionaries, which stand in config.json beside the model's own keys.

    "attention_query": {"mode": "ema", "requantize_output": true, "start_step": 0, "ema_decay": 0.9999,
                        "activation_bits": 8, "weight_bits": 8}

A layer without a dictionary is an ordinary one, and so is one with mode "none", which is what an absent mode means. Tables
(embeddings) have weights only: of their fields only mode, weight_bits and start_step do anything.
"""

import dataclasses
import json

MODES = ("none", "dynamic", "ema")
# The first that ends a module's name decides: attention.output.dense also ends with output.dense.
MODULES = (
    ("embeddings.word_embeddings", "word_embeddings"),
    ("embeddings.position_embeddings", "position_embeddings"),
    ("embeddings.token_type_embeddings", "token_type_embeddings"),
    ("attention.self.query", "attention_query"),
    ("attention.self.key", "attention_key"),
    ("attention.self.value", "attention_value"),
    ("attention.output.dense", "attention_output"),
    ("intermediate.dense", "ffn_intermediate"),
    ("output.dense", "ffn_output"),
    ("pooler.dense", "pooler"),
    ("classifier", "head"),
    ("qa_outputs", "head"),
)
KEYS = tuple(dict.fromkeys(key for _, key in MODULES))
# Objects of a model's own config.json, which is a valid file to take the dictionaries from.
OTHER_OBJECTS = ("id2label", "label2id", "task_specific_params")


class ConfigurationError(Exception):
    """One line: file, key, what was expected and what is there."""


@dataclasses.dataclass(frozen=True)
class LayerChoice:
    """One dictionary, with Q8BERT's own defaults."""

    activation_bits: int = 8
    weight_bits: int = 8
    mode: str = "none"
    start_step: int = 0  # forward passes of training in FP32 before the first with quantisation
    ema_decay: float = 0.9999
    requantize_output: bool = True


CHECKS = {
    "activation_bits": ("a whole number of 2 to 16", lambda v: type(v) is int and 2 <= v <= 16),
    "weight_bits": ("a whole number of 2 to 16", lambda v: type(v) is int and 2 <= v <= 16),
    "mode": ("one of " + ", ".join(MODES), lambda v: isinstance(v, str) and v in MODES),
    "start_step": ("a whole number from 0", lambda v: type(v) is int and v >= 0),
    "ema_decay": ("a number from 0 to below 1", lambda v: type(v) in (int, float) and 0 <= v < 1),
    "requantize_output": ("true or false", lambda v: type(v) is bool),
}


def key_of(module):
    """ "bert.pooler.dense" -> "pooler"; None for what has no key."""
    return next((key for end, key in MODULES if module == end or module.endswith("." + end)), None)


def layer_choice(fields, place):
    if not isinstance(fields, dict):
        raise ConfigurationError(f"{place}: expected an object, got {json.dumps(fields)}")
    for field, value in fields.items():
        if field not in CHECKS:
            raise ConfigurationError(f"{place}: expected one of {', '.join(CHECKS)}, got {field!r}")
        expected, holds = CHECKS[field]
        if not holds(value):
            raise ConfigurationError(f"{place}: {field}: expected {expected}, got {json.dumps(value)}")
    return LayerChoice(**fields)


def from_dict(document, name):
    """{key: LayerChoice} of a config.json or of a file with the dictionaries alone."""
    if not isinstance(document, dict):
        raise ConfigurationError(f"{name}: expected an object, got {type(document).__name__}")
    for key, value in document.items():
        if isinstance(value, dict) and key not in KEYS + OTHER_OBJECTS:
            raise ConfigurationError(f"{name}: expected objects named {', '.join(KEYS)}, got {key!r}")
    return {key: layer_choice(document[key], f"{name}: {key}") for key in KEYS if key in document}


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            configuration = from_dict(json.load(file), str(path))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: expected a JSON file, got: {error}") from None
    if not configuration:
        raise ConfigurationError(f"{path}: expected at least one of {', '.join(KEYS)}, got none")
    return configuration


def to_dict(configuration):
    return {key: dataclasses.asdict(choice) for key, choice in configuration.items()}


def default(passes, calibrated=False):
    """What nlp-architect ships for BERT, fitted to a training of so many forward passes.

    Everything with moving averages but the table of segments; only queries and keys, whose product is next, are rounded again.
    The head starts later than the rest (200 passes), since a new one has no range worth averaging at first; in a short training
    after a quarter of it. A decay of .9999 averages over the last 10 000 passes: in a training of hundreds the threshold would
    stay at what the first batch had. So it averages over a tenth of the training, if that is shorter. Ranges that were calibrated
    before the first step are meant to stay: .9999 then, and the head starts with the rest.
    """
    decay = 0.9999 if calibrated else min(0.9999, max(0.9, round(1 - 10 / max(passes, 1), 4)))
    layer = LayerChoice(mode="ema", ema_decay=decay, requantize_output=False)
    configuration = {key: layer for key in KEYS}
    for key in ("attention_query", "attention_key"):
        configuration[key] = dataclasses.replace(layer, requantize_output=True)
    configuration["head"] = dataclasses.replace(layer, start_step=0 if calibrated else min(200, passes // 4))
    configuration["token_type_embeddings"] = LayerChoice(requantize_output=False)
    return configuration


def check_start_steps(configuration, passes):
    """Before hours are spent: a layer that starts after the end would have no range."""
    for key, choice in configuration.items():
        if choice.mode != "none" and choice.start_step >= passes:
            raise ConfigurationError(
                f"{key}: start_step: expected less than the {passes} forward passes of this training, got {choice.start_step}"
            )
