#include "loaders/checkpoint.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "loaders/sharded_index.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
  bool floating;
};
// In the order of the enumeration.
constexpr std::array<DTypeRow, 15> dtypes{{
    {DType::f64, "F64", 8, true},
    {DType::f32, "F32", 4, true},
    {DType::f16, "F16", 2, true},
    {DType::bf16, "BF16", 2, true},
    {DType::f8_e4m3, "F8_E4M3", 1, true},
    {DType::f8_e5m2, "F8_E5M2", 1, true},
    {DType::i64, "I64", 8, false},
    {DType::i32, "I32", 4, false},
    {DType::i16, "I16", 2, false},
    {DType::i8, "I8", 1, false},
    {DType::u64, "U64", 8, false},
    {DType::u32, "U32", 4, false},
    {DType::u16, "U16", 2, false},
    {DType::u8, "U8", 1, false},
    {DType::boolean, "BOOL", 1, false},
}};

const DTypeRow& row(DType dtype) {
  return dtypes[static_cast<std::size_t>(dtype)];
}

constexpr std::string_view single_file = "model.safetensors";
constexpr std::string_view index_suffix = ".safetensors.index.json";
// What a folder may hold instead: worth naming, since the folder is not empty.
constexpr std::array<std::string_view, 4> other_files{"pytorch_model.bin", "tf_model.h5",
                                                      "flax_model.msgpack", "model.onnx"};

bool is_index(const fs::path& path) {
  return path.filename().string().ends_with(index_suffix);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::vector<fs::path> indices_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_index(entry->path())) found.push_back(entry->path());
  }
  if (error) {
    throw FormatError(folder.string() + ": expected a readable folder, got: " + error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

[[noreturn]] void throw_nothing_found(const fs::path& folder) {
  std::string message = folder.string() + ": expected " + std::string(single_file) + " or *" +
                        std::string(index_suffix) + ", found neither";
  for (const std::string_view other : other_files) {
    if (is_there(folder / other)) {
      message += " (" + std::string(other) + " is there, but bertq does not read it yet)";
    }
  }
  throw FormatError(message);
}

fs::path checkpoint_in(const fs::path& folder) {
  if (is_there(folder / single_file)) return folder / single_file;
  const std::vector<fs::path> indices = indices_in(folder);
  if (indices.empty()) throw_nothing_found(folder);
  const fs::path usual = folder / ("model" + std::string(index_suffix));
  if (std::find(indices.begin(), indices.end(), usual) != indices.end()) return usual;
  if (indices.size() > 1) {
    throw FormatError(folder.string() + ": expected one *" + std::string(index_suffix) + ", got " +
                      indices[0].filename().string() + " and " + indices[1].filename().string());
  }
  return indices.front();
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto found = std::find_if(dtypes.begin(), dtypes.end(),
                                  [&](const DTypeRow& known) { return known.name == name; });
  if (found == dtypes.end()) return std::nullopt;
  return found->dtype;
}

std::size_t dtype_bytes(DType dtype) {
  return row(dtype).bytes;
}

bool is_float(DType dtype) {
  return row(dtype).floating;
}

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? checkpoint_in(path) : path;
  if (is_index(file)) return std::make_unique<ShardedSafetensors>(file);
  return open_safetensors(open_file(file));
}

}  // namespace bertq::loaders
