// BERT inference on CPUs, in a C++20 program: everything that the library offers.
//
//   const auto model = bertq::Model::load("textattack/bert-base-uncased-MRPC");
//   bertq::Session session(model);
//   const bertq::Classification& result = session.classify({"He left.", "He went away."});
//   use(result.label, result.score);
//
// Model      a loaded checkpoint: immutable, shared by all threads      model.hpp
// Session    one thread's working memory; runs texts and token ids      session.hpp
// Batcher    requests of many threads, run together, as futures         batcher.hpp
// Tokenizer  texts to token ids                                         tokenizer.hpp
// Tuner      the fastest precisions that keep a score                   tuner.hpp
//
// Errors are exceptions of one type, Error, whose kind() says who has to act (error.h); none else
// but those that a caller's own functions throw. The library prints nothing: LoadOptions::log.
// Headers need the standard library alone.
#pragma once

#include "bertq/batcher.hpp"
#include "bertq/error.h"
#include "bertq/export.h"
#include "bertq/model.hpp"
#include "bertq/session.hpp"
#include "bertq/tokenizer.hpp"
#include "bertq/tuner.hpp"
#include "bertq/version.h"
