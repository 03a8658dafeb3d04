// Three members. "storages": their number, then for each a pickle (key, location, class), the
// number of elements and the bytes; then a pickle of views (key, key of the root, offset,
// elements). "tensors": their number, then for each a pickle (key, key of the storage, class), the
// rank as 4 bytes of 8, sizes, strides and the offset. "pickle": the object, with keys of tensors
// for persistent ids.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/little_endian.h"
#include "loaders/printable.h"
#include "loaders/tar_archive.h"
#include "loaders/torch_checkpoint.h"
#include "loaders/torch_names.h"
#include "loaders/torch_state.h"
#include "loaders/torch_storage.h"

namespace bertq::loaders {
namespace {

// Reads one member from its beginning to its end.
class Reader {
 public:
  Reader(const ByteSource& source, const TarMember& member)
      : source_(source), at_(member.offset), end_(member.offset + member.size) {}

  Pickle pickle() {
    Pickle pickle =
        read_pickle(source_, at_, end_ - at_, torch_names(false), {source_.name(), at_});
    begin_ = std::exchange(at_, at_ + pickle.size);
    return pickle;
  }
  template <typename T>
  T number() {
    std::array<std::byte, sizeof(T)> bytes{};
    source_.read(skip(sizeof(T)), bytes);
    return load_little_endian<T>(bytes);
  }
  std::uint64_t skip(std::uint64_t bytes) {
    if (bytes > end_ - at_) fail("expected " + std::to_string(bytes) + " more bytes, got fewer");
    begin_ = at_;
    return std::exchange(at_, at_ + bytes);
  }
  void expect_end() {
    begin_ = at_;
    if (at_ != end_) fail("expected the end of the member, got more bytes");
  }
  // Messages name the offset of what was read last.
  std::string place() const { return source_.name() + ": byte " + std::to_string(begin_); }
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(place() + ": " + what);
  }
  void expect(bool holds, const std::string& expected) const {
    if (!holds) fail("expected " + expected + ", got another value");
  }

  // Numbers of the things that follow, and keys of them.
  std::uint64_t natural(const PickleValues& values, PickleIndex value) const {
    expect(values.is(value, PickleKind::integer) && values.integer(value) >= 0,
           "an integer of 0 or more");
    return static_cast<std::uint64_t>(values.integer(value));
  }
  std::uint64_t count() {
    const Pickle pickle = this->pickle();
    const std::uint64_t count = natural(pickle.values, pickle.root);
    if (count > tensor_limit) {
      fail("expected at most " + std::to_string(tensor_limit) + ", got " + std::to_string(count));
    }
    return count;
  }
  static bool is_tuple(const PickleValues& values, PickleIndex value, std::size_t size) {
    return values.is(value, PickleKind::tuple) && values.size(value) == size;
  }

 private:
  const ByteSource& source_;
  std::uint64_t begin_ = 0, at_, end_;
};

using Key = std::uint64_t;  // an address on the machine that wrote the file

// What a member lists, for the next one to use. PyTorch wrote nothing that nothing uses: where
// something is left over, a key has come to mean another thing.
template <typename T>
class Listed {
 public:
  explicit Listed(std::string what) : what_(std::move(what)) {}

  bool add(Key key, T value) { return items_.emplace(key, Item{std::move(value)}).second; }
  // Null if there is none of this key.
  const T* use(Key key) {
    const auto found = items_.find(key);
    if (found == items_.end()) return nullptr;
    found->second.used = true;
    return &found->second.value;
  }
  // Throws FormatError.
  void expect_all_used(const std::string& file) const {
    for (const auto& [key, item] : items_) {
      if (item.used) continue;
      throw FormatError(file + ": expected " + what_ + " " + std::to_string(key) +
                        " to be used, found nothing that does");
    }
  }

 private:
  struct Item {
    T value;
    bool used = false;
  };
  std::string what_;
  std::map<Key, Item> items_;
};
using Storages = Listed<TorchStorage>;
using Tensors = Listed<Tensor>;

Storages read_storages(Reader reader) {
  Storages storages("storage");
  const auto add = [&](Key key, const TorchStorage& storage) {
    reader.expect(storages.add(key, storage), "each storage once");
  };
  for (std::uint64_t left = reader.count(); left > 0; --left) {
    const Pickle pickle = reader.pickle();
    const PickleValues& values = pickle.values;
    reader.expect(Reader::is_tuple(values, pickle.root, 3), "a storage's key, place and class");
    const Key key = reader.natural(values, values.item(pickle.root, 0));
    const PickleIndex name = values.item(pickle.root, 2);
    reader.expect(values.is(name, PickleKind::global), "a storage class");
    const TorchMeaning& meaning = torch_meaning(values.global(name));
    reader.expect(meaning.kind == TorchName::storage, "a storage class");
    const auto elements = reader.number<std::uint64_t>();
    std::uint64_t bytes = 0;
    reader.expect(!__builtin_mul_overflow(elements, dtype_bytes(*meaning.dtype), &bytes),
                  "fewer than 2^64 bytes");
    add(key, {meaning.dtype, meaning.quantized, reader.skip(bytes), bytes, nullptr});
  }
  const Pickle views = reader.pickle();
  const PickleValues& values = views.values;
  reader.expect(values.is(views.root, PickleKind::list) || Reader::is_tuple(values, views.root, 0),
                "a list of views");
  PickleValues::Cursor cursor = values.begin(views.root);
  while (const std::optional<PickleIndex> view = values.next(cursor)) {
    reader.expect(Reader::is_tuple(values, *view, 4), "a view's key, root, offset and elements");
    std::array<std::uint64_t, 4> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i] = reader.natural(values, values.item(*view, i));
    }
    const auto [key, root_key, offset, elements] = parts;
    const TorchStorage* const root = storages.use(root_key);
    reader.expect(root != nullptr, "a view of a storage in the file");
    TorchStorage part = *root;
    const std::uint64_t width = dtype_bytes(*part.dtype), there = part.bytes / width;
    reader.expect(elements <= there && offset <= there - elements, "a view within its storage");
    part.offset += offset * width;
    part.bytes = elements * width;
    add(key, part);
  }
  reader.expect_end();
  return storages;
}

