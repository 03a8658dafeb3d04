// Weights that are quantised on their way from another source, as a system that quantises would:
// so layers load integers, whether their checkpoint holds some or not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/model/tensor_source.h"

namespace bertq::engine {

enum class WeightScheme : std::uint8_t {
  // scale = max|w| / 127.5, at least FLT_EPSILON; q = rne(w * (1 / scale)), -128..127.
  torch,
  // multiplier = 127 / max|w|; q = rne(w * multiplier), -127..127.
  q8bert,
};

class QuantizingSource final : public TensorSource {
 public:
  // `tensors`: what to quantise, with the number of elements of each. Those that `inner` has as
  // integers stay as they are. Reads them once, to find their scales.
  // `inner` outlives it.
  QuantizingSource(const TensorSource& inner, WeightScheme scheme,
                   const std::map<std::string, std::uint64_t>& tensors);

  bool has(std::string_view name) const override { return inner_.has(name); }
  std::size_t rows(std::string_view name) const override { return inner_.rows(name); }
  std::string place(std::string_view name) const override { return inner_.place(name); }
  // What the integers stand for.
  void read(std::string_view name, std::uint64_t first, std::span<float> out) const override;
  std::vector<double> integer_scales(std::string_view name, loaders::DType dtype) const override;
  void read_integers(std::string_view name, std::uint64_t first,
                     std::span<std::int8_t> out) const override;
  void read_integers(std::string_view name, std::uint64_t first,
                     std::span<std::int32_t> out) const override;

 private:
  struct Scale {
    double scale = 0.0;       // x = scale * q
    float multiplier = 0.0F;  // q = rne(x * multiplier)
  };
  Scale scale_of(float largest) const;
  float largest(const std::string& name, std::uint64_t elements) const;

  const TensorSource& inner_;
  WeightScheme scheme_;
  std::map<std::string, Scale, std::less<>> scales_;
};

}  // namespace bertq::engine
