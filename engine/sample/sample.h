// The embedded sample: the bytes of the files beside this one, as they were when the program was
// built. Two models, one that tells paraphrases and one that finds answers, share a vocabulary.
// scripts/ holds what made them.
#pragma once

#include <string_view>

namespace bertq::engine::sample {

std::string_view config();      // config.json
std::string_view checkpoint();  // model.safetensors
std::string_view vocabulary();  // vocab.txt
std::string_view mrpc();        // mrpc.tsv

std::string_view squad_config();      // squad/config.json
std::string_view squad_checkpoint();  // squad/model.safetensors
std::string_view squad();             // squad.json

}  // namespace bertq::engine::sample
