// Which file of a folder is its checkpoint.
//
// A folder may hold the same weights in several formats, and much that only looks like weights. In
// this order, the first that is there:
//
//   model.safetensors
//   model.safetensors.index.json, or the only *.safetensors.index.json
//   pytorch_model.bin
//   pytorch_model.bin.index.json, or the only *.bin.index.json
//   a TensorFlow checkpoint (tensorflow_files.h)
//   the only *.safetensors, *.bin, *.pt or *.pth that is neither a shard nor what training leaves
//   behind (training_args.bin, optimizer.pt, rng_state.pth, ...)
//
// quant_pytorch_model.bin, Q8BERT's integers, lies beside the pytorch_model.bin that it was made
// from: the folder then means the latter, and the former has to be named as a file.
#pragma once

#include <filesystem>
#include <string>

namespace bertq::loaders {

struct FolderChoice {
  std::filesystem::path file;
  std::string remark;  // which other weights are there, if any
};

// Throws FormatError if there is none, naming what was sought, or if several could be meant.
FolderChoice checkpoint_in(const std::filesystem::path& folder);

}  // namespace bertq::loaders
