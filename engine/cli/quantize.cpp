// bertq quantize: a checkpoint, and a recipe where one is given or calibrated, to one .bertq file.

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/error.h"
#include "engine/calibration/calibration.h"
#include "engine/cli/calibration_flags.h"
#include "engine/cli/json_output.h"
#include "engine/cli/setup.h"
#include "engine/cli/table.h"
#include "engine/cli/task_data.h"
#include "engine/cli/verbs.h"
#include "engine/model/pack_model.h"
#include "engine/model/weights.h"

namespace bertq::engine::cli {
namespace {

constexpr double mega = 1e6;

// Weights of one precision.
struct PrecisionShare {
  std::string_view name;
  std::size_t layers = 0, bytes = 0;
};

// By what the arrays of weights are called; biases, scales and LayerNorm count as "other".
std::vector<PrecisionShare> precision_shares(const Model& model) {
  std::vector<PrecisionShare> shares{{"int8"}, {"bf16"}, {"fp32"}, {"other"}};
  for (const NamedArray& array : model.impl().arrays) {
    const bool int8 = array.name.ends_with(".weight.s8");
    const bool bf16 = array.name.ends_with(".weight.bf16");
    const bool fp32 =
        array.name.ends_with(".weight.f32") || array.name.ends_with("_embeddings.weight");
    PrecisionShare& share = shares[int8 ? 0 : bf16 ? 1 : fp32 ? 2 : 3];
    if (int8 || bf16 || fp32) ++share.layers;
    share.bytes += array.bytes.size();
  }
  return shares;
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes) / mega);
}

std::string report_text(const ModelFiles& files, const Model& model,
                        const loaders::BertqWritten& written, const std::string& file) {
  Table table({"weights", "layers", "MB"});
  for (const PrecisionShare& share : precision_shares(model)) {
    if (share.bytes == 0) continue;
    table.add({std::string(share.name), share.layers == 0 ? "-" : std::to_string(share.layers),
               megabytes(share.bytes)});
  }
  return fmt::format(
             "file      {}\nsize      {} MB, from {} MB of {}\nfiles     {}\nXXH3-128  {}\n\n",
             file, megabytes(written.file_bytes), megabytes(files.checkpoint.file_bytes),
             files.checkpoint.format, fmt::join(files.small_files, ", "), written.hash) +
         table.text("table");
}

Json report_json(const ModelFiles& files, const Model& model, const loaders::BertqWritten& written,
                 const std::string& file) {
  Json json = {{"schema_version", 1},
               {"version", BERTQ_VERSION},
               {"file", file},
               {"file_bytes", written.file_bytes},
               {"xxh3_128", written.hash},
               {"model", files.name},
               {"format", files.checkpoint.format},
               {"checkpoint_bytes", files.checkpoint.file_bytes},
               {"files", files.small_files},
               {"precisions", Json::array()},
               {"recipe", Json::parse(model.recipe().to_json())}};
  for (const PrecisionShare& share : precision_shares(model)) {
    json["precisions"].push_back(
        {{"name", share.name}, {"layers", share.layers}, {"bytes", share.bytes}});
  }
  return json;
}

constexpr std::array calibration_flags{"task", "calibration-samples", "algorithm", "scheme",
                                       "methods"};

// The recipe as the flags have it, calibrated where they give data for that.
Recipe wanted_recipe(const Arguments& arguments, const Console& console, const ModelFiles& files) {
  const Recipe recipe = chosen_recipe(arguments, files);
  if (!arguments.given("calibration-data")) {
    for (const char* flag : calibration_flags) {
      if (!arguments.given(flag)) continue;
      throw Error(ErrorKind::usage, fmt::format("--{} needs --calibration-data", flag));
    }
    return recipe;
  }
  if (!arguments.given("task")) {
    throw Error(ErrorKind::usage, "--calibration-data needs --task, which says how to read it");
  }
  if (files.packed) {
    throw Error(
        ErrorKind::usage,
        files.name + ": a .bertq file has no FP32 weights to calibrate; give the checkpoint");
  }
  const Task& task = named_task(arguments.text("task"));
  const auto set = open_calibration_set(arguments, task, files);
  console.note("data", fmt::format("{}: {} examples", set->name(), set->examples()));
  return calibrated_recipe(arguments, console, files, *set, recipe);
}

void write_recipe_alone(const Arguments& arguments, const Recipe& recipe, Output& output) {
  if (!arguments.given("calibration-data")) {
    throw Error(ErrorKind::usage, "-o FILE.json needs --calibration-data");
  }
  output.write(save_rounded_weights(recipe, arguments.text("output")).to_json());
  output.finish();
}

}  // namespace

void quantize(const Arguments& arguments, Output& output, const Console& console) {
  const std::string& file = arguments.text("output");
  if (file.empty() || file == "-") {
    throw Error(ErrorKind::usage, "quantize: -o FILE.bertq is missing");
  }
  const ModelFiles files = open_model_files(arguments, console);
  const Recipe recipe = wanted_recipe(arguments, console, files);
  if (file.ends_with(".json")) {
    write_recipe_alone(arguments, recipe, output);
    return;
  }
  // What is packed is the same for every instruction set, and `reference` generates no code.
  const auto model = load_model(arguments, files, recipe, jit::Isa::reference);
  const auto written =
      pack_model(*model, files, files.tokenizer_overrides, BERTQ_VERSION,
                 [&](std::span<const std::byte> bytes) {
                   output.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
                 });
  output.finish();
  Output report;
  if (arguments.text("format") == "json") {
    write_json(report, report_json(files, *model, written, file));
  } else {
    report.write(report_text(files, *model, written, file));
  }
  report.finish();
}

}  // namespace bertq::engine::cli
