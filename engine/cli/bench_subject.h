// What `bench` measures: a model in a precision, and the batches that it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/arguments.h"
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

// What -m names; nullptr without it. Throws Error (usage) where --config or --vocab is given too.
SharedFiles open_bench_files(const Arguments& arguments, const Console& console);

// The model of `files`, or the random one of --config, in what --precision, --recipe and
// --activations ask for. Static ranges that nobody brought are calibrated on what will be measured.
Subject open_subject(const Arguments& arguments, const Console& console, const SharedFiles& files);

// The shapes of --shapes, then the examples of --task. Throws Error: usage for a shape that is
// none, input for one that the model does not take.
std::vector<Workload> read_workloads(const Arguments& arguments, const Subject& subject);

// Multiplications and additions of the GEMMs, attention, pooler and head over all batches. Padding
// does not occur, so it is not counted either.
double operations(const Model& model, const Workload& workload);

// All of the checkpoint: with the head that it has, or, as pre-training leaves it, with none.
void forward(Session& session, const PackedBatch& batch);

}  // namespace bertq::engine::cli
