#include "loaders/torch_checkpoint.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "loaders/checkpoint.h"
#include "support/allocation_peak.h"
#include "support/pickle_bytes.h"
#include "support/thrown_message.h"
#include "support/zip_file.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using namespace testing::pickle;
using testing::ZipFile;

const fs::path fixtures = BERTQ_TEST_DATA "/checkpoints";

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> out(tensor.elements);
  read_f32(tensor, 0, out);
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Nearest float of less precision, ties to even.
float rounded_to_bfloat16(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  bits += 0x7FFFU + ((bits >> 16U) & 1U);
  return std::bit_cast<float>(bits & 0xFFFF'0000U);
}
// Of values that are normal in half precision.
float rounded_to_half(float value) {
  int exponent = 0;
  const float fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 11)), exponent - 11);
}

TEST_CASE("every form holds the values of the safetensors file, bit for bit") {
  struct Form {
    std::string folder, format, prefix;
    std::function<float(float)> change;
  };
  const std::vector<Form> forms{
      {"torch_zip", "PyTorch", "", {}},
      {"torch_legacy", "PyTorch legacy", "", {}},
      {"torch_tar", "PyTorch tar", "", {}},
      {"torch_protocol4", "PyTorch", "", {}},
      {"torch_protocol5_legacy", "PyTorch legacy", "", {}},
      {"torch_shards", "PyTorch", "", {}},
      {"torch_double", "PyTorch", "", {}},
      {"torch_strided", "PyTorch", "", {}},
      {"torch_training", "PyTorch", "state_dict.", {}},
      {"torch_script", "TorchScript", "", {}},
      {"torch_half", "PyTorch", "", rounded_to_half},
      {"torch_bfloat16", "PyTorch", "", rounded_to_bfloat16},
  };
  const Checkpoint want = open_checkpoint(fixtures / "safetensors");
  for (const Form& form : forms) {
    CAPTURE(form.folder);
    const Checkpoint got = open_checkpoint(fixtures / form.folder);
    CHECK(got.format == form.format);
    CHECK(got.remarks.empty());
    CHECK(got.file_bytes > 0);
    for (const Tensor& tensor : want.tensors) {
      CAPTURE(tensor.name);
      const Tensor* found = got.find(form.prefix + tensor.name);
      REQUIRE(found != nullptr);
      CHECK(found->shape == tensor.shape);
      std::vector<float> expected = values(tensor);
      if (form.change) {
        for (float& value : expected) {
          if (std::abs(value) > 1e-4F) value = form.change(value);
        }
      }
      std::vector<float> held = values(*found);
      if (form.change) {  // what is subnormal in half precision is not worked out here
        for (std::size_t i = 0; i < held.size(); ++i) {
          if (std::abs(held[i]) <= 1.1e-4F) held[i] = expected[i];
        }
      }
      CHECK(same_bits(held, expected));
      verify_checksum(*found);
    }
  }
}

TEST_CASE("storages are views of the file: shared, with offsets and strides") {
  const Checkpoint strided = open_checkpoint(fixtures / "torch_strided");
  std::set<std::uint64_t> storages;
  std::size_t vectors = 0, with_strides = 0;
  for (const Tensor& tensor : strided.tensors) {
    REQUIRE(tensor.checksum);
    if (!tensor.strides.empty()) ++with_strides;
    if (tensor.shape.size() != 1) continue;
    storages.insert(tensor.checksum->offset);
    ++vectors;
  }
  CHECK(vectors > 20);
  CHECK(storages.size() == 1);
  CHECK(with_strides > 5);
}

TEST_CASE("what is no tensor becomes attributes and versions of modules") {
  const Checkpoint training = open_checkpoint(fixtures / "torch_training");
  const auto& attributes = training.attributes;
  CHECK(attributes.at("epoch") == Attribute(std::int64_t{3}));
  CHECK(attributes.at("best_metric") == Attribute(0.875));
  CHECK(attributes.at("task") == Attribute(std::string("mrpc")));
  CHECK(attributes.at("frozen") == Attribute(false));
  CHECK(attributes.at("optimizer.param_groups.0.betas.1") == Attribute(0.999));
  CHECK(attributes.at("optimizer.state.1.step") == Attribute(std::int64_t{3}));
  CHECK(!attributes.contains("scheduler"));  // None
  CHECK(training.find("optimizer.state.0.exp_avg") != nullptr);
  CHECK(training.module_versions.at("state_dict.bert.pooler.dense") == 1);
  CHECK(open_checkpoint(fixtures / "torch_legacy").module_versions.at("bert.pooler") == 1);
}

