// PyTorch's files as checkpoints.
//
//   zip     torch.save since 1.6: data.pkl beside one stored record for each storage. Also
//           torch.jit.save, whose data.pkl is a tree of module objects; its code is never looked
//           at.
//   legacy  torch.save before 1.6: pickles one behind another, then the storages.
//   tar     torch 0.1: a tar archive of "storages", "tensors" and "pickle".
//
// Nothing in them is executed (pickle.h). A storage that is shared by tensors is read in place by
// each. Where the file keeps checksums (zip) each tensor has that of its storage.
#pragma once

#include <memory>

#include "loaders/checkpoint.h"
#include "loaders/zip_archive.h"

namespace bertq::loaders {

// Whether the archive holds a data.pkl where torch.save puts it.
bool is_torch_archive(const ZipArchive& archive);
// `archive` is of `source`. Throws FormatError.
Checkpoint open_torch_zip(std::unique_ptr<const ByteSource> source, const ZipArchive& archive);

// Throws FormatError.
Checkpoint open_torch_legacy(std::unique_ptr<const ByteSource> source);
Checkpoint open_torch_tar(std::unique_ptr<const ByteSource> source);

}  // namespace bertq::loaders
