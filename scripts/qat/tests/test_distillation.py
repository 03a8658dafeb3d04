"""The teacher's answers as a loss."""

import random
import unittest

import torch

import tiny_torch
from qat import distillation, training


def batch():
    rng = random.Random(3)
    features = [
        {"input_ids": [rng.randrange(5, 12) for _ in range(length)], "token_type_ids": [0] * length, "labels": 1} for length in (3, 8, 5)
    ]  # fmt: skip
    return training.collate(features)


class Loss(unittest.TestCase):
    def test_is_nothing_where_the_student_is_the_teacher(self):
        student = tiny_torch.model().train()
        distillation.without_dropout(student)
        self.assertLess(distillation.Distillation(tiny_torch.model())(student, batch()).item(), 1e-10)

    def test_is_the_squared_error_of_the_logits_and_of_the_layers(self):
        student, teacher = tiny_torch.model().eval(), tiny_torch.model().eval()
        with torch.no_grad():
            student.bert.encoder.layer[0].output.dense.bias += 0.3 * torch.randn(16, generator=torch.Generator().manual_seed(1))
        loss = distillation.Distillation(teacher)(student, batch())
        kept = batch()["attention_mask"].bool().numpy()
        ours, theirs = (model(**batch(), output_hidden_states=True) for model in (student, teacher))
        want = ((ours.logits - theirs.logits) ** 2).mean().item()
        layers = []
        for a, b in zip(ours.hidden_states[1:], theirs.hidden_states[1:]):
            a, b = a.detach().numpy()[kept], b.detach().numpy()[kept]
            layers.append(((a - b) ** 2).mean() / b.var(ddof=1))
        self.assertAlmostEqual(loss.item(), want + sum(layers) / len(layers), places=5)
        self.assertGreater(layers[0], 0)
        loss.backward()
        self.assertTrue(all(parameter.grad is None for parameter in teacher.parameters()))
        self.assertIsNotNone(student.classifier.weight.grad)

    def test_brings_the_student_nearer(self):
        student, teacher = tiny_torch.model().train(), tiny_torch.model()
        distillation.without_dropout(student)
        with torch.no_grad():
            student.classifier.bias += 1
        loss_of, optimizer = distillation.Distillation(teacher), torch.optim.SGD(student.parameters(), 0.1)
        losses = []
        for _ in range(10):
            loss = loss_of(student, batch())
            losses.append(loss.item())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        self.assertLess(losses[-1], 0.5 * losses[0])
