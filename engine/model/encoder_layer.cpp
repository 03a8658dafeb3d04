#include "engine/model/encoder_layer.h"

#include <algorithm>

namespace bertq::engine {
namespace {

constexpr Epilogue add_residual{.residual = true};

// With static ranges, and in bf16, the activations need not be seen whole before they are put into
// tiles. The product fills whole groups of 16 columns, but a bf16 tile behind them must be zero.
Epilogue activate_for(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe,
                      const std::string& reader) {
  Epilogue epilogue{.activation = config.activation};
  const InputFormat format =
      InputFormat::of(loader, reader, recipe.of(reader), config.intermediate, config.activation);
  const bool fills_tiles =
      format.kind == InputFormat::Kind::bf16 && config.intermediate % jit::bf16_tile_depth == 0;
  if (format.kind == InputFormat::Kind::static_u8 || fills_tiles) {
    epilogue.tiled_output = format;
    epilogue.repeated_outputs = recipe.of(reader).extra_columns();
  }
  return epilogue;
}

Linear square(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe,
              const std::string& module, const Epilogue& epilogue) {
  return Linear(loader, module, config.hidden, config.hidden, recipe.of(module), epilogue);
}

}  // namespace

std::string layer_prefix(std::size_t layer) {
  return "bert.encoder.layer." + std::to_string(layer) + ".";
}

EncoderLayer::EncoderLayer(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe,
                           const std::string& prefix)
    : query_key_value{square(loader, config, recipe, prefix + "attention.self.query", {}),
                      square(loader, config, recipe, prefix + "attention.self.key", {}),
                      square(loader, config, recipe, prefix + "attention.self.value", {})},
      attention(attention_choice(recipe, prefix)),
      attention_output(
          square(loader, config, recipe, prefix + "attention.output.dense", add_residual)),
      attention_norm(loader, prefix + "attention.output.LayerNorm", config.hidden,
                     config.layer_norm_epsilon),
      intermediate(loader, prefix + "intermediate.dense", config.intermediate, config.hidden,
                   recipe.of(prefix + "intermediate.dense"),
                   activate_for(loader, config, recipe, prefix + "output.dense")),
      output(loader, prefix + "output.dense", config.hidden, config.intermediate,
             recipe.of(prefix + "output.dense"), add_residual, config.activation),
      output_norm(loader, prefix + "output.LayerNorm", config.hidden, config.layer_norm_epsilon) {}

SharedInputs::SharedInputs(const EncoderLayer& layer) {
  for (std::size_t i = 0; i < layer.query_key_value.size(); ++i) {
    const InputFormat& format = layer.query_key_value[i].input_format();
    if (!format.tiled()) continue;
    const auto end = formats.begin() + static_cast<std::ptrdiff_t>(count);
    const auto found = std::find(formats.begin(), end, format);
    copy_of[i] = static_cast<std::size_t>(found - formats.begin());
    if (found == end) formats[count++] = format;
  }
}

}  // namespace bertq::engine
