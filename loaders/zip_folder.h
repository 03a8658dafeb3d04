// A zip archive that stands for a folder: google-research publishes its checkpoints so.
#pragma once

#include <memory>
#include <string>

#include "loaders/checkpoint.h"
#include "loaders/zip_archive.h"

namespace bertq::loaders {

// What the names of all members begin with, where they lie in one folder ("uncased_L-12_…/");
// empty where they do not. Finder's "__MACOSX/" does not count.
std::string zip_root(const ZipArchive& archive);

// Whether the folder holds a "*.index".
bool is_tensorflow_archive(const ZipArchive& archive);
// The checkpoint that tensorflow_prefix_among finds in the folder. Deflated members are inflated
// into temporary files first (zip_archive.h). `archive` is of `source`. Throws FormatError.
Checkpoint open_tensorflow_zip(std::unique_ptr<const ByteSource> source, const ZipArchive& archive);

}  // namespace bertq::loaders
