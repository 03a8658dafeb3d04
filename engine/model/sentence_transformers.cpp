#include "engine/model/sentence_transformers.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/error.h"
#include "engine/model/json_fields.h"
#include "engine/model/model_folder.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_modules = 16;
constexpr std::size_t most_tokens = 1'048'576;
constexpr std::size_t most_width = 65'536;

struct Module {
  std::string kind;    // the class, without its package
  std::string folder;  // before the names of its files: "" or "1_Pooling/"
};

// "" is the folder of modules.json itself, else a folder in it: the file must not reach elsewhere.
std::string module_folder(const JsonFields& fields) {
  const std::string path = fields.text("path", "");
  if (path.empty()) return path;
  if (path == "." || path == ".." ||
      path.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
    fields.refuse("path", "the name of a folder beside modules.json");
  }
  return path + "/";
}

std::vector<Module> read_modules(const JsonFile& file) {
  if (!file.content.is_array() || file.content.size() > most_modules) {
    throw Error(ErrorKind::input, file.name + ": expected a list of at most " +
                                      std::to_string(most_modules) + " modules");
  }
  std::vector<Module> modules;
  for (const Json& entry : file.content) {
    const JsonFields fields(entry, file.name + ": module " + std::to_string(modules.size()));
    const std::string type = fields.text("type", "");
    modules.push_back({type.substr(type.rfind('.') + 1), module_folder(fields)});
  }
  return modules;
}

// Transformer, Pooling and maybe Normalize.
void check_order(const std::vector<Module>& modules, const std::string& file) {
  constexpr std::array<std::string_view, 3> known{"Transformer", "Pooling", "Normalize"};
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (i < known.size() && modules[i].kind == known[i]) continue;
    throw Error(ErrorKind::input, file + ": module " + std::to_string(i) + ": expected " +
                                      (i < known.size() ? std::string(known[i]) : "no more") +
                                      ", got " + loaders::printable(modules[i].kind));
  }
  if (modules.size() < 2) {
    throw Error(ErrorKind::input, file + ": expected the modules Transformer and Pooling, got " +
                                      std::to_string(modules.size()));
  }
}

// One flag for each mode, of which exactly one may be set; newer files have the name of the mode.
Pooling pooling_of(const JsonFile& file, const JsonFields& fields) {
  std::vector<std::string> modes;
  if (fields.has("pooling_mode")) modes.push_back(fields.text("pooling_mode", ""));
  constexpr std::string_view prefix = "pooling_mode_";
  for (const auto& [key, value] : file.content.items()) {
    if (key.starts_with(prefix) && fields.flag(key, false)) {
      modes.push_back(key.substr(prefix.size()));
    }
  }
  constexpr std::array<std::string_view, 2> mean{"mean", "mean_tokens"}, cls{"cls", "cls_token"};
  const auto all_are = [&](const auto& names) {
    return !modes.empty() && std::all_of(modes.begin(), modes.end(), [&](const std::string& mode) {
      return std::find(names.begin(), names.end(), mode) != names.end();
    });
  };
  if (all_are(mean)) return Pooling::mean;
  if (all_are(cls)) return Pooling::cls;
  std::string got;
  for (const std::string& mode : modes)
    got += (got.empty() ? "" : " and ") + loaders::printable(mode);
  throw Error(ErrorKind::input, file.name + ": pooling_mode: expected mean or cls, got " +
                                    (got.empty() ? "none" : got));
}

}  // namespace

std::optional<SentenceTransformer> read_sentence_transformer(const ModelFolder& folder) {
  const auto file = read_json_file_if_there(folder, "modules.json");
  if (!file) return std::nullopt;
  const std::vector<Module> modules = read_modules(*file);
  check_order(modules, file->name);
  SentenceTransformer result;
  result.transformer = modules[0].folder;
  const JsonFile pooling = read_json_file(folder, modules[1].folder + "config.json");
  result.pooling_config = pooling.name;
  const JsonFields pooling_fields(pooling.content, pooling.name);
  result.pooling = {pooling_of(pooling, pooling_fields), modules.size() == 3};
  if (pooling_fields.has("word_embedding_dimension")) {
    result.width = pooling_fields.natural("word_embedding_dimension", 1, most_width);
  }
  if (const auto limits =
          read_json_file_if_there(folder, result.transformer + "sentence_bert_config.json")) {
    const JsonFields fields(limits->content, limits->name);
    if (fields.has("max_seq_length")) {
      result.max_tokens = fields.natural("max_seq_length", 3, most_tokens);
    }
    result.lower_cases = fields.flag("do_lower_case", false);
  }
  return result;
}

}  // namespace bertq::engine
