// What tests, diagnosis and calibration see of a forward pass.
#pragma once

#include <cstddef>
#include <span>

#include "engine/model/linear.h"
#include "engine/model/model.h"
#include "engine/model/stopwatch.h"

namespace bertq::engine {

struct Observation {
  Session::LayerObserver layer = nullptr;
  void* layer_context = nullptr;
  Session::InputObserver input = nullptr;
  void* input_context = nullptr;
  Stopwatch stopwatch;

  void see_layer(std::size_t number, std::span<const float> states) const {
    if (layer != nullptr) layer(layer_context, number, states);
  }
  // Does `work`, which is linear.run of so many rows and columns.
  template <typename Work>
  void timed_run(const Linear& linear, std::size_t rows, jit::Range columns, Work&& work) const {
    stopwatch.timed_product(linear.module(), linear.kernel(), linear.operands(), rows,
                            columns.end - columns.begin, linear.inputs(), work);
  }
  // Of the threads that share the columns of a product, the one with the first shows its input.
  void see_input(const Linear& linear, const FloatRows& in, std::size_t rows,
                 jit::Range columns) const {
    if (input == nullptr || linear.input_format().tiled() || columns.begin != 0) return;
    for (std::size_t row = 0; row < rows; ++row) {
      input(input_context, linear.module(), {in.row(row), linear.inputs()});
    }
  }
};

}  // namespace bertq::engine
