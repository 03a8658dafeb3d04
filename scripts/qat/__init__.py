"""Quantisation-aware training with Q8BERT's fake quantisation, for Hugging Face's BERT in PyTorch.

Written from the paper (Zafrir, Boudoukh, Izsak, Wasserblat: Q8BERT: Quantized 8Bit BERT, arXiv:1910.06188) and the names that
nlp-architect gave to modes, keys and tensors. ../train_q8bert.py is the command.

    fake_quantization   the arithmetic: thresholds, scales, rounding, the straight-through estimator
    configuration       which layers, by config.json's keys
    layers              what is trained: drop-in Linear and Embedding
    integer_layers      what is run: the same layers in integers
    checkpoint          both in a model, and both as files
    glue, squad         tasks: their files, features and metrics
    task_data           both as what training and evaluation want
    calibration         ranges and weights before the first step of a model that knows its task
    distillation        a loss from an FP32 teacher's answers
    training            batches, the training loop, evaluation
"""
