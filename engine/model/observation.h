// What tests, diagnosis and calibration see of a forward pass.
#pragma once

#include <time.h>

#include <cstddef>
#include <ctime>
#include <string>

#include "engine/model/linear.h"
#include "engine/model/model.h"

namespace bertq::engine {

struct Observation {
  Session::LayerObserver layer = nullptr;
  void* layer_context = nullptr;
  Session::InputObserver input = nullptr;
  void* input_context = nullptr;
  Session::TimeObserver time = nullptr;
  void* time_context = nullptr;

  void see_layer(std::size_t number, std::span<const float> states) const {
    if (layer != nullptr) layer(layer_context, number, states);
  }
  // Does `work`, and says how long it took, by the thread's own clock: what other programs do
  // meanwhile does not count.
  template <typename Work>
  void timed(const std::string& module, Work work) const {
    if (time == nullptr) return work();
    const double start = thread_seconds();
    work();
    time(time_context, module, thread_seconds() - start);
  }
  // Of the threads that share the columns of a product, the one with the first shows its input.
  void see_input(const Linear& linear, const FloatRows& in, std::size_t rows,
                 jit::Range columns) const {
    if (input == nullptr || linear.input_format().quantized() || columns.begin != 0) return;
    for (std::size_t row = 0; row < rows; ++row) {
      input(input_context, linear.module(), {in.row(row), linear.inputs()});
    }
  }

 private:
  static double thread_seconds() {
    std::timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
};

}  // namespace bertq::engine
