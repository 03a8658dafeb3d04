"""Batches, the training loop and the forward passes of an evaluation. CPU or CUDA; float32."""

import math
import random
import sys
import time

import torch


def collate(features, pad=0):
    """Tensors of one batch, padded to its longest."""
    longest = max(len(feature["input_ids"]) for feature in features)
    batch = {}
    for name, value in features[0].items():
        if isinstance(value, list):
            fill = pad if name == "input_ids" else 0
            batch[name] = torch.tensor([f[name] + [fill] * (longest - len(f[name])) for f in features])
        else:
            batch[name] = torch.tensor([feature[name] for feature in features])
    lengths = torch.tensor([len(feature["input_ids"]) for feature in features])
    batch["attention_mask"] = (torch.arange(longest) < lengths[:, None]).long()
    return batch


def batches_by_length(features, size, rng, pool=50):
    """Each feature once, in random order, but with those of about one length together: little is padded."""
    order = list(range(len(features)))
    rng.shuffle(order)
    batches = []
    for first in range(0, len(order), size * pool):
        part = sorted(order[first : first + size * pool], key=lambda i: len(features[i]["input_ids"]))
        batches += [part[i : i + size] for i in range(0, len(part), size)]
    rng.shuffle(batches)
    return [[features[i] for i in batch] for batch in batches]


def passes_of(features, settings):
    """How many forward passes a training has, which is what start_step counts."""
    each = math.ceil(len(features) / settings.per_gpu_train_batch_size)
    if settings.max_steps > 0:
        return settings.max_steps * settings.gradient_accumulation_steps
    return each * settings.num_train_epochs


def optimizer_for(model, settings):
    """AdamW; biases and LayerNorms do not decay."""
    plain, decaying = [], []
    for name, parameter in model.named_parameters():
        (plain if name.endswith("bias") or "LayerNorm" in name else decaying).append(parameter)
    groups = [{"params": decaying, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, eps=settings.adam_epsilon)


def warm_up_and_decay(warm_up, steps):
    """The factor of the learning rate: linear from 0, then linear to 0."""
    return lambda step: step / warm_up if step < warm_up else max(0.0, (steps - step) / max(1, steps - warm_up))


def loss_of_labels(model, batch):
    return model(**batch).loss


def train(model, features, settings, seed, pad=0, at_log=None, loss_of=loss_of_labels):
    """Trains in place. Throws FloatingPointError where the loss is no number."""
    rng, device = random.Random(seed), next(model.parameters()).device
    passes = passes_of(features, settings)
    steps = math.ceil(passes / settings.gradient_accumulation_steps)
    optimizer = optimizer_for(model, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up_and_decay(settings.warmup_steps, steps))
    model.train()
    began, done, step, losses = time.monotonic(), 0, 0, []
    while done < passes:
        for chosen in batches_by_length(features, settings.per_gpu_train_batch_size, rng)[: passes - done]:
            batch = {name: value.to(device) for name, value in collate(chosen, pad).items()}
            loss = loss_of(model, batch)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"step {step}: expected a finite loss, got {losses[-1]}")
            (loss / settings.gradient_accumulation_steps).backward()
            done += 1
            if done % settings.gradient_accumulation_steps and done < passes:
                continue
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            step += 1
            if step % settings.logging_steps == 0 or step == steps:
                left = (time.monotonic() - began) / done * (passes - done)
                mean = sum(losses) / len(losses)
                print(f"step {step} of {steps}: loss {mean:.4f}, {left:.0f} s left", file=sys.stderr, flush=True)
                losses.clear()
                if at_log:
                    at_log(step)
                    model.train()
    return model.eval()


@torch.inference_mode()
def outputs_of(model, features, size, pad=0):
    """What the model says to each feature, in their order: a list of logits, or of (start, end) for each token."""
    device = next(model.parameters()).device
    order = sorted(range(len(features)), key=lambda i: len(features[i]["input_ids"]))
    outputs = [None] * len(features)
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        kept = ("input_ids", "token_type_ids")
        batch = collate([{name: features[i][name] for name in kept} for i in chosen], pad)
        result = model(**{name: value.to(device) for name, value in batch.items()})
        if "logits" in result:
            for i, row in zip(chosen, result.logits.tolist()):
                outputs[i] = row
            continue
        both = torch.stack((result.start_logits, result.end_logits), dim=-1)
        for i, rows in zip(chosen, both.tolist()):
            outputs[i] = rows[: len(features[i]["input_ids"])]
    return outputs