TEST_CASE("dynamically quantised linear layers, in all versions of their form") {
  const Checkpoint floats = open_checkpoint(fixtures / "safetensors");
  struct Form {
    std::string folder, weight, bias, type;
    std::int64_t version, inner;  // 0: none
    std::size_t scales = 1;
  };
  const std::string packed = "._packed_params._packed_params.";
  const std::vector<Form> forms{
      {"torch_dynamic", packed + "0", packed + "1", "torch.qint8", 4, 3},
      {"torch_dynamic_per_channel", packed + "0", packed + "1", "torch.qint8", 4, 3, 24},
      {"torch_dynamic_v2", "._packed_params.weight", "._packed_params.bias", "torch.qint8", 2, 2},
      {"torch_dynamic_v1", ".weight", ".bias", "", 1, 0},
      {"torch_dynamic_fp16", packed + "0", packed + "1", "torch.float16", 4, 3, 0},
      {"torch_script_dynamic", packed + "0", packed + "1", "torch.qint8", 0, 0},
  };
  const std::string module = "bert.encoder.layer.1.intermediate.dense";
  for (const Form& form : forms) {
    CAPTURE(form.folder);
    const Checkpoint got = open_checkpoint(fixtures / form.folder);
    const Tensor* weight = got.find(module + form.weight);
    const Tensor* bias = got.find(module + form.bias);
    REQUIRE(weight != nullptr);
    REQUIRE(bias != nullptr);
    CHECK(weight->shape == std::vector<std::uint64_t>{24, 16});
    CHECK(same_bits(values(*bias), values(*floats.find(module + ".bias"))));

    const std::vector<float> exact = values(*floats.find(module + ".weight"));
    const std::vector<float> near = values(*weight);
    if (form.scales == 0) {
      CHECK(weight->dtype == DType::f32);
      CHECK(!weight->affine);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        CHECK(std::abs(near[i] - exact[i]) <= std::abs(exact[i]) * 0x1p-11F + 1e-7F);
      }
    } else {
      CHECK(weight->dtype == DType::i8);
      REQUIRE(weight->affine);
      const Affine& affine = *weight->affine;
      CHECK(affine.scales.size() == form.scales);
      CHECK(affine.axis == 0);
      CHECK(affine.zero_points == std::vector<double>(form.scales, 0));
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const double scale = affine.scales[form.scales == 1 ? 0 : i / 16];
        CHECK(std::abs(near[i] - exact[i]) <= scale * 0.50001);
      }
      // The largest magnitude of a range is 127.5 steps (spec of qint8 symmetric).
      float largest = 0;
      const std::size_t covered = form.scales == 1 ? exact.size() : 16;
      for (std::size_t i = 0; i < covered; ++i) largest = std::max(largest, std::abs(exact[i]));
      CHECK(affine.scales[0] ==
            doctest::Approx(static_cast<double>(largest) / 127.5).epsilon(1e-6));
    }

    const auto type = got.attributes.find(module + "._packed_params.dtype");
    CHECK((type == got.attributes.end()) == form.type.empty());
    if (type != got.attributes.end()) CHECK(type->second == Attribute(form.type));
    const auto version = [&](const std::string& path) {
      const auto found = got.module_versions.find(path);
      return found == got.module_versions.end() ? 0 : found->second;
    };
    CHECK(version(module) == form.version);
    CHECK(version(module + "._packed_params") == form.inner);
  }
}

// A zip file as torch.save writes it, of one pickle and its storages.
ZipFile torch_zip(const std::string& pickle,
                  const std::vector<std::pair<std::string, std::string>>& storages) {
  ZipFile file;
  file.add("m/data.pkl", pickle);
  for (const auto& [key, bytes] : storages) file.add("m/data/" + key, bytes);
  file.add("m/version", "3\n");
  return file;
}

