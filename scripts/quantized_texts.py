"""The texts that quantised tiny BERTs are asked about, and how they are asked. Runs on torch 1.5, too."""

import numpy as np
import torch

import tiny_bert

LENGTHS = [5, 11, 3, 16, 9, 7, 12, 4, 10, 6]


def texts():
    random = np.random.default_rng(7)
    result = []
    for length in LENGTHS:
        ids = random.integers(5, len(tiny_bert.VOCABULARY), size=length)
        ids[0] = 2
        result.append((ids, (np.arange(length) >= (length + 1) // 2).astype(np.int64)))
    return result


def text_tensors():
    ids, segments = zip(*texts())
    return {
        "ids": np.concatenate(ids).astype(np.float32),
        "segments": np.concatenate(segments).astype(np.float32),
        "bounds": np.cumsum([0, *LENGTHS]).astype(np.float32),
    }


def padded(chosen, length):
    """ids, segments and mask of a batch."""
    ids = torch.zeros(len(chosen), length, dtype=torch.long)
    segments, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, (own, own_segments) in enumerate(chosen):
        ids[row, : len(own)] = torch.from_numpy(own)
        segments[row, : len(own)] = torch.from_numpy(own_segments)
        mask[row, : len(own)] = 1
    return ids, segments, mask


@torch.no_grad()
def logits_of(model, batch, pad_to=0):
    """[texts][labels], `batch` texts at a time."""
    rows = []
    for first in range(0, len(LENGTHS), batch):
        chosen = texts()[first : first + batch]
        ids, segments, mask = padded(chosen, max(pad_to, *(len(own) for own, _ in chosen)))
        result = model(input_ids=ids, token_type_ids=segments, attention_mask=mask)
        rows.append(result if isinstance(result, torch.Tensor) else result.logits)
    return torch.cat(rows).numpy()
