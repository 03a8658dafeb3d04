#include "loaders/sharded_index.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loaders/json_walk.h"
#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

constexpr std::string_view index_suffix = ".index.json";
constexpr std::array<std::string_view, 2> shard_suffixes{".safetensors", ".bin"};

struct Placement {
  std::string tensor;
  std::size_t shard = 0;
};

struct Index {
  std::vector<std::string> shards;  // plain file names, sorted
  std::vector<Placement> placements;
  std::optional<std::uint64_t> total_size;
};

// How the shards of an index end; empty if it is none.
std::string_view shard_suffix_of(std::string_view index) {
  if (!index.ends_with(index_suffix)) return {};
  index.remove_suffix(index_suffix.size());
  const auto suffix = std::find_if(shard_suffixes.begin(), shard_suffixes.end(),
                                   [&](std::string_view known) { return index.ends_with(known); });
  return suffix == shard_suffixes.end() ? std::string_view() : *suffix;
}

bool is_plain_name(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) && name.size() > suffix.size() &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

class Collector final : public JsonVisitor {
 public:
  explicit Collector(const std::string& file) : file_(file), shard_suffix_(shard_suffix_of(file)) {}

  void value(std::span<const std::string> path, bool in_array, const JsonValue& value) override {
    if (path.empty()) {
      if (value.kind != JsonKind::object) refuse("index", "an object", value);
    } else if (path.size() == 1 && path[0] == map_key) {
      if (value.kind != JsonKind::object) refuse(path[0], "an object", value);
      if (std::exchange(has_map_, true)) fail("duplicate key " + path[0]);
    } else if (path[0] == map_key) {
      if (value.kind != JsonKind::string || in_array || path.size() != 2) {
        refuse(place(path[1]), "the name of a file", value);
      }
      place_tensor(path[1], value.text);
    } else if (path.size() == 2 && path[0] == "metadata" && path[1] == "total_size") {
      if (value.kind == JsonKind::natural) total_size_ = value.natural;
    }
  }
  void end(std::span<const std::string>) override {}

  Index take() {
    if (!has_map_) fail("expected a key " + std::string(map_key) + ", found none");
    Index index{{}, std::move(placements_), total_size_};
    std::vector<std::size_t> order(shards_.size());
    for (const auto& [name, number] : shards_) {
      order[number] = index.shards.size();
      index.shards.push_back(name);
    }
    for (Placement& placement : index.placements) placement.shard = order[placement.shard];
    std::sort(index.placements.begin(), index.placements.end(),
              [](const Placement& a, const Placement& b) { return a.tensor < b.tensor; });
    const auto twice = std::adjacent_find(
        index.placements.begin(), index.placements.end(),
        [](const Placement& a, const Placement& b) { return a.tensor == b.tensor; });
    if (twice != index.placements.end()) fail(place(twice->tensor) + ": duplicate key");
    return index;
  }

 private:
  static constexpr std::string_view map_key = "weight_map";

  [[noreturn]] void fail(const std::string& what) const { throw FormatError(file_ + ": " + what); }
  [[noreturn]] void refuse(const std::string& where, const std::string& expected,
                           const JsonValue& got) const {
    fail(where + ": expected " + expected + ", got " + described(got));
  }
  static std::string place(std::string_view tensor) { return "tensor " + printable(tensor); }

  void place_tensor(const std::string& tensor, std::string_view shard) {
    if (!is_plain_name(shard, shard_suffix_)) {
      fail(place(tensor) + ": expected the plain name of a " + std::string(shard_suffix_) +
           " file in the same folder, got '" + printable(shard) + "'");
    }
    if (placements_.size() == tensor_limit) {
      fail("expected at most " + std::to_string(tensor_limit) + " tensors, got more");
    }
    const auto [entry, fresh] = shards_.emplace(shard, shards_.size());
    if (fresh && shards_.size() > shard_limit) {
      fail("expected at most " + std::to_string(shard_limit) + " shards, got more");
    }
    placements_.push_back({tensor, entry->second});
  }

  const std::string& file_;
  std::string_view shard_suffix_;
  std::map<std::string, std::size_t> shards_;  // numbered as they are met
  std::vector<Placement> placements_;
  std::optional<std::uint64_t> total_size_;
  bool has_map_ = false;
};

Index read_index(const std::filesystem::path& path) {
  const auto source = open_file(path);
  const std::string text = read_text(*source, index_bytes_limit);
  Collector collected(source->name());
  walk_json(text, {source->name(), 0}, collected);
  return collected.take();
}

// Compares what the index says with what the shards hold.
class Placements {
 public:
  explicit Placements(const Index& index) : index_(index), met_(index.placements.size()) {}

  void meet(const Tensor& tensor, std::size_t shard, const std::string& index_name) {
    const auto& all = index_.placements;
    const auto entry = std::lower_bound(all.begin(), all.end(), tensor.name,
                                        [](const Placement& placement, const std::string& name) {
                                          return placement.tensor < name;
                                        });
    const bool known = entry != all.end() && entry->tensor == tensor.name;
    if (!known || entry->shard != shard) {
      throw FormatError(tensor.file() + ": tensor " + printable(tensor.name) + ": expected in " +
                        (known ? printable(index_.shards[entry->shard]) : "no shard") + " by " +
                        index_name);
    }
    met_[static_cast<std::size_t>(entry - all.begin())] = true;
  }

  void expect_all_met(const std::string& index_name) const {
    const auto missing = std::find(met_.begin(), met_.end(), false);
    if (missing == met_.end()) return;
    const Placement& lost = index_.placements[static_cast<std::size_t>(missing - met_.begin())];
    throw FormatError(index_name + ": tensor " + printable(lost.tensor) + ": expected in " +
                      printable(index_.shards[lost.shard]) + ", found no such tensor there");
  }

 private:
  const Index& index_;
  std::vector<bool> met_;
};

template <typename T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Adds a shard to those before it.
void join(Checkpoint& all, Checkpoint&& shard) {
  all.format = shard.format;
  all.file_bytes += shard.file_bytes;
  append(all.sources, std::move(shard.sources));
  append(all.tensors, std::move(shard.tensors));
  append(all.remarks, std::move(shard.remarks));
  all.attributes.merge(shard.attributes);
  all.module_versions.merge(shard.module_versions);
}

}  // namespace

bool is_shard_index(const std::filesystem::path& path) {
  return !shard_suffix_of(path.filename().string()).empty();
}

Checkpoint open_shards(const std::filesystem::path& index_path) {
  const Index index = read_index(index_path);
  Checkpoint all;
  all.name = index_path.string();
  Placements placements(index);
  std::uint64_t data_bytes = 0;
  for (std::size_t i = 0; i < index.shards.size(); ++i) {
    Checkpoint shard = open_checkpoint_file(open_file(index_path.parent_path() / index.shards[i]));
    for (const Tensor& tensor : shard.tensors) {
      placements.meet(tensor, i, all.name);
      data_bytes += tensor.elements * dtype_bytes(tensor.dtype);
    }
    join(all, std::move(shard));
  }
  placements.expect_all_met(all.name);
  if (index.total_size && *index.total_size != data_bytes) {
    all.remarks.push_back(all.name + ": total_size: expected " + std::to_string(data_bytes) +
                          ", got " + std::to_string(*index.total_size));
  }
  return all;
}

}  // namespace bertq::loaders
