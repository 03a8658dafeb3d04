// Whole checkpoints, spoilt at random: each is refused by name or can be read to its last
// byte; and where the format keeps checksums, what is read is what the good file holds.
//
// By hand, for long: BERTQ_TEST_MUTATIONS=20000, of each form. What a model makes of such files is
// tested beside models (tests/engine/mutated_checkpoints_test.cpp).
#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "loaders/checkpoint.h"
#include "support/read_file.h"
#include "support/spoilt.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;

struct Form {
  std::string name, file;
  bool has_checksums;
};
const std::vector<Form> forms{
    {"torch_zip", "pytorch_model.bin", true},
    {"torch_protocol4", "pytorch_model.bin", true},
    {"torch_strided", "pytorch_model.bin", true},
    {"torch_training", "checkpoint.pt", true},
    {"torch_script_dynamic", "model.pt", true},
    {"torch_dynamic_per_channel", "pytorch_model.bin", true},
    {"torch_dynamic_v1", "pytorch_model.bin", true},
    {"torch_legacy", "pytorch_model.bin", false},
    {"torch_protocol5_legacy", "pytorch_model.bin", false},
    {"torch_tar", "pytorch_model.bin", false},
    {"safetensors", "model.safetensors", false},
};

// All that a checkpoint says: names, types, shapes, elements, scales, attributes, versions.
std::string content_of(const std::string& bytes) {
  const Checkpoint checkpoint =
      open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), "m.bin"));
  std::string all;
  const auto add = [&](const auto& value) {
    all.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const Tensor& tensor : checkpoint.tensors) {
    verify_checksum(tensor);
    all.append(tensor.name).append(dtype_name(tensor.dtype));
    for (const std::uint64_t size : tensor.shape) add(size);
    if (tensor.elements > bytes.size()) continue;  // a stride of 0 can make a view of any size
    if (tensor.is_real()) {
      std::vector<float> values(tensor.elements);
      read_f32(tensor, 0, values);
      for (const float value : values) add(value);
    }
    if (!tensor.affine) continue;
    for (const double scale : tensor.affine->scales) add(scale);
    for (const double zero : tensor.affine->zero_points) add(zero);
  }
  for (const auto& [name, value] : checkpoint.attributes) {
    all.append(name);
    std::visit(
        [&](const auto& held) {
          if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string>) {
            all.append(held);
          } else {
            add(held);
          }
        },
        value);
  }
  for (const auto& [path, version] : checkpoint.module_versions) {
    all.append(path);
    add(version);
  }
  return all;
}

// Of this process, whatever else runs.
double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void spoil(const Form& form, int rounds) {
  CAPTURE(form.name);
  const std::string good =
      testing::read_file(fs::path(BERTQ_TEST_DATA "/checkpoints") / form.name / form.file);
  const std::string want = content_of(good);
  REQUIRE(want.size() > 10'000);
  testing::Random random(17);
  int refused = 0, read = 0;
  double longest = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const std::string bytes = testing::spoilt(good, random);
    const std::clock_t start = std::clock();
    try {
      const std::string got = content_of(bytes);
      ++read;
      if (form.has_checksums) REQUIRE(got == want);
    } catch (const FormatError& error) {
      const std::string_view message = error.what();
      REQUIRE(message.starts_with("m.bin: "));
      REQUIRE(message.find('\n') == std::string_view::npos);
      ++refused;
    }
    longest = std::max(longest, seconds_since(start));
  }
  if (rounds > 1'000)
    MESSAGE(form.name, ": ", refused, " refused, ", read, " read, at most ", longest, " s each");
  CHECK(refused > rounds / 4);
  CHECK(read > 0);
  CHECK(longest < 1.0);
}

TEST_CASE("spoilt checkpoints are refused, or hold what they held") {
  const char* const set = std::getenv("BERTQ_TEST_MUTATIONS");
  for (const Form& form : forms) spoil(form, set == nullptr ? 500 : std::stoi(set));
}

TEST_CASE("a checkpoint that ends anywhere before its end is refused") {
  for (const Form& form : forms) {
    CAPTURE(form.name);
    const std::string good =
        testing::read_file(fs::path(BERTQ_TEST_DATA "/checkpoints") / form.name / form.file);
    // A tar ends in blocks of zeros, which nobody misses.
    const bool is_tar = form.name == "torch_tar";
    const std::size_t end = is_tar ? good.find_last_not_of('\0') : good.size();
    int read = 0;
    for (std::size_t length = 0; length < end; length += 1 + length / 97) {
      try {
        content_of(good.substr(0, length));
        ++read;
      } catch (const FormatError& error) {
        REQUIRE(std::string_view(error.what()).starts_with("m.bin: "));
      }
    }
    CHECK(read == 0);
  }
}

}  // namespace
}  // namespace bertq::loaders
