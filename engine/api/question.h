// One question and its context, from an API's caller to a model and back: what Session and Batcher
// share.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "bertq/session.hpp"
#include "engine/model/model_files.h"
#include "engine/squad/question_answering.h"
#include "tokenizer/tokenizer.h"

namespace bertq {

class Question {
 public:
  // Looks at the context, and at the files' tokenizer. Windows are of at most `max_tokens`. Throws
  // Error, or what the tokenizer throws.
  Question(const engine::ModelFiles& files, std::size_t max_tokens, std::string_view question,
           std::string_view context, const AnswerOptions& options);

  // What the model has to run: a window of the context each.
  std::span<const tokenizer::Encoding> inputs() const { return asked_.features.inputs; }
  // `logits` holds [tokens][2] of each input. Looks at the context and at `listed`, where the
  // candidates are written.
  Answer answer(std::span<const std::span<const float>> logits,
                std::vector<AnswerSpan>& listed) const;

 private:
  std::string_view context_;
  engine::QuestionAnswering answering_;
  engine::QuestionInputs asked_;
};

}  // namespace bertq
