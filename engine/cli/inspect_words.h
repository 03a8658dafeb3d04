// The words of inspect for what config.json and the engine call otherwise, and sums over parts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/inspection.h"

namespace bertq::engine::cli {

std::string_view activation_text(jit::Activation activation);
std::string_view profile_text(tokenizer::Profile profile);
std::string_view pooling_text(Pooling pooling);
std::vector<std::string> head_names(const Heads& heads);
Share total_of(const std::vector<Share>& parts);

}  // namespace bertq::engine::cli
