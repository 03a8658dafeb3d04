// SQuAD as a task: its questions, the windows that a model runs, the answers and their scores.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/model/model_files.h"
#include "engine/squad/squad_reader.h"
#include "engine/task/evaluation_set.h"

namespace bertq::engine {

// Tokenizes the questions for this model, which outlives the set. `max_tokens`: the longest input,
// special ones included. Throws Error (input) for a model without a span head or a tokenizer, and
// for a question that its window has no room for; Error (usage) for options that make no sense;
// tokenizer::TokenizerError.
std::unique_ptr<EvaluationSet> make_squad_set(SquadVersion version, SquadExamples examples,
                                              const ModelFiles& files, std::size_t max_tokens,
                                              const SquadOptions& options);

}  // namespace bertq::engine
