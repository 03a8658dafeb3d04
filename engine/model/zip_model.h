// A model's files in a zip archive, such as google-research publishes.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/model/model_folder.h"

namespace bertq::engine {

// Null if the file is no archive of a folder: no zip, or one of PyTorch's files, whose config lies
// beside it. Throws loaders::FormatError for an archive that cannot be read.
std::unique_ptr<ModelFolder> folder_in_zip(const std::filesystem::path& path);

}  // namespace bertq::engine
