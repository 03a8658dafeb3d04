#include "engine/cli/inspect_report.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "engine/cli/inspect_words.h"
#include "engine/cli/table.h"
#include "engine/model/packed_facts.h"
#include "engine/model/tensor_names.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr double mega = 1e6;

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes) / mega);
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

// Of a quantised tensor: "I8 x 0.0123", or "I8 x 768 scales".
std::string type_text(const loaders::Tensor& tensor) {
  std::string text(loaders::dtype_name(tensor.dtype));
  if (!tensor.affine || tensor.affine->scales.empty()) return text;
  const auto& scales = tensor.affine->scales;
  return scales.size() == 1 ? fmt::format("{} x {:.4g}", text, scales.front())
                            : fmt::format("{} x {} scales", text, scales.size());
}

// Lines of a label and a text.
class Summary {
 public:
  void line(std::string_view label, std::string_view value) {
    text_ += fmt::format("{:<12}{}\n", label, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string tokenizer_text(const tokenizer::Tokenizer& tokenizer) {
  std::vector<std::string> files;
  for (const std::string& source : tokenizer.sources()) {
    files.push_back(std::filesystem::path(source).filename().string());
  }
  return fmt::format("{} tokens, {}, profile {}{}{}", tokenizer.vocabulary_size(),
                     tokenizer.options().lower_case ? "lower-cases" : "cased",
                     profile_text(tokenizer.options().profile), files.empty() ? "" : ", from ",
                     fmt::join(files, ", "));
}

// "Q8BERT: 13 modules q8bert_ema"
std::string quantization_text(const StoredQuantization& quantization) {
  std::map<std::string_view, std::size_t> layers;
  std::set<std::string> bits;
  for (const auto& [module, layer] : quantization.layers) {
    ++layers[arithmetic_name(layer.arithmetic)];
    if (layer.arithmetic != Arithmetic::torch_dynamic) continue;
    bits.insert(!layer.reduced_range ? "unknown" : *layer.reduced_range ? "7" : "8");
  }
  std::vector<std::string> parts;
  for (const auto& [name, count] : layers)
    parts.push_back(fmt::format("{} modules {}", count, name));
  if (!bits.empty()) parts.push_back(fmt::format("bits of activations: {}", fmt::join(bits, ", ")));
  return fmt::format("{}{}{}", quantizer_name(quantization.quantizer), parts.empty() ? "" : ": ",
                     fmt::join(parts, ", "));
}

void add_model(Summary& summary, const Inspection& found) {
  if (found.quantization.quantizer != Quantizer::none) {
    summary.line("quantised", quantization_text(found.quantization));
  }
  const ModelConfig& config = found.files.config;
  summary.line("shape",
               fmt::format("{} layers, hidden {}, {} heads of {}, intermediate {}", config.layers,
                           config.hidden, config.heads, config.head_size(), config.intermediate));
  summary.line("tables", fmt::format("{} tokens, {} positions, {} segments", config.vocabulary,
                                     config.positions, config.segments));
  summary.line("activation", fmt::format("{} ({})", activation_text(config.activation),
                                         loaders::printable(config.activation_reason)));
  summary.line("LayerNorm", fmt::format("epsilon {:g}", config.layer_norm_epsilon));
  summary.line("heads", joined(head_names(found.files.heads)));
  if (config.regression) summary.line("labels", "none: regression");
  if (!config.labels.empty() && !config.regression) {
    summary.line("labels", loaders::printable(joined(config.labels)));
  }
  if (found.files.pooling) {
    summary.line("pooling", fmt::format("{}{}", pooling_text(found.files.pooling->pooling),
                                        found.files.pooling->normalize ? ", normalised" : ""));
  }
  summary.line("tokenizer",
               found.files.tokenizer ? tokenizer_text(*found.files.tokenizer) : "none");
  summary.line("max tokens", std::to_string(found.files.max_tokens));
}

std::string recipe_text(const Recipe& recipe) {
  std::size_t fixed = 0, other = 0;
  for (const auto& [module, choice] : recipe.entries()) {
    fixed += choice.activations == Ranges::fixed ? 1U : 0U;
    other += choice.precision != recipe.fallback().precision ? 1U : 0U;
  }
  std::string text(precision_name(recipe.fallback().precision));
  if (other > 0) text += fmt::format(", but {} layers", other);
  if (fixed > 0) text += fmt::format(", {} with static ranges", fixed);
  return text;
}

// Of a .bertq file.
void add_packed(Summary& summary, const PackedFacts& facts) {
  summary.line("packed from", loaders::printable(facts.source + " (" + facts.source_format + ")"));
  summary.line("packed by", loaders::printable("bertq " + facts.program));
  summary.line("recipe", recipe_text(facts.recipe));
}

std::string summary_text(const Inspection& found) {
  const loaders::Checkpoint& checkpoint = found.files.checkpoint;
  Summary summary;
  summary.line("model", found.files.name);
  summary.line("format",
               fmt::format("{}, {} MB", checkpoint.format, megabytes(checkpoint.file_bytes)));
  std::vector<std::string> dtypes;
  for (const Share& dtype : found.dtypes) {
    dtypes.push_back(
        fmt::format("{} ({} tensors, {} MB)", dtype.name, dtype.tensors, megabytes(dtype.bytes)));
  }
  summary.line("dtypes", joined(dtypes));
  if (!found.problem) add_model(summary, found);
  if (found.files.packed) add_packed(summary, *found.files.packed);
  for (const std::string& remark : checkpoint.remarks) summary.line("remark", remark);
  return summary.take();
}

std::string parts_text(const Inspection& found) {
  Table table({"part", "tensors", "parameters", "file MB", "parameters in int8"});
  std::vector<Share> rows = found.parts;
  rows.push_back(total_of(found.parts));
  for (const Share& part : rows) {
    table.add({std::string(part.name), std::to_string(part.tensors),
               std::to_string(part.parameters), megabytes(part.bytes),
               found.problem ? "-" : std::to_string(part.quantized)});
  }
  return table.text("table");
}

std::vector<std::string> value_cells(const std::optional<ValueSummary>& values) {
  if (!values) return {"-", "-", "-", "-"};
  const auto number = [](const std::optional<float>& value) {
    return value ? fmt::format("{:.4g}", *value) : "-";
  };
  return {number(values->least), number(values->greatest), std::to_string(values->nans),
          std::to_string(values->infinities)};
}

std::string tensors_text(const Inspection& found, bool with_values) {
  std::vector<std::string> titles{"tensor", "shape", "dtype", "part", "in int8"};
  if (with_values) titles.insert(titles.end(), {"min", "max", "NaN", "infinite"});
  Table table(titles);
  for (const TensorReport& tensor : found.tensors) {
    const loaders::Tensor& info = found.files.checkpoint.tensors[tensor.index];
    std::vector<std::string> cells{loaders::printable(info.name), shape_text(info.shape),
                                   type_text(info), std::string(tensor.part),
                                   tensor.use.empty() ? "-" : std::string(tensor.use)};
    if (with_values) {
      const std::vector<std::string> more = value_cells(tensor.values);
      cells.insert(cells.end(), more.begin(), more.end());
    }
    table.add(cells);
  }
  return table.text("table");
}

}  // namespace

std::string inspection_text(const Inspection& found, bool with_values) {
  return summary_text(found) + '\n' + parts_text(found) + '\n' + tensors_text(found, with_values);
}

}  // namespace bertq::engine::cli
