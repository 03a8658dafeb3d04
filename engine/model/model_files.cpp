#include "engine/model/model_files.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "bertq/error.h"
#include "engine/model/assemble_model.h"
#include "engine/model/model_folder.h"
#include "engine/model/packed_facts.h"
#include "engine/model/zip_model.h"
#include "engine/sample/sample.h"
#include "loaders/bertq_file.h"
#include "loaders/bertq_header.h"
#include "loaders/byte_source.h"
#include "loaders/mapped_file.h"
#include "loaders/tensorflow_files.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

// What -m may name: the folder itself, the file of its weights, or what the names of TensorFlow's
// files begin with.
struct Location {
  fs::path folder;
  std::optional<fs::path> weights;
};

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Location locate(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    if (loaders::find_tensorflow_prefix(path)) return {parent_of(path), path};
    throw Error(ErrorKind::input, path.string() + ": expected a folder or a file, got: " +
                                      (error ? error.message() : "nothing of that name"));
  }
  if (fs::is_directory(status)) return {path, std::nullopt};
  if (!fs::is_regular_file(status)) {
    throw Error(ErrorKind::input,
                path.string() + ": expected a folder or a file, got a device or a pipe");
  }
  return {parent_of(path), path};
}

// An archive brings its own folder along.
std::unique_ptr<ModelFolder> folder_of(const Location& location) {
  if (location.weights && fs::is_regular_file(*location.weights)) {
    if (auto folder = folder_in_zip(*location.weights)) return folder;
  }
  return folder_on_disk(location.folder);
}

bool is_bertq_file(const Location& location) {
  return location.weights && fs::is_regular_file(*location.weights) &&
         loaders::is_bertq(*loaders::open_file(*location.weights));
}

// What the user asks for wins over what was asked for when the file was written.
ModelFiles open_packed(const fs::path& path, const tokenizer::Tokenizer::Overrides& asked,
                       WeightAccess access) {
  loaders::BertqFile file = loaders::open_bertq(
      access == WeightAccess::mapped ? loaders::open_mapped_file(path) : loaders::open_file(path));
  const auto facts = std::make_shared<const PackedFacts>(read_packed_facts(file.checkpoint));
  auto overrides = facts->tokenizer;
  if (asked.lower_case) overrides.lower_case = asked.lower_case;
  if (asked.profile) overrides.profile = asked.profile;
  if (asked.special_tokens_in_text) overrides.special_tokens_in_text = asked.special_tokens_in_text;
  const auto folder = folder_in_memory(path.string(), {file.files.begin(), file.files.end()});
  ModelFiles files = assemble_model(
      path.string(), *folder, overrides,
      [&](const std::string&) { return std::move(file.checkpoint); }, facts);
  files.small_files.clear();
  return files;
}

}  // namespace

ModelFiles open_model(const fs::path& path,
                      const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                      WeightAccess access) {
  const Location location = locate(path);
  if (is_bertq_file(location)) return open_packed(path, tokenizer_overrides, access);
  const std::shared_ptr<const ModelFolder> folder = folder_of(location);
  ModelFiles files =
      assemble_model(path.string(), *folder, tokenizer_overrides, [&](const std::string& prefix) {
        return loaders::open_checkpoint(location.weights.value_or(location.folder / prefix));
      });
  files.folder = folder;
  return files;
}

ModelFiles open_embedded_model(const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                               EmbeddedModel model) {
  const std::string name = "embedded sample";
  const bool squad = model == EmbeddedModel::squad;
  const std::string_view config = squad ? sample::squad_config() : sample::config();
  const std::string_view weights = squad ? sample::squad_checkpoint() : sample::checkpoint();
  const std::shared_ptr<const ModelFolder> folder =
      folder_in_memory(name, {{"config.json", config}, {"vocab.txt", sample::vocabulary()}});
  ModelFiles files = assemble_model(name, *folder, tokenizer_overrides, [&](const std::string&) {
    return loaders::open_checkpoint_file(
        loaders::open_memory(std::as_bytes(std::span(weights)), name + "/model.safetensors"));
  });
  files.folder = folder;
  return files;
}

std::string_view embedded_mrpc() {
  return sample::mrpc();
}

std::string_view embedded_squad() {
  return sample::squad();
}

}  // namespace bertq::engine
