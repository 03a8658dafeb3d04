"""A loss that asks for a teacher's answers in the place of labels: an FP32 model of the same shape, such as the one that the
training starts from. What is lost by rounding is then all there is to learn, and what the labels would teach anew, which is to
know the training set by heart, is not.
"""

import torch
from torch.nn import functional

INPUTS = ("input_ids", "token_type_ids", "attention_mask")


def logits_of(outputs, mask):
    """A matrix, whatever the task: of questions, a row for each token that is no padding."""
    if "logits" in outputs:
        return outputs.logits
    return torch.stack((outputs.start_logits, outputs.end_logits), dim=-1)[mask]


def hidden_loss(student, teacher, mask):
    """Mean over the layers of the squared error of what each hands on, relative to the variance of the teacher's."""
    losses = [
        (ours[mask] - theirs[mask]).square().mean() / theirs[mask].var()
        for ours, theirs in zip(student.hidden_states[1:], teacher.hidden_states[1:])
    ]
    return torch.stack(losses).mean()


class Distillation:
    """loss(model, batch), as training.train takes it: the squared error of the logits, and of the layers beside it."""

    def __init__(self, teacher):
        self.teacher = teacher.eval().requires_grad_(False)

    def __call__(self, model, batch):
        inputs = {name: batch[name] for name in INPUTS}
        mask = batch["attention_mask"].bool()
        with torch.no_grad():
            teacher = self.teacher(**inputs, output_hidden_states=True)
        student = model(**inputs, output_hidden_states=True)
        logits = functional.mse_loss(logits_of(student, mask), logits_of(teacher, mask))
        return logits + hidden_loss(student, teacher, mask)


def without_dropout(model):
    """The teacher answers without; noise in the student would be learned as an error."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
