// From what the engine gives to what the library's users see.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "bertq/model.hpp"
#include "bertq/session.hpp"
#include "engine/model/model_files.h"
#include "engine/squad/squad_answers.h"
#include "engine/task/evaluation_set.h"

namespace bertq {

// Writes the probabilities, as many as logits, and looks at both.
Classification classification_of(const Model& model, std::span<const float> logits,
                                 std::span<double> probabilities, bool truncated);

engine::PoolingChoice pooling_choice(const engine::ModelFiles& files,
                                     const EmbeddingOptions& options);

// For windows of `max_tokens`.
engine::SquadOptions squad_options(const AnswerOptions& options, std::size_t max_tokens);

// Looks at the context.
AnswerSpan answer_span(std::string_view context, const engine::SquadCandidate& candidate);

}  // namespace bertq
