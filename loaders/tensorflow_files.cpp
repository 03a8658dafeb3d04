#include "loaders/tensorflow_files.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "loaders/printable.h"
#include "loaders/tensorflow_checkpoint.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_suffix = ".index";
constexpr std::string_view graph_suffix = ".meta";
constexpr std::string_view data_suffix = ".data-NNNNN-of-NNNNN";  // N: a digit
constexpr std::string_view published_prefix = "bert_model.ckpt";
const std::string state_file = "checkpoint";
constexpr std::uint64_t state_file_limit = 1'000'000;

bool is_data_suffix(std::string_view text) {
  return std::equal(text.begin(), text.end(), data_suffix.begin(), data_suffix.end(),
                    [](char got, char expected) {
                      return expected == 'N' ? '0' <= got && got <= '9' : got == expected;
                    });
}

std::string_view without_suffix(std::string_view file, std::size_t bytes) {
  return file.substr(0, file.size() - bytes);
}

// The value of model_checkpoint_path in the text file that tf.train.Saver keeps beside its
// checkpoints, a message in protobuf's text form: `name: "value"` a line.
std::string latest_of(const ByteSource& file) {
  constexpr std::string_view key = "model_checkpoint_path:";
  const std::string state = read_text(file, state_file_limit);
  std::string_view rest = state;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    const std::size_t open = line.find('"');
    const std::size_t close = line.rfind('"');
    if (open == close || line.find('\\') != std::string_view::npos) {
      throw FormatError(file.name() + ": model_checkpoint_path: expected a path in quotes, got" +
                        printable(line));
    }
    const std::string_view path = line.substr(open + 1, close - open - 1);
    return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
  }
  throw FormatError(file.name() + ": expected a line with model_checkpoint_path, found none");
}

bool contains(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

}  // namespace

std::optional<std::string> tensorflow_prefix(std::string_view file) {
  for (const std::string_view suffix : {index_suffix, graph_suffix}) {
    if (file.ends_with(suffix)) return std::string(without_suffix(file, suffix.size()));
  }
  if (file.size() > data_suffix.size() &&
      is_data_suffix(file.substr(file.size() - data_suffix.size()))) {
    return std::string(without_suffix(file, data_suffix.size()));
  }
  return std::nullopt;
}

std::optional<std::string> tensorflow_prefix_among(
    std::span<const std::string> files, const std::string& folder,
    const std::function<std::unique_ptr<const ByteSource>(const std::string& file)>& open) {
  std::vector<std::string> prefixes;
  for (const std::string& file : files) {
    if (file.ends_with(index_suffix)) {
      prefixes.emplace_back(without_suffix(file, index_suffix.size()));
    }
  }
  if (prefixes.empty()) return std::nullopt;
  if (prefixes.size() == 1) return prefixes.front();
  std::sort(prefixes.begin(), prefixes.end());
  if (contains(files, state_file)) {
    const auto file = open(state_file);
    const std::string latest = latest_of(*file);
    if (contains(prefixes, latest)) return latest;
    throw FormatError(file->name() +
                      ": model_checkpoint_path: expected one of the folder's *.index, got " +
                      printable(latest));
  }
  if (contains(prefixes, published_prefix)) return std::string(published_prefix);
  throw FormatError(folder +
                    ": expected one *.index, or a file \"checkpoint\" that names one, got " +
                    printable(prefixes[0]) + ".index and " + printable(prefixes[1]) + ".index");
}

std::optional<fs::path> find_tensorflow_prefix(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    const auto prefix =
        tensorflow_prefix_among(names_in(path), path.string(),
                                [&](const std::string& file) { return open_file(path / file); });
    if (!prefix) return std::nullopt;
    return path / *prefix;
  }
  if (const auto prefix = tensorflow_prefix(path.string())) return *prefix;
  const fs::path index = path.string() + std::string(index_suffix);
  if (fs::exists(path, ignored) || !fs::exists(index, ignored)) return std::nullopt;
  return path;
}

Checkpoint open_tensorflow_files(const fs::path& prefix) {
  const auto index = open_file(prefix.string() + std::string(index_suffix));
  return open_tensorflow_checkpoint(
      *index, [&](const std::string& suffix) { return open_file(prefix.string() + suffix); });
}

}  // namespace bertq::loaders
