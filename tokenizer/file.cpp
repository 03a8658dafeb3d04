#include "tokenizer/file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

bool is_present(const std::filesystem::path& file) {
  std::error_code ignored;
  // Of a link that leads nowhere the link is there.
  const auto status = std::filesystem::symlink_status(file, ignored);
  return status.type() != std::filesystem::file_type::not_found;
}

std::string read_file(const std::filesystem::path& file) {
  const auto refuse = [&](const std::string& why) {
    return TokenizerError(file.string() + ": " + why);
  };
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) {
    const bool absent = !error || error == std::errc::no_such_file_or_directory;
    throw refuse("cannot be read: " + (absent ? "no such file" : error.message()));
  }
  if (!std::filesystem::is_regular_file(status))
    throw refuse("expected a file, got a directory or device");

  const auto too_large = [&] {
    return refuse("expected at most " + std::to_string(kMaxFileSize >> 20) +
                  " MiB, got more: this is no tokenizer file");
  };
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > kMaxFileSize) throw too_large();

  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw refuse("cannot be read: " + std::generic_category().message(errno));
  std::string bytes;
  // Read until the end, not as much as the size that was promised: the file may change meanwhile.
  constexpr std::size_t chunk = std::size_t{1} << 20;
  while (stream) {
    const std::size_t before = bytes.size();
    bytes.resize(before + chunk);
    stream.read(bytes.data() + before, chunk);
    bytes.resize(before + static_cast<std::size_t>(stream.gcount()));
    if (bytes.size() > kMaxFileSize) throw too_large();
  }
  if (stream.bad()) throw refuse("cannot be read: " + std::generic_category().message(errno));
  return bytes;
}

}  // namespace bertq::tokenizer
