// A small file that is never seen half written.
#pragma once

#include <filesystem>
#include <string_view>

namespace bertq::engine {

// Writes "<path>.partial" in the same folder, syncs it, gives it its name and syncs the folder: a
// crash leaves the old file or the new one. A link stays a link, to the new file; a device or a
// pipe is written to as it is. Two writers of one path are the caller's to prevent.
// Throws Error (resources), and then the old file is as it was.
void replace_file(const std::filesystem::path& path, std::string_view content);

// So that names made or changed in the folder of `path` outlive a loss of power. Throws Error
// (resources).
void sync_folder_of(const std::filesystem::path& path);

// All of `bytes`, at the descriptor's place. Returns 0 or the error number.
int write_all(int descriptor, std::string_view bytes);

}  // namespace bertq::engine