// `bytes` outlives it.
Checkpoint opened(const std::string& bytes) {
  return open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), "m.bin"));
}

const std::string floats = [] {
  const std::vector<float> six{0, 1, 2, 3, 4, 5};
  return std::string(reinterpret_cast<const char*>(six.data()), 24);
}();

// One tensor "w" in a storage of six floats.
std::string with_tensor(const std::string& tensor) {
  return torch_zip(dict_of(text("w") + tensor), {{"0", floats}}).bytes();
}

TEST_CASE("views of a storage") {
  struct Row {
    std::int32_t offset;
    std::vector<std::int32_t> shape, strides;
    std::vector<float> values;
    bool row_major;
  };
  const std::vector<Row> rows{
      {0, {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}, true},
      {0, {3, 2}, {1, 3}, {0, 3, 1, 4, 2, 5}, false},
      {1, {2, 2}, {3, 1}, {1, 2, 4, 5}, false},
      {5, {}, {}, {5}, true},
      {2, {2}, {3}, {2, 5}, false},
      {4, {3}, {0}, {4, 4, 4}, false},
      {6, {0}, {1}, {}, true},
      {0, {0, 9}, {9, 1}, {}, true},
      {3, {1, 3}, {77, 1}, {3, 4, 5}, true},
  };
  for (const Row& row : rows) {
    const std::string bytes =
        with_tensor(tensor(storage("FloatStorage", "0", 6), row.offset, row.shape, row.strides));
    const Checkpoint checkpoint = opened(bytes);
    REQUIRE(checkpoint.tensors.size() == 1);
    CHECK(values(checkpoint.tensors[0]) == row.values);
    CHECK(checkpoint.tensors[0].strides.empty() == row.row_major);
  }
}

