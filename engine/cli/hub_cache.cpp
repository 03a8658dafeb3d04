#include "engine/cli/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "bertq/error.h"
#include "loaders/byte_source.h"
#include "loaders/tensorflow_files.h"

namespace bertq::cli {
namespace {

namespace fs = std::filesystem;

// The first of the variables that is set says where the cache is.
struct Place {
  const char* variable;
  std::string_view below;
};
constexpr Place places[] = {{"HF_HUB_CACHE", ""},
                            {"HUGGINGFACE_HUB_CACHE", ""},
                            {"HF_HOME", "hub"},
                            {"XDG_CACHE_HOME", "huggingface/hub"},
                            {"HOME", ".cache/huggingface/hub"}};

fs::path cache_folder() {
  for (const Place& place : places) {
    const char* const set = std::getenv(place.variable);
    if (set != nullptr && *set != '\0') return fs::path(set) / place.below;
  }
  return {};
}

bool present(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

// "name" or "org/name", of the characters that the hub allows.
bool is_hub_name(std::string_view name) {
  const auto plain = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain) &&
         std::count(name.begin(), name.end(), '/') <= 1 && name.front() != '/' &&
         name.back() != '/' && name.find("..") == std::string_view::npos && name.front() != '.';
}

// refs/main holds the name of the snapshot that was downloaded last.
fs::path snapshot(const fs::path& repository) {
  constexpr std::uint64_t longest_revision = 256;
  const fs::path reference = repository / "refs" / "main";
  if (!present(reference)) return {};
  std::string revision = loaders::read_text(*loaders::open_file(reference), longest_revision);
  revision.erase(revision.find_last_not_of(" \r\n") + 1);
  const bool plain = std::all_of(revision.begin(), revision.end(), [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
  });
  return plain && !revision.empty() ? repository / "snapshots" / revision : fs::path();
}

}  // namespace

fs::path find_model(const std::string& name) {
  if (present(name) || loaders::find_tensorflow_prefix(name)) return name;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::input, name + ": " + why);
  };
  if (!is_hub_name(name)) refuse("no such file or folder");
  const fs::path cache = cache_folder();
  std::string folder = "models--" + name;
  if (const std::size_t slash = folder.find('/'); slash != std::string::npos) {
    folder.replace(slash, 1, "--");
  }
  if (cache.empty() || !present(cache / folder)) {
    refuse("no such file or folder, nor in the Hugging Face cache " + cache.string());
  }
  const fs::path found = snapshot(cache / folder);
  if (found.empty() || !present(found)) {
    refuse("no complete download in the Hugging Face cache " + cache.string());
  }
  return found;
}

}  // namespace bertq::cli
