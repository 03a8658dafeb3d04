// The tree of a PyTorch pickle, walked in the order of the file without recursion and within
// bounds: values may share parts, or hold themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/byte_source.h"
#include "loaders/pickle_values.h"
#include "loaders/printable.h"

namespace bertq::loaders {

// Far above what any training script keeps; a tree beyond these is not one.
inline constexpr std::size_t torch_depth_limit = 64, torch_name_limit = 1'000,
                             torch_visit_limit = 2'000'000;
// What Neural Compressor puts beside the tensors: its choices, by tuples. No tensors.
inline constexpr std::string_view torch_settings_name = "best_configure";

// Calls leaf(value, name) for everything in the tree but None and torch_settings_name, and
// versions(metadata, prefix) for what state_dict() says about its modules.
template <typename Leaf, typename Versions>
class TorchWalk {
 public:
  TorchWalk(const PickleValues& values, const std::string& file, Leaf leaf, Versions versions)
      : values_(values), file_(file), leaf_(leaf), versions_(versions) {}

  void run(PickleIndex root) {
    if (!is_inner(root)) {
      fail("expected tensors by name, got a single value: is it a state_dict()?");
    }
    enter(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      std::optional<PickleIndex> item = values_.next(step.cursor);
      if (!item) {
        path_.pop_back();
        name_.resize(path_.empty() ? 0 : path_.back().name_bytes);
        continue;
      }
      name_.resize(step.name_bytes);
      if (step.is_dict) {
        add_key(*item);
        item = values_.next(step.cursor);
      } else {
        add_to_name(std::to_string(step.number++));
      }
      if (item) visit(*item);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw FormatError(file_ + ": " + what); }

  struct Step {
    PickleIndex value = 0;  // the container, or the object whose state it is
    PickleValues::Cursor cursor;
    bool is_dict = false;
    std::size_t number = 0;  // of the next item
    std::size_t name_bytes = 0;
  };

  bool is_inner(PickleIndex value) const {
    switch (values_.kind(value)) {
      case PickleKind::dict:
      case PickleKind::list:
      case PickleKind::tuple:
      case PickleKind::object:
        return true;
      default:
        return false;
    }
  }

  std::string place() const { return printable(name_.empty() ? "the root" : name_); }

  void count_visit() {
    if (++visits_ <= torch_visit_limit) return;
    fail("expected at most " + std::to_string(torch_visit_limit) + " values, got more");
  }

  void visit(PickleIndex value) {
    count_visit();
    if (values_.is_none(value) || name_ == torch_settings_name) return;
    if (is_inner(value)) return enter(value);
    leaf_(value, std::as_const(name_));
  }

  void enter(PickleIndex value) {
    for (const Step& step : path_) {
      if (step.value == value) fail(place() + ": expected a tree, got what contains itself");
    }
    if (path_.size() == torch_depth_limit) {
      fail(place() + ": expected a depth of at most " + std::to_string(torch_depth_limit) +
           ", got more");
    }
    PickleIndex container = value;
    if (values_.is(value, PickleKind::object)) {
      const std::optional<PickleIndex> state = values_.state(value);
      if (!state || values_.is_none(*state)) return;
      if (!is_inner(*state) || values_.is(*state, PickleKind::object)) {
        fail(place() + ": expected an object's parts by name or number, got another value");
      }
      container = *state;
    }
    const bool is_dict = values_.is(container, PickleKind::dict);
    if (is_dict && value == container) read_versions(value);
    path_.push_back({value, values_.begin(container), is_dict, 0, name_.size()});
  }

  void read_versions(PickleIndex dict) {
    const std::optional<PickleIndex> state = values_.state(dict);
    if (!state) return;
    if (!values_.is(*state, PickleKind::dict)) {
      fail(place() + ": expected a dict as a dict's state, got another value");
    }
    std::optional<PickleIndex> metadata;
    PickleValues::Cursor cursor = values_.begin(*state);
    while (const std::optional<PickleIndex> key = values_.next(cursor)) {
      count_visit();
      const std::optional<PickleIndex> value = values_.next(cursor);
      if (values_.is(*key, PickleKind::text) && values_.text(*key) == "_metadata") metadata = value;
    }
    if (metadata && !values_.is_none(*metadata)) versions_(*metadata, std::as_const(name_));
  }

  void add_key(PickleIndex key) {
    if (values_.is(key, PickleKind::text)) return add_to_name(values_.text(key));
    if (values_.is(key, PickleKind::integer)) {
      return add_to_name(std::to_string(values_.integer(key)));
    }
    fail(place() + ": expected keys that are text or integers, got another value");
  }

  void add_to_name(std::string_view part) {
    if (part.size() > torch_name_limit || name_.size() + part.size() > torch_name_limit) {
      fail(place() + ": expected a name of at most " + std::to_string(torch_name_limit) +
           " bytes, got a longer one");
    }
    if (!path_.empty() && path_.back().name_bytes > 0) name_ += '.';
    name_ += part;
  }

  const PickleValues& values_;
  const std::string& file_;
  Leaf leaf_;
  Versions versions_;
  std::vector<Step> path_;
  std::string name_;
  std::size_t visits_ = 0;
};

}  // namespace bertq::loaders