TEST_CASE("parameters and typed tensors are tensors") {
  const std::string plain = tensor(storage("FloatStorage", "0", 6), 0, {6}, {1});
  const std::string parameter = global("torch._utils", "_rebuild_parameter") + mark + plain + yes +
                                ordered_dict + tuple + reduce;
  const std::string with_state = global("torch._utils", "_rebuild_parameter_with_state") + mark +
                                 plain + yes + ordered_dict + empty_dict + tuple + reduce;
  const std::string arguments = mark + storage("FloatStorage", "0", 6) + integer(0) +
                                integers({6}) + integers({1}) + no + ordered_dict + tuple;
  const std::string of_type = global("torch._tensor", "_rebuild_from_type_v2") + mark +
                              global("torch._utils", "_rebuild_tensor_v2") +
                              global("torch.nn.parameter", "Parameter") + arguments + empty_dict +
                              tuple + reduce;
  const std::string oldest = global("torch._utils", "_rebuild_tensor") + mark +
                             storage("FloatStorage", "0", 6) + integer(0) + integers({6}) +
                             integers({1}) + tuple + reduce;
  const std::string bytes_id = mark + text("storage") + global("torch.storage", "UntypedStorage") +
                               text("0") + text("cpu") + integer(24) + tuple + persistent;
  const std::string typed = global("torch._utils", "_rebuild_tensor_v3") + mark + bytes_id +
                            integer(0) + integers({6}) + integers({1}) + no + ordered_dict +
                            global("torch", "float32") + tuple + reduce;
  for (const std::string& form : {plain, parameter, with_state, of_type, oldest, typed}) {
    CAPTURE(form);
    const std::string bytes = with_tensor(form);
    const Checkpoint checkpoint = opened(bytes);
    REQUIRE(checkpoint.tensors.size() == 1);
    CHECK(checkpoint.tensors[0].dtype == DType::f32);
    CHECK(values(checkpoint.tensors[0]) == std::vector<float>{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("a storage whose bytes changed is found by its checksum") {
  std::string bytes = with_tensor(tensor(storage("FloatStorage", "0", 6), 0, {6}, {1}));
  bytes[bytes.find(floats) + 5] ^= 1;
  const Checkpoint checkpoint = opened(bytes);
  CHECK(testing::thrown_message<FormatError>([&] {
          verify_checksum(checkpoint.tensors[0]);
        }).starts_with("m.bin: tensor w: expected the checksum "));
}

TEST_CASE("a file written without checksums is read, and that is remarked on") {
  const std::string pickle =
      dict_of(text("w") + tensor(storage("FloatStorage", "0", 6), 0, {6}, {1}));
  ZipFile file;
  file.add({.name = "m/data.pkl", .bytes = pickle, .crc = 0});
  file.add({.name = "m/data/0", .bytes = floats, .crc = 0});
  const std::string bytes = file.bytes();
  const Checkpoint checkpoint = opened(bytes);
  CHECK(checkpoint.remarks == std::vector<std::string>{"m.bin: keeps no checksums of its tensors"});
  CHECK(!checkpoint.tensors.at(0).checksum);
  CHECK(values(checkpoint.tensors[0]) == std::vector<float>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a storage compressed, a second pickle and big-endian files are refused") {
  const std::string pickle =
      dict_of(text("w") + tensor(storage("FloatStorage", "0", 6), 0, {6}, {1}));
  const auto zip = [&] { return torch_zip(pickle, {{"0", floats}}); };
  struct Row {
    std::string bytes, complaint;
  };
  const std::vector<Row> rows{
      {ZipFile().add("other", "").bytes(),
       "m.bin: expected PyTorch's data.pkl or TensorFlow's *.index in the archive, found neither"},
      {zip().add("n/data.pkl", pickle).bytes(),
       "m.bin: expected one data.pkl, got m/data.pkl and n/data.pkl"},
      {zip().add("m/byteorder", "big").bytes(), "m.bin: m/byteorder: expected 'little', got 'big'"},
      {zip().add("m/byteorder", "little").bytes(), "(nothing thrown)"},
      // TorchScript's code is compressed; nobody looks at it.
      {zip().add(testing::deflated_member("m/code/__torch__.py", "class C(Module):")).bytes(),
       "(nothing thrown)"},
      {ZipFile()
           .add("m/data.pkl", pickle)
           .add(testing::deflated_member("m/data/0", floats))
           .bytes(),
       "m.bin: member m/data/0: expected it stored, as PyTorch does, got it compressed"},
      {ZipFile().add(testing::deflated_member("m/data.pkl", pickle)).bytes(),
       "m.bin: member m/data.pkl: expected it stored, as PyTorch does, got it compressed"},
      {torch_zip(pickle + "x", {{"0", floats}}).bytes(),
       "m.bin: m/data.pkl: byte " + std::to_string(pickle.size()) +
           ": expected the end of the pickle, got more bytes"},
      {torch_zip(pickle, {}).bytes(),
       "m.bin: tensor w: expected its storage in m/data/0, found no such member"},
      {torch_zip(pickle, {{"0", floats + "more"}}).bytes(),
       "m.bin: tensor w: expected 24 bytes in m/data/0, got 28"},
      {torch_zip(pickle, {{"0", floats.substr(4)}}).bytes(),
       "m.bin: tensor w: expected 24 bytes in m/data/0, got 20"},
  };
  for (const Row& row : rows) {
    CHECK(testing::thrown_message<FormatError>([&] { opened(row.bytes); }) == row.complaint);
  }
}

TEST_CASE("trees that are no trees") {
  const std::string w = text("w") + tensor(storage("FloatStorage", "0", 6), 0, {6}, {1});
  std::string deep, path = "a", laughs = empty_list + put(0);
  while (path.size() < 120) path += ".k";
  path.resize(120);  // as messages cut it
  for (int i = 0; i < 100; ++i) deep += empty_dict + text("k");
  deep += none;
  for (int i = 0; i < 100; ++i) deep += setitem;
  for (unsigned char i = 1; i < 40; ++i) {
    const auto before = static_cast<unsigned char>(i - 1);
    laughs += empty_list + put(i) + get(before) + append + get(before) + append;
  }
  laughs = mark + laughs + tuple;
  struct Row {
    std::string pickle, complaint;
  };
  const std::vector<Row> rows{
      {proto + none + stop, "expected tensors by name, got a single value: is it a state_dict()?"},
      {proto + tensor(storage("FloatStorage", "0", 6), 0, {6}, {1}) + stop,
       "expected tensors by name, got a single value: is it a state_dict()?"},
      {proto + empty_list + put(0) + get(0) + append + stop,
       "0: expected a tree, got what contains itself"},
      {proto + empty_dict + put(0) + text("a") + empty_list + get(0) + append + setitem + stop,
       "a.0: expected a tree, got what contains itself"},
      {dict_of(text("a") + deep), path + "...: expected a depth of at most 64, got more"},
      {dict_of(text("a") + laughs), "expected at most 2000000 values, got more"},
      {dict_of(w + w), "tensor w: expected one of this name, got two"},
      {dict_of(text("a") + none + text("a") + yes + text("a") + no),
       "a: expected one of this name, got two"},
      {dict_of(empty_tuple + w.substr(6)),
       "the root: expected keys that are text or integers, got another value"},
      {dict_of(text(std::string(1'001, 'k')) + none),
       "the root: expected a name of at most 1000 bytes, got a longer one"},
      {dict_of(text("s") + storage("FloatStorage", "0", 6)),
       "s: expected a number, a text or a tensor, got another value"},
      {proto + empty_dict + none + build + stop,
       "the root: expected a dict as a dict's state, got another value"},
      {proto + empty_dict + empty_dict + text("_metadata") + empty_list + setitem + build + stop,
       "_metadata: expected versions by module, got something else"},
      {proto + empty_dict + empty_dict + text("_metadata") + empty_dict + text("m") + empty_dict +
           text("version") + text("4") + setitem + setitem + setitem + build + stop,
       "_metadata: expected versions by module, got something else"},
  };
  for (const Row& row : rows) {
    const std::string bytes = torch_zip(row.pickle, {{"0", floats}}).bytes();
    CHECK(testing::thrown_message<FormatError>([&] { opened(bytes); }) ==
          "m.bin: " + row.complaint);
  }
}

TEST_CASE("bad tensors") {
  const std::string good = storage("FloatStorage", "0", 6);
  const auto view = [&](std::int32_t offset, const std::vector<std::int32_t>& shape,
                        const std::vector<std::int32_t>& strides) {
    return tensor(good, offset, shape, strides);
  };
  const auto identity = [](const std::string& parts) {
    return tensor(mark + parts + tuple + persistent, 0, {6}, {1});
  };
  const std::string float_class = global("torch", "FloatStorage");
  const auto rebuilt = [&](const std::string& arguments) {
    return global("torch._utils", "_rebuild_tensor_v2") + mark + arguments + tuple + reduce;
  };
  struct Row {
    std::string tensor, complaint;
  };
  const std::vector<Row> rows{
      {view(1, {2, 3}, {3, 1}),
       "expected to end within the 6 elements of its storage, got 6 from element 1"},
      {view(0, {2, 3}, {4, 1}),
       "expected to end within the 6 elements of its storage, got 7 from element 0"},
      {view(7, {0}, {1}),
       "expected to end within the 6 elements of its storage, got 0 from element 7"},
      {view(0, {2'000'000'000, 2'000'000'000, 2'000'000'000}, {1, 1, 1}),
       "expected fewer than 2^64 elements, got more"},
      {view(0, {2'000'000'000, 2'000'000'000}, {2'000'000'000, 2'000'000'000}),
       "expected to end within the 6 elements of its storage, got 7999999996000000001 from "
       "element 0"},
      {view(-1, {6}, {1}), "offset: expected an integer of 0 or more, got -1"},
      {view(5, {6}, {-1}), "strides: expected an integer of 0 or more, got -1"},
      {view(0, {-6}, {1}), "shape: expected an integer of 0 or more, got -6"},
      {view(0, {2, 3}, {1}),
       "expected at most 8 dimensions, each with a stride, got 2 and 1 strides"},
      {view(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}),
       "shape: expected at most 8 dimensions, got more"},
      {view(0, {2'000'000'000, 2'000'000'000}, {0, 0}),
       "expected tensors of at most 67116736 bytes in all, got more"},
      {rebuilt(none + integer(0) + integers({6}) + integers({1})),
       "expected a storage, got another value"},
      {rebuilt(good + none + integers({6}) + integers({1})),
       "offset: expected an integer of 0 or more, got another value"},
      {rebuilt(good + integer(0) + none + integers({1})),
       "shape: expected a tuple, got another value"},
      {rebuilt(good), "expected more than 1 arguments, got 1"},
      {rebuilt(""), "expected more than 0 arguments, got 0"},

      {tensor(text("0") + persistent, 0, {6}, {1}),
       "expected a storage's id of 5 or 6 parts, got another value"},
      {identity(text("module") + float_class + text("0") + text("cpu") + integer(6)),
       "expected the id of a storage, got that of something else"},
      {identity(text("storage") + text("x") + text("0") + text("cpu") + integer(6)),
       "expected a storage class, got none"},
      {identity(text("storage") + global("torch", "float32") + text("0") + text("cpu") +
                integer(6)),
       "expected a storage class, got torch.float32"},
      {identity(text("storage") + float_class + integer(0) + text("cpu") + integer(6)),
       "expected a storage's key, got none"},
      {identity(text("storage") + float_class + text("0") + text("cpu") + integer(-6)),
       "elements of the storage: expected an integer of 0 or more, got -6"},
      {identity(text("storage") + float_class + text("0") + text("cpu") + "\x8a\x08" +
                std::string(7, '\xFF') + "\x7F"),
       "expected a storage of fewer than 2^64 bytes, got 9223372036854775807 elements"},
      {identity(text("storage") + float_class + text("../version") + text("cpu") + integer(6)),
       "expected its storage in m/data/../version, found no such member"},
      {tensor(storage("QInt8Storage", "0", 24), 0, {6}, {1}),
       "expected a storage of plain numbers, got another kind"},
      {global("torch", "Size") + none + tuple1 + reduce, ""},  // None: no tensor at all
      {global("torch._utils", "_rebuild_parameter") + none + tuple1 + reduce,
       "expected a tensor, got another value"},
  };
  for (const Row& row : rows) {
    const std::string bytes = with_tensor(row.tensor);
    const std::string message = testing::thrown_message<FormatError>([&] { opened(bytes); });
    CHECK(message ==
          (row.complaint.empty() ? "(nothing thrown)" : "m.bin: tensor w: " + row.complaint));
  }
}

TEST_CASE("bad quantised tensors") {
  const std::string plain = storage("QInt8Storage", "q", 6);
  const auto quantized = [](const std::string& from, const std::string& parameters) {
    return global("torch._utils", "_rebuild_qtensor") + mark + from + integer(0) +
           integers({2, 3}) + integers({3, 1}) + parameters + no + ordered_dict + tuple + reduce;
  };
  const std::string half("G\x3f\xe0\0\0\0\0\0\0", 9), zero("G\0\0\0\0\0\0\0\0", 9),
      nan("G\x7f\xf8\0\0\0\0\0\0", 9), infinite("G\x7f\xf0\0\0\0\0\0\0", 9);
  const std::string tensor_wise = global("torch", "per_tensor_affine"),
                    channel_wise = global("torch", "per_channel_affine");
  const auto list = [](const std::string& items) { return empty_list + mark + items + appends; };
  const std::string two_zeros = list(integer(0) + integer(1)), two_halves = list(half + half);
  struct Row {
    std::string tensor, complaint;
  };
  const auto per_tensor = [&](const std::string& scale, const std::string& zero_point) {
    return quantized(plain, mark + tensor_wise + scale + zero_point + tuple);
  };
  const auto per_channel = [&](const std::string& scales, const std::string& zero_points,
                               std::int32_t axis) {
    return quantized(plain, mark + channel_wise + scales + zero_points + integer(axis) + tuple);
  };
  const auto table = [&](const std::string& zero_points) {
    return quantized(storage("QUInt8Storage", "q", 6),
                     mark + channel_wise + two_halves + zero_points + integer(0) + tuple);
  };
  const std::vector<Row> rows{
      {per_tensor(half, integer(3)), ""},
      {per_channel(two_halves, two_zeros, 0), ""},
      {per_channel(list(half + half + half), list(none + none + none), 1),
       "expected a number as its scale, got another value"},
      {per_tensor(zero, integer(0)), "expected a scale above 0, got 0.000000"},
      {per_tensor(nan, integer(0)), "expected a scale above 0, got nan"},
      {per_tensor(infinite, integer(0)), "expected a scale above 0, got inf"},
      {per_tensor(half, integer(128)), "expected a zero point of -128 to 127, got 128"},
      {per_tensor(half, half), "expected an integer as its zero point, got another value"},
      {per_tensor(text("1"), integer(0)), "expected a number as its scale, got another value"},
      {per_channel(two_halves, two_zeros, 2), "axis: expected one of 2 dimensions, got 2"},
      {per_channel(two_halves, two_zeros, 1), "scales: expected 3, got 2"},
      {per_channel(two_halves, list(integer(0)), 0), "zero points: expected 2, got 1"},
      {per_channel(two_halves, list(half + half), 0), "expected whole zero points, got 0.500000"},
      {table(list(half + half)), ""},  // of embeddings
      {table(list(half + infinite)), "expected whole zero points, got inf"},
      {per_channel(none, two_zeros, 0), "scales: expected 2, got 0"},
      {per_channel(per_tensor(half, integer(0)), two_zeros, 0),
       "expected plain scales, got quantised ones"},
      {quantized(plain, mark + global("torch", "qint8") + half + tuple),
       "expected a quantisation per tensor or per channel, got another"},
      {quantized(plain, none), "expected a tuple, got another value"},
      {quantized(storage("CharStorage", "q", 6), mark + tensor_wise + half + integer(0) + tuple),
       "expected a storage of quantised numbers, got another kind"},
  };
  for (const Row& row : rows) {
    const std::string bytes =
        torch_zip(dict_of(text("w") + row.tensor), {{"q", "\x01\x02\x03\xFF\xFE\xFD"}}).bytes();
    const std::string message = testing::thrown_message<FormatError>([&] { opened(bytes); });
    CHECK(message ==
          (row.complaint.empty() ? "(nothing thrown)" : "m.bin: tensor w: " + row.complaint));
  }
  const std::string bytes = torch_zip(dict_of(text("w") + per_channel(two_halves, two_zeros, 0)),
                                      {{"q", "\x01\x02\x03\xFF\xFE\xFD"}})
                                .bytes();
  CHECK(values(opened(bytes).tensors[0]) == std::vector<float>{0.5, 1, 1.5, -1, -1.5, -2});
}

TEST_CASE("a pickle that tries to run something does nothing, and is named") {
  const fs::path mark_file = fs::temp_directory_path() / "bertq_must_not_exist";
  const std::string attack =
      global("os", "system") + text("touch " + mark_file.string()) + tuple1 + reduce;
  const std::string bytes = with_tensor(attack);
  CHECK(testing::thrown_message<FormatError>([&] { opened(bytes); }) ==
        "m.bin: m/data.pkl: byte 10: expected a name that stores tensors, got os.system, which "
        "bertq does not call");
  CHECK(!fs::exists(mark_file));
}

TEST_CASE("what a pickle says once and means many times costs no more than memory allows") {
  const std::string w = tensor(storage("FloatStorage", "0", 6), 0, {6}, {1});
  std::string tensors = text("first") + w + put(9),
              texts = text("first") + text(std::string(100'000, 'x')) + put(9), versions, modules;
  for (int i = 0; i < 1'000; ++i) {
    modules += text(std::to_string(i)) + empty_dict + text("version") + integer(1) + setitem;
  }
  const std::string state =
      empty_dict + text("_metadata") + empty_dict + mark + modules + setitems + setitem + put(9);
  versions = text("first") + state;
  for (int i = 0; i < 60'000; ++i) {
    const std::string name = text(std::to_string(i));
    tensors += name + get(9);
    texts += name + get(9);
    versions += name + empty_dict + get(9) + build;
  }
  for (const std::string& items : {tensors, texts, versions}) {
    const std::string bytes = torch_zip(dict_of(items), {{"0", floats}}).bytes();
    const testing::AllocationPeak peak;
    CHECK(testing::thrown_message<FormatError>([&] {
            opened(bytes);
          }).starts_with("m.bin: expected names and shapes of at most "));
    CHECK(peak.bytes() < 2 * bytes.size() + (std::size_t{16} << 20U));
  }
}

}  // namespace
}  // namespace bertq::loaders
