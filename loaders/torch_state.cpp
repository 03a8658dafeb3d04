#include "loaders/torch_state.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loaders/printable.h"
#include "loaders/torch_names.h"
#include "loaders/torch_walk.h"

namespace bertq::loaders {
namespace {

// What the result may take beside the pickle itself.
constexpr std::size_t memory_base = std::size_t{7} << 20U;
// Tensors may share storages, and a stride of 0 repeats elements; but whoever reads all of them
// shall not read many times the file.
constexpr std::uint64_t most_sharing = 16, sharing_base = std::uint64_t{64} << 20U;
constexpr std::string_view version_key = "version";

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw FormatError(file + ": " + what);
}

template <typename Leaf, typename Versions>
void walk(const Pickle& pickle, const std::string& file, Leaf leaf, Versions versions) {
  TorchWalk(pickle.values, file, leaf, versions).run(pickle.root);
}

// Calls use(path, version) for each module in {module's path: {"version": number}}.
template <typename Use>
void for_each_version(const PickleValues& values, PickleIndex metadata, const std::string& file,
                      Use use) {
  constexpr int most_facts = 16;  // of a module; PyTorch writes one or two
  const auto expect = [&](bool holds) {
    if (!holds) fail(file, "_metadata: expected versions by module, got something else");
  };
  expect(values.is(metadata, PickleKind::dict));
  PickleValues::Cursor modules = values.begin(metadata);
  while (const std::optional<PickleIndex> path = values.next(modules)) {
    const std::optional<PickleIndex> entry = values.next(modules);
    expect(values.is(*path, PickleKind::text) && values.text(*path).size() <= torch_name_limit);
    expect(entry && values.is(*entry, PickleKind::dict));
    std::optional<std::int64_t> version;
    PickleValues::Cursor facts = values.begin(*entry);
    int count = 0;
    while (const std::optional<PickleIndex> key = values.next(facts)) {
      const std::optional<PickleIndex> value = values.next(facts);
      expect(value && ++count <= most_facts);
      if (!values.is(*key, PickleKind::text) || values.text(*key) != version_key) continue;
      if (values.is_none(*value)) continue;
      expect(values.is(*value, PickleKind::integer));
      version = values.integer(*value);
    }
    use(values.text(*path), version);
  }
}

std::string joined(const std::string& prefix, std::string_view path) {
  if (prefix.empty()) return std::string(path);
  return path.empty() ? prefix : prefix + "." + std::string(path);
}

// Counts what there will be, before any of it is made: names and texts that a pickle holds once may
// come up many times. Returns the number of tensors.
std::size_t count(const Pickle& pickle, const std::string& file, const TorchTensorMaker& maker) {
  constexpr std::size_t node_bytes = 64;  // of a map, or of a tensor's shape and strides
  const PickleValues& values = pickle.values;
  const std::size_t most = values.bytes().size() / 2 + memory_base;
  std::size_t total = 0, tensors = 0;
  const auto charge = [&](std::size_t bytes) {
    total += node_bytes + bytes;
    if (total <= most) return;
    fail(file, "expected names and shapes of at most " + std::to_string(most) +
                   " bytes in all, got more");
  };
  walk(
      pickle, file,
      [&](PickleIndex value, const std::string& name) {
        if (maker.is_tensor(value)) {
          ++tensors;
          return charge(name.size() + sizeof(Tensor));
        }
        const bool is_text = values.is(value, PickleKind::text);
        charge(name.size() + sizeof(Attribute) + (is_text ? values.text(value).size() : 0));
      },
      [&](PickleIndex metadata, const std::string& prefix) {
        for_each_version(values, metadata, file,
                         [&](std::string_view path, const std::optional<std::int64_t>&) {
                           charge(prefix.size() + path.size());
                         });
      });
  if (tensors > tensor_limit) {
    fail(file, "expected at most " + std::to_string(tensor_limit) + " tensors, got " +
                   std::to_string(tensors));
  }
  return tensors;
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
  const Tensor* twice = repeated_name(checkpoint.tensors);
  if (twice == nullptr) return;
  fail(checkpoint.name,
       "tensor " + printable(twice->name) + ": expected one of this name, got two");
}

}  // namespace

void add_torch_state(Checkpoint& checkpoint, const Pickle& pickle, TorchTensorMaker& maker) {
  const PickleValues& values = pickle.values;
  checkpoint.tensors.reserve(count(pickle, checkpoint.name, maker));
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
        for_each_version(values, metadata, checkpoint.name,
                         [&](std::string_view path, const std::optional<std::int64_t>& version) {
                           if (version) checkpoint.module_versions[joined(prefix, path)] = *version;
                         });
      });
  refuse_duplicates(checkpoint);
}

}  // namespace bertq::loaders
