#include "engine/cli/bench_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "bertq/error.h"
#include "engine/calibration/calibration.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t calibration_tokens = 8192;
constexpr std::uint64_t longest_config = 1 << 20;  // bytes

ModelConfig random_config(const std::string& name) {
  std::error_code none;
  if (!std::filesystem::exists(name, none)) return named_config(name);
  return parse_config(loaders::read_text(*loaders::open_file(name), longest_config), name);
}

// --config with random weights, and the tokenizer of --vocab.
Subject random_subject(const Arguments& arguments, const Recipe& recipe,
                       const ArithmeticChoice& arithmetic) {
  const std::string& name = arguments.text("config");
  ModelConfig config = random_config(name);
  apply_activation(arguments, config);
  Subject subject;
  subject.name = name;
  subject.model =
      Model::random(config, recipe, chosen_isa(arguments), arguments.number("seed"), arithmetic);
  subject.max_tokens = config.positions;
  if (!arguments.given("vocab")) return subject;
  subject.tokenizer = std::make_shared<const tokenizer::Tokenizer>(
      tokenizer::Tokenizer::from_file(arguments.text("vocab"), tokenizer_overrides(arguments)));
  if (subject.tokenizer->vocabulary_size() > config.vocabulary) {
    throw Error(ErrorKind::input, fmt::format("{}: expected at most the {} tokens of {}, got {}",
                                              arguments.text("vocab"), config.vocabulary, name,
                                              subject.tokenizer->vocabulary_size()));
  }
  return subject;
}

Subject subject_in(const Arguments& arguments, const SharedFiles& files, const Recipe& recipe,
                   const ArithmeticChoice& arithmetic) {
  if (!files) return random_subject(arguments, recipe, arithmetic);
  Subject subject;
  subject.name = files->name;
  subject.model = load_model(arguments, *files, recipe, chosen_isa(arguments), arithmetic);
  subject.tokenizer = {files, files->tokenizer ? &*files->tokenizer : nullptr};
  subject.max_tokens = token_limit(arguments, *files, 0);
  return subject;
}

bool has_fixed_ranges(const Recipe& recipe) {
  return recipe.fallback().activations == Ranges::fixed ||
         std::any_of(recipe.entries().begin(), recipe.entries().end(),
                     [](const auto& entry) { return entry.second.activations == Ranges::fixed; });
}

// The recipe with static ranges from the first tokens of what will be measured.
Recipe calibrated(const Arguments& arguments, const Console& console, const BenchInput& input,
                  const Recipe& recipe) {
  const Subject subject = subject_in(arguments, input.files, Recipe::uniform(Precision::fp32), {});
  std::vector<PackedBatch> samples;
  std::size_t tokens = 0;
  for (const RequestSet& set : read_requests(arguments, input, subject)) {
    for (const Batched& batched : workload_of(set, arguments, *subject.model).batches) {
      if (tokens >= calibration_tokens) break;
      samples.push_back(batched.batch);
      tokens += batched.batch.tokens();
    }
  }
  console.note("calibrated", fmt::format("on {} tokens of what is measured", tokens));
  return calibrate_minmax(subject.model, samples, chosen_threads(arguments), recipe);
}

// The recipe whose activations are as --activations asks for.
Recipe bench_recipe(const Arguments& arguments, const Console& console, const BenchInput& input) {
  const SharedFiles& files = input.files;
  Recipe recipe = files ? chosen_recipe(arguments, *files) : chosen_recipe(arguments);
  const std::string& asked = arguments.text("activations");
  if (!asked.empty() && arguments.text("precision") == "torch-dynamic") {
    throw Error(ErrorKind::usage, "--activations: torch-dynamic has ranges of its own");
  }
  if (asked == "dynamic" && has_fixed_ranges(recipe)) {
    throw Error(ErrorKind::usage, "--activations dynamic: the --recipe has static ranges");
  }
  if (asked != "static" || has_fixed_ranges(recipe)) return recipe;
  if (recipe == Recipe::uniform(Precision::fp32)) {
    throw Error(ErrorKind::usage, "--activations static: fp32 has no ranges");
  }
  if (files && files->packed) {
    throw Error(ErrorKind::usage,
                "--activations static: " + files->name + " was packed without static ranges");
  }
  return calibrated(arguments, console, input, recipe);
}

