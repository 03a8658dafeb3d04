// Checkpoints that other programs have already downloaded from the Hugging Face hub.
//
// Source: huggingface_hub's cache: <cache>/models--<org>--<name>/ with refs/<branch, tag or pr>,
// which hold a commit, and snapshots/<commit>/, whose files are links into blobs/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bertq::engine {

// What a download must hold to be of use.
enum class Needed : std::uint8_t { weights, tokenizer };

// What a name (-m) stands for: `name` itself if there is such a file or folder, else the snapshot of "org/name"
// or "name", at "@revision" (a branch, a tag, "refs/pr/3" or a whole commit) where one is given.
// The cache is HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub or
// ~/.cache/huggingface/hub, the first whose variable is set; then TRANSFORMERS_CACHE.
//
// Never opens the network. Throws Error (input), naming the folders that were searched and the
// command that downloads the model, if it is not there or the download is not complete.
std::filesystem::path find_model(const std::string& name, Needed needed = Needed::weights);

}  // namespace bertq::engine
