#include "loaders/torch_state.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loaders/printable.h"
#include "loaders/torch_names.h"

namespace bertq::loaders {
namespace {

// Far above what any training script keeps; a tree beyond these is not one.
constexpr std::size_t depth_limit = 64, name_limit = 1'000, visit_limit = 2'000'000;
// What the result may take beside the pickle itself.
constexpr std::size_t memory_base = std::size_t{7} << 20U;
// Tensors may share storages, and a stride of 0 repeats elements; but whoever reads all of them
// shall not read many times the file.
constexpr std::uint64_t most_sharing = 16, sharing_base = std::uint64_t{64} << 20U;
constexpr std::string_view metadata_key = "_metadata", version_key = "version";

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw FormatError(file + ": " + what);
}

// Calls leaf(value, name) for everything in the tree but None, and versions(metadata, prefix) for
// what state_dict() says about its modules.
template <typename Leaf, typename Versions>
class Walk {
 public:
  Walk(const PickleValues& values, const std::string& file, Leaf leaf, Versions versions)
      : values_(values), file_(file), leaf_(leaf), versions_(versions) {}

  void run(PickleIndex root) {
    if (!is_inner(root)) {
      fail(file_, "expected tensors by name, got a single value: is it a state_dict()?");
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

  void visit(PickleIndex value) {
    if (++visits_ > visit_limit) {
      fail(file_, "expected at most " + std::to_string(visit_limit) + " values, got more");
    }
    if (values_.is_none(value)) return;
    if (is_inner(value)) return enter(value);
    leaf_(value, std::as_const(name_));
  }

  void enter(PickleIndex value) {
    for (const Step& step : path_) {
      if (step.value == value) fail(file_, place() + ": expected a tree, got what contains itself");
    }
    if (path_.size() == depth_limit) {
      fail(file_,
           place() + ": expected a depth of at most " + std::to_string(depth_limit) + ", got more");
    }
    PickleIndex container = value;
    if (values_.is(value, PickleKind::object)) {
      const std::optional<PickleIndex> state = values_.state(value);
      if (!state || values_.is_none(*state)) return;
      if (!is_inner(*state) || values_.is(*state, PickleKind::object)) {
        fail(file_, place() + ": expected an object's parts by name or number, got another value");
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
      fail(file_, place() + ": expected a dict as a dict's state, got another value");
    }
    const std::optional<PickleIndex> metadata = values_.find(*state, metadata_key);
    if (metadata && !values_.is_none(*metadata)) versions_(*metadata, std::as_const(name_));
  }

  void add_key(PickleIndex key) {
    if (values_.is(key, PickleKind::text)) return add_to_name(values_.text(key));
    if (values_.is(key, PickleKind::integer)) {
      return add_to_name(std::to_string(values_.integer(key)));
    }
    fail(file_, place() + ": expected keys that are text or integers, got another value");
  }

  void add_to_name(std::string_view part) {
    if (part.size() > name_limit || name_.size() + part.size() > name_limit) {
      fail(file_, place() + ": expected a name of at most " + std::to_string(name_limit) +
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

template <typename Leaf, typename Versions>
void walk(const Pickle& pickle, const std::string& file, Leaf leaf, Versions versions) {
  Walk(pickle.values, file, leaf, versions).run(pickle.root);
}

// How many tensors and attributes there will be, before any is made.
struct Census {
  std::size_t tensors = 0, attributes = 0, bytes = 0;
};

Census count(const Pickle& pickle, const std::string& file, const TorchTensorMaker& maker) {
  constexpr std::size_t node_bytes = 64;  // of a map, or of a tensor's shape and strides
  const std::size_t most = pickle.values.bytes().size() / 2 + memory_base;
  Census census;
  const auto charge = [&](std::size_t bytes) {
    census.bytes += bytes;
    if (census.bytes <= most) return;
    fail(file, "expected tensors' names and shapes of at most " + std::to_string(most) +
                   " bytes, got more");
  };
  walk(
      pickle, file,
      [&](PickleIndex value, const std::string& name) {
        const bool is_tensor = maker.is_tensor(value);
        ++(is_tensor ? census.tensors : census.attributes);
        charge(name.size() + node_bytes + (is_tensor ? sizeof(Tensor) : sizeof(Attribute)));
      },
      [](PickleIndex, const std::string&) {});
  if (census.tensors > tensor_limit) {
    fail(file, "expected at most " + std::to_string(tensor_limit) + " tensors, got " +
                   std::to_string(census.tensors));
  }
  return census;
}

// Seeds may be beyond 64 bits; two's complement, as the pickle has it.
std::string hexadecimal(std::string_view little_endian) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "0x";
  for (std::size_t i = little_endian.size(); i-- > 0;) {
    const auto byte = static_cast<unsigned char>(little_endian[i]);
    text += digits[byte >> 4U];
    text += digits[byte & 0xFU];
  }
  return text;
}

Attribute attribute_of(const PickleValues& values, PickleIndex value, const std::string& name,
                       const std::string& file) {
  constexpr std::string_view dtype = "dtype";
  switch (values.kind(value)) {
    case PickleKind::boolean:
      return values.boolean(value);
    case PickleKind::integer: {
      // TorchScript has no dtype objects, only their numbers.
      const std::string_view scalar = torch_scalar_type(values.integer(value));
      const bool is_dtype = name == dtype || name.ends_with("._packed_params.dtype");
      if (is_dtype && !scalar.empty()) return std::string(scalar);
      return values.integer(value);
    }
    case PickleKind::real:
      return values.real(value);
    case PickleKind::text:
      return std::string(values.text(value));
    case PickleKind::long_integer:
      return hexadecimal(values.long_integer(value));
    case PickleKind::global:
      return torch_name_text(values.global(value));
    default:
      fail(file, printable(name) + ": expected a number, a text or a tensor, got another value");
  }
}

std::string joined(const std::string& prefix, std::string_view path) {
  if (prefix.empty()) return std::string(path);
  return path.empty() ? prefix : prefix + "." + std::string(path);
}

// {module's path: {"version": number}}
void add_versions(Checkpoint& checkpoint, const PickleValues& values, PickleIndex metadata,
                  const std::string& prefix) {
  const auto expect = [&](bool holds) {
    if (!holds) {
      fail(checkpoint.name, "_metadata: expected versions by module, got something else");
    }
  };
  expect(values.is(metadata, PickleKind::dict));
  PickleValues::Cursor cursor = values.begin(metadata);
  while (const std::optional<PickleIndex> path = values.next(cursor)) {
    const std::optional<PickleIndex> entry = values.next(cursor);
    expect(values.is(*path, PickleKind::text) && values.text(*path).size() <= name_limit);
    expect(entry && values.is(*entry, PickleKind::dict));
    expect(checkpoint.module_versions.size() < tensor_limit);
    const std::optional<PickleIndex> version = values.find(*entry, version_key);
    if (!version || values.is_none(*version)) continue;
    expect(values.is(*version, PickleKind::integer));
    checkpoint.module_versions[joined(prefix, values.text(*path))] = values.integer(*version);
  }
}

// Counts what reading each tensor gives.
class ReadBytes {
 public:
  explicit ReadBytes(const Checkpoint& checkpoint)
      : file_(checkpoint.name), most_(checkpoint.file_bytes * most_sharing + sharing_base) {}

  void add(const Tensor& tensor) {
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(tensor.elements, dtype_bytes(tensor.dtype), &bytes) ||
        __builtin_add_overflow(total_, bytes, &total_) || total_ > most_) {
      fail(file_, "tensor " + printable(tensor.name) + ": expected tensors of at most " +
                      std::to_string(most_) + " bytes in all, got more");
    }
  }

 private:
  const std::string& file_;
  std::uint64_t most_, total_ = 0;
};

void refuse_duplicates(const Checkpoint& checkpoint) {
  const std::vector<Tensor>& tensors = checkpoint.tensors;
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tensors[a].name < tensors[b].name; });
  const auto twice = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return tensors[a].name == tensors[b].name; });
  if (twice == order.end()) return;
  fail(checkpoint.name,
       "tensor " + printable(tensors[*twice].name) + ": expected one of this name, got two");
}

}  // namespace

void add_torch_state(Checkpoint& checkpoint, const Pickle& pickle, TorchTensorMaker& maker) {
  const PickleValues& values = pickle.values;
  checkpoint.tensors.reserve(count(pickle, checkpoint.name, maker).tensors);
  ReadBytes read_bytes(checkpoint);
  walk(
      pickle, checkpoint.name,
      [&](PickleIndex value, const std::string& name) {
        if (maker.is_tensor(value)) {
          checkpoint.tensors.push_back(maker.make(value, name));
          read_bytes.add(checkpoint.tensors.back());
          return;
        }
        const bool fresh =
            checkpoint.attributes.emplace(name, attribute_of(values, value, name, checkpoint.name))
                .second;
        if (!fresh) fail(checkpoint.name, printable(name) + ": expected one of this name, got two");
      },
      [&](PickleIndex metadata, const std::string& prefix) {
        add_versions(checkpoint, values, metadata, prefix);
      });
  refuse_duplicates(checkpoint);
}

}  // namespace bertq::loaders
