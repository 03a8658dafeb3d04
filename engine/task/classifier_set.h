// An EvaluationSet of single texts or pairs, each with one class or value: the GLUE tasks and what
// users bring of the same kind.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/task/evaluation_set.h"
#include "engine/task/table_reader.h"

namespace bertq::engine {

// How the logits of an input are read and judged.
struct ClassifierTask {
  std::vector<Metric> metrics;  // of classes, or all of values
  Metric goal = Metric::accuracy;
  std::vector<std::string> classes;   // as the files name them; none where answers are values
  std::vector<std::size_t> logit_of;  // each class
};

// Several sets (MNLI) are scored side by side: the metrics of all but the first have the set's
// suffix, and the goal is about the first. They are all labelled, or none is.
struct ClassifierPart {
  ExampleSet set;
  std::string_view suffix;  // a literal; "_mm"
};

// `max_tokens`: the longest input, special ones included.
std::unique_ptr<EvaluationSet> make_classifier_set(ClassifierTask task,
                                                   std::vector<ClassifierPart> parts,
                                                   const tokenizer::Tokenizer& tokenizer,
                                                   std::size_t max_tokens);

}  // namespace bertq::engine
