#include "engine/model/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "bertq/error.h"
#include "loaders/byte_source.h"
#include "loaders/printable.h"
#include "loaders/tensorflow_files.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

struct Place {
  const char* variable;
  std::string_view below;
};
// The first of the variables that is set says where the cache is.
constexpr Place places[] = {{"HF_HUB_CACHE", ""},
                            {"HUGGINGFACE_HUB_CACHE", ""},
                            {"HF_HOME", "hub"},
                            {"XDG_CACHE_HOME", "huggingface/hub"},
                            {"HOME", ".cache/huggingface/hub"}};
// Older transformers kept a cache of their own there, of the same form.
constexpr Place old_place{"TRANSFORMERS_CACHE", ""};

// Weights that bertq reads end in one of these.
constexpr std::string_view weight_endings[] = {".safetensors", ".bin", ".pt",
                                               ".bertq",       ".zip", ".index"};
// As do the small files.
constexpr std::string_view text_endings[] = {".json", ".txt"};

std::string value_of(const char* variable) {
  const char* const set = std::getenv(variable);
  return set == nullptr ? "" : set;
}

// Empty if the variable is not set. huggingface_hub understands "~/" in it.
fs::path folder_at(const Place& place) {
  std::string set = value_of(place.variable);
  if (set.empty()) return {};
  if (set.starts_with("~/")) set = value_of("HOME") + set.substr(1);
  return place.below.empty() ? fs::path(set) : fs::path(set) / place.below;
}

std::vector<fs::path> cache_folders() {
  std::vector<fs::path> folders;
  for (const Place& place : places) {
    if (!folders.empty()) break;
    if (const fs::path folder = folder_at(place); !folder.empty()) folders.push_back(folder);
  }
  if (const fs::path old = folder_at(old_place); !old.empty()) folders.push_back(old);
  return folders;
}

bool present(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

bool is_plain(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// Parts of the characters that the hub allows, `most` of them at most, with '/' between: none leads
// out of its folder.
bool are_parts(std::string_view text, std::ptrdiff_t most) {
  return !text.empty() && text.front() != '/' && text.front() != '.' && text.back() != '/' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '/' || is_plain(c); }) &&
         std::count(text.begin(), text.end(), '/') < most &&
         text.find("..") == std::string_view::npos && text.find("//") == std::string_view::npos;
}

// "org/name@revision"
struct HubName {
  std::string repository, revision;  // the latter empty where none was given

  std::string folder() const {
    std::string name = "models--" + repository;
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
      name.replace(slash, 1, "--");
    }
    return name;
  }
  std::string download_command() const {
    return "hf download " + repository + (revision.empty() ? "" : " --revision " + revision);
  }
};

bool parse(const std::string& name, HubName& result) {
  const std::size_t at = name.find('@');
  result.repository = name.substr(0, at);
  result.revision = at == std::string::npos ? "" : name.substr(at + 1);
  constexpr std::ptrdiff_t deepest_branch = 16;
  return are_parts(result.repository, 2) &&
         (at == std::string::npos || are_parts(result.revision, deepest_branch));
}

// The commit that refs/ has for a revision; empty if there is none.
std::string referred(const fs::path& repository, const std::string& revision) {
  constexpr std::uint64_t longest_commit = 256;
  const fs::path reference = repository / "refs" / (revision.empty() ? "main" : revision);
  std::error_code none;
  if (!fs::is_regular_file(reference, none)) return {};
  std::string commit = loaders::read_text(*loaders::open_file(reference), longest_commit);
  commit.erase(commit.find_last_not_of(" \r\n") + 1);
  return are_parts(commit, 1) ? commit : "";
}

// Empty if there is none.
fs::path snapshot(const fs::path& repository, const HubName& name) {
  const std::string commit = referred(repository, name.revision);
  const bool is_commit = commit.empty() && are_parts(name.revision, 1);
  const fs::path found = repository / "snapshots" / (is_commit ? name.revision : commit);
  std::error_code none;
  return (commit.empty() && !is_commit) || !fs::is_directory(found, none) ? fs::path() : found;
}

std::vector<std::string> snapshots_in(const fs::path& repository) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(repository / "snapshots", error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <typename Endings>
bool ends_in(const fs::path& file, const Endings& endings) {
  const std::string name = file.filename().string();
  return std::any_of(std::begin(endings), std::end(endings),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// What keeps a snapshot from being used; empty if nothing does. Files that bertq does not read may
// be missing.
std::string gap_in(const fs::path& snapshot, Needed needed) {
  bool weights = false;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(snapshot, error), end; !error && entry != end;
       entry.increment(error)) {
    const bool is_weights = ends_in(entry->path(), weight_endings);
    const bool matters = is_weights || ends_in(entry->path(), text_endings);
    if (matters && entry->is_symlink() && !present(entry->path())) {
      return fs::relative(entry->path(), snapshot).string() +
             " is a link to a blob that is missing";
    }
    weights = weights || is_weights;
  }
  if (error) return error.message();
  return needed == Needed::weights && !weights ? "no weights among its files" : "";
}

std::string listed(const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) {
    text += (text.empty() ? "" : " and ") + loaders::printable(folder.string());
  }
  return text;
}

}  // namespace

fs::path find_model(const std::string& name, Needed needed) {
  if (present(name) || loaders::find_tensorflow_prefix(name)) return name;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::input, loaders::printable(name) + ": " + why);
  };
  HubName wanted;
  if (!parse(name, wanted)) refuse("no such file or folder");
  const std::string advice = "; this downloads it: " + wanted.download_command();
  const std::vector<fs::path> caches = cache_folders();
  for (const fs::path& cache : caches) {
    const fs::path repository = cache / wanted.folder();
    if (!present(repository)) continue;
    const fs::path found = snapshot(repository, wanted);
    if (found.empty()) {
      std::string others;
      for (const std::string& commit : snapshots_in(repository)) {
        others += (others.empty() ? ", but these: " : ", ") + commit;
      }
      refuse("the Hugging Face cache " + loaders::printable(cache.string()) +
             " has no complete download of revision " +
             (wanted.revision.empty() ? "main" : wanted.revision) + others + advice);
    }
    if (const std::string gap = gap_in(found, needed); !gap.empty()) {
      refuse(loaders::printable(found.string()) +
             ": an incomplete download: " + loaders::printable(gap) + advice);
    }
    return found;
  }
  refuse("no such file or folder, nor in the Hugging Face cache " + listed(caches) + advice);
  return {};
}

}  // namespace bertq::engine
