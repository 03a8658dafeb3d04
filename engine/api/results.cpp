#include "engine/api/results.h"

#include "engine/squad/question_answering.h"
#include "engine/task/classification.h"
#include "engine/task/metrics.h"

namespace bertq {

Classification classification_of(const Model& model, std::span<const float> logits,
                                 std::span<double> probabilities, bool truncated) {
  engine::class_probabilities(logits, probabilities);
  Classification result;
  result.index = engine::argmax(logits);
  if (const auto labels = model.labels(); !labels.empty()) result.label = labels[result.index];
  result.score = probabilities[result.index];
  result.probabilities = probabilities;
  result.logits = logits;
  result.truncated = truncated;
  return result;
}

engine::PoolingChoice pooling_choice(const engine::ModelFiles& files,
                                     const EmbeddingOptions& options) {
  engine::PoolingChoice choice = files.pooling.value_or(engine::PoolingChoice{});
  if (options.pooling) {
    choice.pooling =
        *options.pooling == Pooling::cls ? engine::Pooling::cls : engine::Pooling::mean;
  }
  choice.normalize = options.normalize.value_or(choice.normalize);
  return choice;
}

engine::SquadOptions squad_options(const AnswerOptions& options, std::size_t max_tokens) {
  engine::SquadOptions squad;
  squad.n_best = options.n_best;
  squad.max_answer = options.max_answer;
  squad.max_query = options.max_question;
  squad.null_threshold = options.null_threshold;
  if (options.doc_stride == 0) {
    engine::fit_doc_stride(max_tokens, squad);
  } else {
    squad.doc_stride = options.doc_stride;
  }
  return squad;
}

AnswerSpan answer_span(std::string_view context, const engine::SquadCandidate& candidate) {
  const auto [begin, end] = candidate.bytes;
  return {context.substr(begin, end - begin),
          {begin, end},
          candidate.probability,
          candidate.start_logit,
          candidate.end_logit};
}

}  // namespace bertq
