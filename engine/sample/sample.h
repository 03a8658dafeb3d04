// The embedded sample: the bytes of four files beside this one, as they were when the program was
// built. scripts/ holds what made them.
#pragma once

#include <string_view>

namespace bertq::sample {

std::string_view config();      // config.json
std::string_view checkpoint();  // model.safetensors
std::string_view vocabulary();  // vocab.txt
std::string_view mrpc();        // mrpc.tsv

}  // namespace bertq::sample
