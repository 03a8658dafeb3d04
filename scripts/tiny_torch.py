"""The tiny BERT of tiny_bert.py as modules of PyTorch and transformers, float and quantised."""

import io
import warnings

import torch
import transformers

import tiny_bert

MODELS = {
    "classifier": transformers.BertForSequenceClassification,
    "qa_outputs": transformers.BertForQuestionAnswering,
}


def tensors(heads=("classifier",), dtype=torch.float32):
    """state_dict() of tiny_bert as tensors of PyTorch."""
    values = tiny_bert.state_dict(heads)
    return {name: torch.from_numpy(value).to(dtype) for name, value in values.items()}


def model(head="classifier"):
    settings = transformers.BertConfig(**tiny_bert.config(), attn_implementation="eager")
    module = MODELS[head](settings).eval()
    result = module.load_state_dict(tensors((head,)), strict=False)
    assert not result.missing_keys and not result.unexpected_keys, result
    return module


def quantized(module, dtype=torch.qint8, per_channel=False):
    """What PyTorch's dynamic quantisation makes of all linear layers."""
    torch.backends.quantized.engine = "fbgemm"
    plan = {torch.nn.Linear}
    if per_channel:
        plan = {torch.nn.Linear: torch.ao.quantization.per_channel_dynamic_qconfig}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(module, plan, dtype=dtype)


def traced(module):
    """torch.jit.trace of the forward pass on a batch of two."""
    ids = torch.tensor([[2, 57, 58, 59, 3, 5, 3], [2, 62, 3, 6, 7, 8, 3]])
    mask, segments = torch.ones_like(ids), torch.zeros_like(ids)
    segments[:, 5:] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.config.return_dict = False
        return torch.jit.trace(module, (ids, mask, segments), strict=False)


def save_script(script, file):
    """torch.jit.save, without the records that say where on this machine the sources lay."""
    whole = io.BytesIO()
    torch.jit.save(script, whole)
    whole.seek(0)
    reader = torch._C.PyTorchFileReader(whole)
    writer = torch._C.PyTorchFileWriter(file)
    of_the_writer = ("version", "byteorder", ".")
    for name in reader.get_all_records():
        if not name.endswith(".debug_pkl") and not name.startswith(of_the_writer):
            record = reader.get_record(name)
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
