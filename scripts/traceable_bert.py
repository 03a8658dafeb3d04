"""A BERT for single texts of one length that torch.fx can trace as a whole, unlike Hugging Face's: then
Neural Compressor quantises the products of attention, the sums and the LayerNorms as well.

Module names are those of Hugging Face.
"""

import torch

LENGTH = 16  # of all texts, in tokens


class SelfAttention(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.query, self.key, self.value = (torch.nn.Linear(hidden, hidden) for _ in range(3))
        self.heads = config["num_attention_heads"]

    def forward(self, x):
        def split(rows):
            return rows.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        share = torch.softmax(torch.matmul(query, key.transpose(-1, -2)), -1)
        return torch.matmul(share, value).transpose(1, 2).reshape(x.size(0), x.size(1), -1)


class Output(torch.nn.Module):
    def __init__(self, inputs, config):
        super().__init__()
        self.dense = torch.nn.Linear(inputs, config["hidden_size"])
        self.LayerNorm = torch.nn.LayerNorm(config["hidden_size"], eps=config["layer_norm_eps"])

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class Attention(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self, self.output = SelfAttention(config), Output(config["hidden_size"], config)

    def forward(self, x):
        return self.output(self.self(x), x)


class Dense(torch.nn.Module):
    def __init__(self, inputs, outputs, activation):
        super().__init__()
        self.dense, self.activation = torch.nn.Linear(inputs, outputs), activation

    def forward(self, x):
        return self.activation(self.dense(x))


class Layer(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Dense(config["hidden_size"], config["intermediate_size"], torch.nn.functional.gelu)
        self.output = Output(config["intermediate_size"], config)

    def forward(self, x):
        x = self.attention(x)
        return self.output(self.intermediate(x), x)


class Encoder(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = torch.nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))

    def forward(self, x):
        for layer in self.layer:
            x = layer(x)
        return x


class Embeddings(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.word_embeddings = torch.nn.Embedding(config["vocab_size"], hidden)
        self.position_embeddings = torch.nn.Embedding(config["max_position_embeddings"], hidden)
        self.token_type_embeddings = torch.nn.Embedding(config["type_vocab_size"], hidden)
        self.LayerNorm = torch.nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
        self.register_buffer("position_ids", torch.arange(LENGTH))
        self.register_buffer("token_type_ids", torch.zeros(LENGTH, dtype=torch.long))

    def forward(self, ids):
        positions = self.position_embeddings(self.position_ids)
        segments = self.token_type_embeddings(self.token_type_ids)
        return self.LayerNorm(self.word_embeddings(ids) + segments + positions)


class Bert(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        self.pooler = Dense(hidden, hidden, torch.tanh)

    def forward(self, ids):
        return self.pooler(self.encoder(self.embeddings(ids))[:, 0])


class TraceableBert(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bert = Bert(config)
        self.classifier = torch.nn.Linear(config["hidden_size"], 2)

    def forward(self, ids):
        return self.classifier(self.bert(ids))
