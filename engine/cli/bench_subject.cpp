#include "engine/cli/bench_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <random>
#include <string_view>
#include <utility>

#include "bertq/error.h"
#include "engine/calibration/calibration.h"
#include "engine/cli/memory.h"
#include "engine/cli/setup.h"
#include "engine/cli/task_data.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t most_tokens = 1 << 18;  // of a shape
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

// "8x128"
Workload fixed_workload(std::string_view shape, const ModelConfig& config,
                        std::mt19937_64& random) {
  std::size_t sequences = 0, length = 0;
  const char* const end = shape.data() + shape.size();
  const auto first = std::from_chars(shape.data(), end, sequences);
  const bool split = first.ec == std::errc() && first.ptr != end && *first.ptr == 'x';
  const auto second = std::from_chars(split ? first.ptr + 1 : end, end, length);
  if (!split || second.ec != std::errc() || second.ptr != end || sequences == 0 || length == 0 ||
      sequences > most_tokens / length) {
    throw Error(ErrorKind::usage,
                fmt::format("--shapes: expected batch x length as in 8x128, of at most {} tokens, "
                            "got '{}'",
                            most_tokens, shape));
  }
  if (length > config.positions) {
    throw Error(ErrorKind::input,
                fmt::format("--shapes: expected at most the {} positions of the model, got {}",
                            config.positions, length));
  }
  Workload workload{std::string(shape), std::vector<Batched>(1)};
  std::vector<std::int32_t> ids(length);
  for (std::size_t i = 0; i < sequences; ++i) {
    for (auto& id : ids) id = static_cast<std::int32_t>(random() % config.vocabulary);
    workload.batches[0].batch.add(ids, {});
    workload.batches[0].examples.push_back(i);
  }
  return workload;
}

Workload task_workload(const Arguments& arguments, const Subject& subject) {
  const Task& task = named_task(arguments.text("task"));
  if (!arguments.given("data")) throw Error(ErrorKind::usage, "bench: --task needs --data");
  if (!subject.tokenizer) throw Error(ErrorKind::usage, "bench: --task needs --vocab or -m");
  const std::size_t limit =
      arguments.given("max-seq-length") ? arguments.number("max-seq-length") : task.max_tokens;
  std::vector<tokenizer::Encoding> examples;
  for (const ExampleSet& set : read_task_data(task, arguments)) {
    const auto more = encode_examples(*subject.tokenizer, set, std::min(limit, subject.max_tokens));
    examples.insert(examples.end(), more.begin(), more.end());
  }
  if (subject.model->pads_batches()) {
    return {std::string(task.name), make_batches_of(arguments.number("batch"), examples)};
  }
  return {std::string(task.name), make_batches(examples)};
}

bool has_fixed_ranges(const Recipe& recipe) {
  return recipe.fallback().activations == Ranges::fixed ||
         std::any_of(recipe.entries().begin(), recipe.entries().end(),
                     [](const auto& entry) { return entry.second.activations == Ranges::fixed; });
}

// The recipe with static ranges from the first tokens of what will be measured.
Recipe calibrated(const Arguments& arguments, const Console& console, const SharedFiles& files,
                  const Recipe& recipe) {
  const Subject subject = subject_in(arguments, files, Recipe::uniform(Precision::fp32), {});
  std::vector<PackedBatch> samples;
  std::size_t tokens = 0;
  for (const Workload& workload : read_workloads(arguments, subject)) {
    for (const Batched& batched : workload.batches) {
      if (tokens >= calibration_tokens) break;
      samples.push_back(batched.batch);
      tokens += batched.batch.tokens();
    }
  }
  console.note("calibrated", fmt::format("on {} tokens of what is measured", tokens));
  return calibrate_minmax(subject.model, samples, chosen_threads(arguments), recipe);
}

// The recipe whose activations are as --activations asks for.
Recipe bench_recipe(const Arguments& arguments, const Console& console, const SharedFiles& files) {
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
  return calibrated(arguments, console, files, recipe);
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

SharedFiles open_bench_files(const Arguments& arguments, const Console& console) {
  if (!arguments.given("model")) return nullptr;
  if (arguments.given("config") || arguments.given("vocab")) {
    throw Error(ErrorKind::usage, "-m brings its own --config and --vocab");
  }
  return std::make_shared<const ModelFiles>(open_runnable_files(arguments, console));
}

Subject open_subject(const Arguments& arguments, const Console& console, const SharedFiles& files) {
  const Recipe recipe = bench_recipe(arguments, console, files);
  const bool fixed = has_fixed_ranges(recipe);
  const PeakMemory memory;
  Subject subject = subject_in(arguments, files, recipe,
                               fixed ? ArithmeticChoice{} : chosen_arithmetic(arguments));
  subject.load_peak = memory.bytes();
  subject.precision = files ? precision_label(arguments, *files) : precision_label(arguments);
  subject.activations = fixed ? "static" : "dynamic";
  return subject;
}

std::vector<Workload> read_workloads(const Arguments& arguments, const Subject& subject) {
  std::vector<Workload> list;
  std::mt19937_64 random(arguments.number("seed"));
  std::string_view rest = arguments.text("shapes");
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    list.push_back(fixed_workload(rest.substr(0, comma), subject.model->config(), random));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (arguments.given("task")) list.push_back(task_workload(arguments, subject));
  return list;
}

double operations(const Model& model, const Workload& workload) {
  const ModelConfig& config = model.config();
  const auto hidden = static_cast<double>(config.hidden);
  const auto layers = static_cast<double>(config.layers);
  const double per_token =
      4.0 * hidden * hidden + 2.0 * hidden * static_cast<double>(config.intermediate);
  double products = 0.0;
  for (const Batched& batched : workload.batches) {
    for (std::size_t i = 0; i < batched.batch.sequences(); ++i) {
      const auto length = static_cast<double>(batched.batch.length(i));
      products += layers * (length * per_token + 2.0 * length * length * hidden) +
                  head_products(model, length);
    }
  }
  return 2.0 * products;
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
