"""A BERT as LPOT's PyTorch example leaves it for static quantisation: a QuantStub and a DeQuantStub in
every block, and query, key and value as one linear layer, attention.self.mixed.

Module names and the order of operations are those of LPOT's example; anything from Python 3.7 and
torch 1.5 on runs it.
"""

from collections import OrderedDict

import torch

Stub, DeStub = torch.quantization.QuantStub, torch.quantization.DeQuantStub


class Stubbed(torch.nn.Module):
    """A block with quant and dequant beside its one linear layer."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = Stub(), DeStub()

    def through(self, linear, x):
        return self.dequant(linear(self.quant(x)))


class SelfAttention(Stubbed):
    def __init__(self, config):
        super().__init__()
        self.mixed = torch.nn.Linear(config["hidden_size"], 3 * config["hidden_size"])
        self.heads = config["num_attention_heads"]

    def forward(self, x, mask):
        def split(rows):
            return rows.view(*rows.shape[:2], self.heads, -1).transpose(1, 2)

        query, key, value = map(split, self.through(self.mixed, x).chunk(3, dim=2))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + mask
        return (scores.softmax(-1) @ value).transpose(1, 2).reshape(x.shape)


class Output(Stubbed):
    def __init__(self, inputs, config):
        super().__init__()
        self.dense = torch.nn.Linear(inputs, config["hidden_size"])
        self.LayerNorm = torch.nn.LayerNorm(config["hidden_size"], eps=config["layer_norm_eps"])

    def forward(self, x, residual):
        return self.LayerNorm(self.through(self.dense, x) + residual)


class Dense(Stubbed):
    def __init__(self, inputs, outputs, activation):
        super().__init__()
        self.dense, self.activation = torch.nn.Linear(inputs, outputs), activation

    def forward(self, x):
        return self.activation(self.through(self.dense, x))


class Attention(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self, self.output = SelfAttention(config), Output(config["hidden_size"], config)


class Layer(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, wide = config["hidden_size"], config["intermediate_size"]
        self.attention = Attention(config)
        self.intermediate = Dense(hidden, wide, torch.nn.functional.gelu)
        self.output = Output(wide, config)

    def forward(self, x, mask):
        x = self.attention.output(self.attention.self(x, mask), x)
        return self.output(self.intermediate(x), x)


class Embeddings(Stubbed):
    """Its stubs are there, but nothing goes through them."""

    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.word_embeddings = torch.nn.Embedding(config["vocab_size"], hidden)
        self.position_embeddings = torch.nn.Embedding(config["max_position_embeddings"], hidden)
        self.token_type_embeddings = torch.nn.Embedding(config["type_vocab_size"], hidden)
        self.LayerNorm = torch.nn.LayerNorm(hidden, eps=config["layer_norm_eps"])

    def forward(self, ids, segments):
        x = self.word_embeddings(ids) + self.position_embeddings(torch.arange(ids.shape[1]))
        return self.LayerNorm(x + self.token_type_embeddings(segments))


class Encoder(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = torch.nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))

    def forward(self, x, mask):
        for layer in self.layer:
            x = layer(x, mask)
        return x


class Body(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        self.pooler = Dense(config["hidden_size"], config["hidden_size"], torch.tanh)

    def forward(self, ids, segments, attention_mask):
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -10000.0
        return self.pooler(self.encoder(self.embeddings(ids, segments), mask)[:, 0])


class LpotBert(Stubbed):
    """Of a config.json and a float state dict, both of Hugging Face's BertForSequenceClassification."""

    def __init__(self, config, state):
        super().__init__()
        self.bert = Body(config)
        self.classifier = torch.nn.Linear(config["hidden_size"], state["classifier.bias"].shape[0])
        self.load_state_dict(mixed_state(state))
        self.eval()

    def forward(self, input_ids, token_type_ids, attention_mask):
        return self.through(self.classifier, self.bert(input_ids, token_type_ids, attention_mask))


def mixed_state(state):
    """The state dict with query, key and value below one another in one tensor."""
    mixed = OrderedDict()
    for name, value in state.items():
        if ".attention.self." not in name:
            mixed[name] = value
        elif ".query." in name:
            parts = [state[name.replace(".query.", ".%s." % part)] for part in ("query", "key", "value")]
            mixed[name.replace(".query.", ".mixed.")] = torch.cat(parts)
    return mixed