Tensors read_tensors(Reader reader, const ByteSource& source, Storages& storages) {
  Tensors tensors("tensor");
  for (std::uint64_t left = reader.count(); left > 0; --left) {
    const Pickle pickle = reader.pickle();
    const PickleValues& values = pickle.values;
    reader.expect(Reader::is_tuple(values, pickle.root, 3), "a tensor's key, storage and class");
    const Key key = reader.natural(values, values.item(pickle.root, 0));
    const TorchStorage* const storage =
        storages.use(reader.natural(values, values.item(pickle.root, 1)));
    reader.expect(storage != nullptr, "a storage in the file");
    const auto rank = reader.number<std::uint32_t>();
    if (rank > rank_limit) {
      reader.fail("expected at most " + std::to_string(rank_limit) + " dimensions, got " +
                  std::to_string(rank));
    }
    reader.skip(sizeof(std::uint32_t));  // the upper half of the rank
    std::vector<std::uint64_t> shape(rank), strides(rank);
    for (std::uint64_t& size : shape) size = reader.number<std::uint64_t>();
    for (std::uint64_t& stride : strides) stride = reader.number<std::uint64_t>();
    const auto offset = reader.number<std::uint64_t>();
    Tensor tensor = tensor_in_storage(source, *storage, *storage->dtype, offset, std::move(shape),
                                      std::move(strides), reader.place());
    reader.expect(tensors.add(key, std::move(tensor)), "each tensor once");
  }
  reader.expect_end();
  storages.expect_all_used(source.name());
  return tensors;
}

// Persistent ids are keys of tensors, as text or as a number.
class References final : public TorchTensorMaker {
 public:
  References(const ByteSource& source, const PickleValues& values, Tensors tensors)
      : source_(source), values_(values), tensors_(std::move(tensors)) {
    for (PickleIndex value = 0; value < values.count(); ++value) {
      if (is_tensor(value)) find(value);
    }
  }
  void expect_all_used() const { tensors_.expect_all_used(source_.name()); }

  bool is_tensor(PickleIndex value) const override {
    return values_.is(value, PickleKind::persistent);
  }

  Tensor make(PickleIndex value, const std::string& name) override {
    const Tensor* const found = find(value);
    if (found == nullptr) {
      throw FormatError(source_.name() + ": tensor " + printable(name) +
                        ": expected a tensor of the file, found no such key");
    }
    Tensor tensor = *found;
    tensor.name = name;
    return tensor;
  }

 private:
  // Null if there is none.
  const Tensor* find(PickleIndex value) {
    const std::optional<Key> key = key_of(values_, values_.identity(value));
    return key ? tensors_.use(*key) : nullptr;
  }

  static std::optional<Key> key_of(const PickleValues& values, PickleIndex identity) {
    if (values.is(identity, PickleKind::integer) && values.integer(identity) >= 0) {
      return static_cast<Key>(values.integer(identity));
    }
    if (!values.is(identity, PickleKind::text)) return std::nullopt;
    const std::string_view digits = values.text(identity);
    Key key = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), key);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return key;
  }

  const ByteSource& source_;
  const PickleValues& values_;
  Tensors tensors_;
};

}  // namespace

Checkpoint open_torch_tar(std::unique_ptr<const ByteSource> source) {
  Checkpoint checkpoint;
  checkpoint.name = source->name();
  checkpoint.format = "PyTorch tar";
  checkpoint.file_bytes = source->size();
  const std::vector<TarMember> members = read_tar(*source);
  const auto member = [&](std::string_view name) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const TarMember& known) { return known.name == name; });
    if (found != members.end()) return Reader(*source, *found);
    throw FormatError(source->name() + ": expected a member " + std::string(name) +
                      " as in PyTorch's old files, found none");
  };
  Storages storages = read_storages(member("storages"));
  Tensors tensors = read_tensors(member("tensors"), *source, storages);
  Reader main = member("pickle");
  const Pickle pickle = main.pickle();
  main.expect_end();
  References references(*source, pickle.values, std::move(tensors));
  add_torch_state(checkpoint, pickle, references);
  references.expect_all_used();
  checkpoint.sources.push_back(std::move(source));
  return checkpoint;
}

}  // namespace bertq::loaders
