#!/usr/bin/env python3
"""Writes a Hugging Face BERT as google-research's TensorFlow code would have: a folder, or its .zip.

    scripts/convert_to_tensorflow.py DIR OUT [--zip]

DIR holds config.json, model.safetensors and vocab.txt. OUT gets bert_config.json, vocab.txt and
bert_model.ckpt.{index,data-…}, all values in float32; with --zip, OUT is an archive of such a folder,
named as the file. Needs what make_tensorflow_checkpoints.py needs.

bert_config.json cannot say that "gelu" is the erf form, which Hugging Face's is: where a model was trained
with that, bertq has to be told (--activation erf).
"""

import argparse
import json
import pathlib
import shutil
import tempfile
import zipfile

import numpy as np
from safetensors import safe_open

import make_tensorflow_checkpoints


def google_config(settings):
    """What of config.json has a place in bert_config.json."""
    return {key: settings[key] for key in make_tensorflow_checkpoints.bert_config()}


def variables_of(path):
    with safe_open(path, "numpy") as stored:
        names = [name for name in stored.keys() if not name.endswith("position_ids")]
        values = {name: stored.get_tensor(name).astype(np.float32) for name in names}
    return dict(make_tensorflow_checkpoints.tensorflow_variable(*item) for item in values.items())


def convert(source, folder):
    settings = json.loads((source / "config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps(google_config(settings), indent=2) + "\n")
    shutil.copyfile(source / "vocab.txt", folder / "vocab.txt")
    tensors = variables_of(source / "model.safetensors")
    make_tensorflow_checkpoints.save(folder / "bert_model.ckpt", tensors)
    make_tensorflow_checkpoints.expect_same(folder / "bert_model.ckpt", tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path, metavar="DIR")
    parser.add_argument("out", type=pathlib.Path, metavar="OUT")
    parser.add_argument("--zip", action="store_true")
    arguments = parser.parse_args()
    if not arguments.zip:
        arguments.out.mkdir(parents=True, exist_ok=True)
        return convert(arguments.source, arguments.out)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        convert(arguments.source, folder)
        with zipfile.ZipFile(arguments.out, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, f"{arguments.out.stem}/{file.name}")


if __name__ == "__main__":
    main()
