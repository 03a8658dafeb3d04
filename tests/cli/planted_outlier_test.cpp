// A checkpoint with an outlier planted in one layer, chosen at random: found by measurement, and
// repaired by tuning.

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/process.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

// The sample's weights are F16: times 2^by, and to zero where that is below the normal numbers.
std::uint16_t scaled(std::uint16_t half, int by) {
  const int exponent = half >> 10U & 31U;
  if (exponent == 0 || exponent + by <= 0) return half & 0x8000U;
  return static_cast<std::uint16_t>(half + by * 1024);
}

class Weights {
 public:
  explicit Weights(const std::string& file) : file_(file), bytes_(read_file(file)) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), sizeof(length));
    header_ = json::parse(bytes_.substr(sizeof(length), length));
    data_ = sizeof(length) + length;
  }
  ~Weights() { std::ofstream(file_, std::ios::binary) << bytes_; }
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  // Scales `count` elements from `first` on, `step` apart, of a tensor of halves.
  void scale(const std::string& tensor, std::size_t first, std::size_t step, std::size_t count,
             int by) {
    REQUIRE(header_.at(tensor).at("dtype") == "F16");
    const std::size_t begin = header_[tensor]["data_offsets"][0];
    for (std::size_t i = 0; i < count; ++i) {
      char* const at = bytes_.data() + data_ + begin + 2 * (first + i * step);
      std::uint16_t half = 0;
      std::memcpy(&half, at, sizeof(half));
      half = scaled(half, by);
      std::memcpy(at, &half, sizeof(half));
    }
  }

 private:
  std::string file_, bytes_;
  json header_;
  std::size_t data_ = 0;
};

constexpr std::size_t hidden = 128, layers = 4;
constexpr int magnitude = 8;  // times 256

// A channel of the context becomes 256 times as large, and the weights behind it as much smaller:
// in FP32 nothing is changed but a few of the smallest weights.
void plant(const std::string& model, const std::string& layer, std::size_t channel) {
  Weights weights(model + "/model.safetensors");
  weights.scale(layer + "attention.self.value.weight", channel * hidden, 1, hidden, magnitude);
  weights.scale(layer + "attention.self.value.bias", channel, 1, 1, magnitude);
  weights.scale(layer + "attention.output.dense.weight", channel, hidden, hidden, -magnitude);
}

TEST_CASE("an outlier planted in any layer is named by why, and tune needs no layer in FP32") {
  Random random(11);
  for (int round = 0; round < 2; ++round) {
    const Folder folder;
    const std::string model = copy_sample(folder, "model");
    const std::string layer = "bert.encoder.layer." + std::to_string(random.below(layers)) + ".";
    const std::size_t channel = random.below(hidden);
    CAPTURE(layer);
    CAPTURE(channel);
    plant(model, layer, channel);
    const std::string task = " -q --threads 1 --task mrpc -m " + model;
    const std::string data = BERTQ_TEST_SAMPLE "/mrpc.tsv";

    const std::string plain = folder / "plain.json";
    REQUIRE(shell("bertq quantize" + task + " --methods none --algorithm minmax " +
                  "--calibration-data " + data + " -o " + plain)
                .status == 0);
    const json why = json::parse(
        shell("bertq why" + task + " --format json --data " + data + " --recipe " + plain).out);
    const json& worst = why["modules"][0];
    CHECK(worst["module"] == layer + "attention.output.dense");
    CHECK(worst["share_of_error"] > 0.9);
    CHECK(worst["input"]["outlier_channels"][0]["channel"] == channel);

    const std::string recipe = folder / "tuned.json";
    const Finished tuned = shell("bertq tune" + task + " --format json --data " + data +
                                 " --calibration-data " + data + " --recipe " + recipe);
    CHECK(tuned.status == 0);
    const json report = json::parse(tuned.out);
    CHECK(report["goal"]["met"] == true);
    for (const json& trial : report["trials"]) {
      if (trial["trial"] != report["best"]) continue;
      // A product of attention may be faster in FP32 where sequences are short.
      for (const std::string module : trial["fp32_modules"]) {
        CHECK_MESSAGE(module.find(".attention.context") != std::string::npos, module);
      }
    }
  }
}

}  // namespace
}  // namespace bertq::testing
