// Five pickles one behind another: a magic number, the protocol, facts about the machine, the
// object itself, the keys of its storages; then for each key the number of elements and the bytes.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "loaders/little_endian.h"
#include "loaders/printable.h"
#include "loaders/torch_checkpoint.h"
#include "loaders/torch_names.h"
#include "loaders/torch_state.h"
#include "loaders/torch_storage.h"
#include "loaders/torch_tensors.h"

namespace bertq::loaders {
namespace {

constexpr std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::int64_t protocol = 1001;

class Storages final : public TorchStorages {
 public:
  Storages(const ByteSource& source, const PickleValues& values, const PickleValues& keys,
           PickleIndex key_list, std::uint64_t data)
      : source_(source) {
    list_identities(values);
    place(keys, key_list, data);
  }

  TorchStorage find(const PickleValues& values, PickleIndex identity,
                    const std::string& place) override {
    const TorchStorageId id = read_storage_id(values, identity, place);
    const auto entry = placed_.find(id.key);  // listed from the same pickle, so it is there
    if (entry == placed_.end() || !entry->second.offset) {
      throw FormatError(place + ": expected its storage " + printable(id.key) +
                        " in the file's list, found none");
    }
    TorchStorage storage{id.dtype, id.quantized, *entry->second.offset, id.bytes(place), nullptr};
    if (!id.view) return storage;
    if (id.view->elements > id.elements || id.view->offset > id.elements - id.view->elements) {
      throw FormatError(place + ": expected a view within " + std::to_string(id.elements) +
                        " elements, got " + std::to_string(id.view->elements) + " from " +
                        std::to_string(id.view->offset));
    }
    storage.offset += id.view->offset * id.width();
    storage.bytes = id.view->elements * id.width();
    return storage;
  }

 private:
  struct Placed {
    std::uint64_t elements = 0, width = 0;
    std::optional<std::uint64_t> offset;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(source_.name() + ": " + what);
  }

  // The file tells the elements of a storage, but only the ids tell how long one is.
  void list_identities(const PickleValues& values) {
    for (PickleIndex value = 0; value < values.count(); ++value) {
      if (!values.is(value, PickleKind::persistent)) continue;
      const TorchStorageId id = read_storage_id(values, values.identity(value), source_.name());
      const Placed seen{id.elements, id.width(), std::nullopt};
      const Placed& first = placed_.emplace(id.key, seen).first->second;
      if (first.elements != seen.elements || first.width != seen.width) {
        fail("storage " + printable(id.key) + ": expected one size and type, got two");
      }
    }
  }

  void place(const PickleValues& keys, PickleIndex list, std::uint64_t at) {
    if (!keys.is(list, PickleKind::list)) fail("expected a list of storages, got another value");
    PickleValues::Cursor cursor = keys.begin(list);
    while (const std::optional<PickleIndex> key = keys.next(cursor)) {
      const auto entry =
          keys.is(*key, PickleKind::text) ? placed_.find(keys.text(*key)) : placed_.end();
      if (entry == placed_.end()) fail("expected storages that tensors use, got another key");
      if (entry->second.offset) {
        fail("storage " + printable(entry->first) + ": expected once, got twice");
      }
      at = place_one(printable(entry->first), entry->second, at);
    }
    if (at != source_.size()) {
      fail("byte " + std::to_string(at) + ": expected the end of the file, got " +
           std::to_string(source_.size() - at) + " more bytes");
    }
  }

  // Returns where the next one begins.
  std::uint64_t place_one(const std::string& key, Placed& storage, std::uint64_t at) const {
    std::array<std::byte, sizeof(std::uint64_t)> count{};
    source_.read(at, count);
    const auto elements = load_little_endian<std::uint64_t>(count);
    if (elements != storage.elements) {
      fail("byte " + std::to_string(at) + ": storage " + key + ": expected " +
           std::to_string(storage.elements) + " elements, got " + std::to_string(elements));
    }
    at += count.size();
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(elements, storage.width, &bytes) || bytes > source_.size() - at) {
      fail("byte " + std::to_string(at) + ": storage " + key + ": expected " +
           std::to_string(elements) + " elements, the file ends");
    }
    storage.offset = at;
    return at + bytes;
  }

  const ByteSource& source_;
  std::map<std::string, Placed, std::less<>> placed_;
};

class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_(source) {}

  Pickle next() {
    Pickle pickle =
        read_pickle(source_, at_, source_.size() - at_, torch_names(false), {source_.name(), at_});
    begin_ = std::exchange(at_, at_ + pickle.size);
    return pickle;
  }
  void expect(bool holds, const std::string& expected) const {
    if (holds) return;
    throw FormatError(source_.name() + ": byte " + std::to_string(begin_) + ": expected " +
                      expected + ", got something else");
  }
  std::uint64_t at() const { return at_; }

 private:
  const ByteSource& source_;
  std::uint64_t begin_ = 0, at_ = 0;
};

void check_head(Reader& reader) {
  const Pickle number = reader.next();
  reader.expect(number.values.is(number.root, PickleKind::long_integer) &&
                    number.values.long_integer(number.root) == magic,
                "PyTorch's magic number");
  const Pickle version = reader.next();
  reader.expect(version.values.is(version.root, PickleKind::integer) &&
                    version.values.integer(version.root) == protocol,
                "protocol " + std::to_string(protocol));
  const Pickle machine = reader.next();
  reader.expect(machine.values.is(machine.root, PickleKind::dict), "facts about a machine");
  const auto little = machine.values.find(machine.root, "little_endian");
  reader.expect(
      little && machine.values.is(*little, PickleKind::boolean) && machine.values.boolean(*little),
      "a file of a little-endian machine");
}

}  // namespace

Checkpoint open_torch_legacy(std::unique_ptr<const ByteSource> source) {
  Checkpoint checkpoint;
  checkpoint.name = source->name();
  checkpoint.format = "PyTorch legacy";
  checkpoint.file_bytes = source->size();
  Reader reader(*source);
  check_head(reader);
  const Pickle object = reader.next();
  const Pickle keys = reader.next();
  Storages storages(*source, object.values, keys.values, keys.root, reader.at());
  TorchTensors tensors(*source, object.values, storages);
  add_torch_state(checkpoint, object, tensors);
  checkpoint.sources.push_back(std::move(source));
  return checkpoint;
}

}  // namespace bertq::loaders