// Multiplications of a sequence's head, as `forward` runs it: the classifier with its pooler, or
// the span head of each token.
double head_products(const Model& model, double length) {
  const auto hidden = static_cast<double>(model.config().hidden);
  if (model.heads().classifier) {
    return hidden * hidden + hidden * static_cast<double>(model.labels());
  }
  return model.heads().span ? length * hidden * static_cast<double>(span_logits) : 0.0;
}

}  // namespace

BenchInput open_bench_input(const Arguments& arguments, const Console& console) {
  BenchInput input;
  input.texts = read_text_sets(arguments);
  const bool random = arguments.given("config") || arguments.given("vocab");
  if (arguments.given("model") && random) {
    throw Error(ErrorKind::usage, "-m brings its own --config and --vocab");
  }
  // The embedded sample where texts ask for a model and nobody names one.
  if (arguments.given("model") || (!input.texts.empty() && !random)) {
    input.files = std::make_shared<const ModelFiles>(open_runnable_files(arguments, console));
  }
  return input;
}

Subject open_subject(const Arguments& arguments, const Console& console, const BenchInput& input) {
  const SharedFiles& files = input.files;
  const Recipe recipe = bench_recipe(arguments, console, input);
  const bool fixed = has_fixed_ranges(recipe);
  const PeakMemory memory;
  Subject subject = subject_in(arguments, files, recipe,
                               fixed ? ArithmeticChoice{} : chosen_arithmetic(arguments));
  subject.load_peak = memory.bytes();
  subject.precision = files ? precision_label(arguments, *files) : precision_label(arguments);
  subject.activations = fixed ? "static" : "dynamic";
  return subject;
}

std::vector<RequestSet> read_requests(const Arguments& arguments, const BenchInput& input,
                                      const Subject& subject) {
  std::vector<RequestSet> sets;
  const bool texts_alone = arguments.given("scenario") && !arguments.given("shapes");
  if (input.texts.empty() || !texts_alone) {
    sets = random_request_sets(arguments.text("shapes"), subject.model->config(),
                               arguments.number("seed"));
  }
  for (RequestSet& set :
       encode_text_sets(input.texts, subject.tokenizer.get(), subject.max_tokens)) {
    sets.push_back(std::move(set));
  }
  return sets;
}

Workload workload_of(const RequestSet& set, const Arguments& arguments, const Model& model) {
  Workload workload{set.name, {}};
  const auto encodings = set.encodings();
  if (set.has_text) {
    workload.batches = model.pads_batches() ? make_batches_of(arguments.number("batch"), encodings)
                                            : make_batches(encodings);
  } else {
    workload.batches = make_batches_of(encodings.size(), encodings);  // a shape is one batch
  }
  return workload;
}

double operations(const Model& model, std::size_t tokens) {
  const ModelConfig& config = model.config();
  const auto hidden = static_cast<double>(config.hidden), length = static_cast<double>(tokens);
  const double per_token =
      4.0 * hidden * hidden + 2.0 * hidden * static_cast<double>(config.intermediate);
  const double layer = length * per_token + 2.0 * length * length * hidden;
  return 2.0 * (static_cast<double>(config.layers) * layer + head_products(model, length));
}

double operations(const Model& model, const Workload& workload) {
  double sum = 0.0;
  for (const Batched& batched : workload.batches) {
    const PackedBatch& batch = batched.batch;
    for (std::size_t i = 0; i < batch.sequences(); ++i) sum += operations(model, batch.length(i));
  }
  return sum;
}

void forward(Session& session, const PackedBatch& batch) {
  const Heads heads = session.model().heads();
  if (heads.classifier) {
    session.logits(batch);
  } else if (heads.span) {
    session.token_logits(batch);
  } else {
    session.hidden_states(batch);
  }
}

}  // namespace bertq::engine::cli
