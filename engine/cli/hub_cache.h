// Checkpoints that other programs have already downloaded from the Hugging Face hub.
#pragma once

#include <filesystem>
#include <string>

namespace bertq::cli {

// What -m names: `name` itself if there is such a file or folder, else the snapshot of "org/name"
// in the local cache (HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub or
// ~/.cache/huggingface/hub). Never opens the network. Throws Error (input) if there is neither.
std::filesystem::path find_model(const std::string& name);

}  // namespace bertq::cli
