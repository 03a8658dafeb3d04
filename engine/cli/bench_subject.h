// What `bench` measures: a model in a precision, and the batches that it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/cli/bench_requests.h"
#include "engine/cli/console.h"
#include "engine/model/model_files.h"
#include "engine/task/evaluate.h"

namespace bertq::engine::cli {

// Batches that one pass runs, and what it is called.
struct Workload {
  std::string name;  // "8x128", or the name of a task
  std::vector<Batched> batches;
};

// The model, and a tokenizer if it or --vocab brought one.
struct Subject {
  std::string name;         // "bert-base", or where the model came from
  std::string precision;    // "fp32", "int8", "tuned"
  std::string activations;  // "dynamic", "static"
  std::shared_ptr<const Model> model;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
  std::size_t max_tokens = 0;
  // The peak of memory while the model was made: whatever it runs needs that as well.
  std::optional<std::uint64_t> load_peak;
};

using SharedFiles = std::shared_ptr<const ModelFiles>;

// What is read once, however many models are measured.
struct BenchInput {
  SharedFiles files;  // of -m, or of the embedded sample; nullptr: --config with random weights
  std::vector<TextSet> texts;
};

// Throws Error (usage) where -m and --config or --vocab are given.
BenchInput open_bench_input(const Arguments& arguments, const Console& console);

// The model of the files, or the random one of --config, in what --precision (one of them),
// --recipe and --activations ask for. Static ranges that nobody brought are calibrated on what will
// be measured.
Subject open_subject(const Arguments& arguments, const Console& console, const BenchInput& input);

// The shapes of --shapes, then the texts. Where a scenario is measured on texts, only shapes that
// were asked for.
std::vector<RequestSet> read_requests(const Arguments& arguments, const BenchInput& input,
                                      const Subject& subject);

// Batches that one pass runs: of a shape one, of texts as the engine makes them.
Workload workload_of(const RequestSet& set, const Arguments& arguments, const Model& model);

// Multiplications and additions of the GEMMs, attention, pooler and head: for one sequence, and for
// all batches. Padding does not occur, so it is not counted either.
double operations(const Model& model, std::size_t tokens);
double operations(const Model& model, const Workload& workload);

// All of the checkpoint: with the head that it has, or, as pre-training leaves it, with none.
void forward(Session& session, const PackedBatch& batch);

}  // namespace bertq::engine::cli
