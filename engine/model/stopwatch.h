// Times the kernels of a forward pass, for whoever asked Session::observe_times.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/model/input_format.h"
#include "engine/model/model.h"

namespace bertq::engine {

// Does what it is given, and says how long that took. Without an observer that is one comparison.
struct Stopwatch {
  Session::TimeObserver observer = nullptr;
  void* context = nullptr;

  template <typename Work>
  void timed(const std::string& module, std::string_view kernel, Work&& work) const {
    run({.module = module, .kernel = kernel}, work);
  }
  // A product of m x k with k x n.
  template <typename Work>
  void timed_product(const std::string& module, const jit::Gemm& gemm, jit::Operands operands,
                     std::size_t m, std::size_t n, std::size_t k, Work&& work) const {
    const double operations =
        2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    run({.module = module, .kernel = gemm.name(), .operands = operands, .operations = operations},
        work);
  }

 private:
  template <typename Work>
  void run(KernelRun kernel_run, Work& work) const {
    if (observer == nullptr) return work();
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    kernel_run.seconds = spent.count();
    observer(context, kernel_run);
  }
};

// quantize_rows, timed by the name of the kernel that the format takes.
inline void quantize_rows(const Stopwatch& stopwatch, const jit::RowKernels& kernels,
                          const InputFormat& format, const FloatRows& in, const TileRows& out,
                          std::size_t rows, const std::string& module) {
  if (!format.tiled()) return;
  static constexpr std::string_view names[] = {"", "round_bf16", "quantize_dynamic",
                                               "quantize_columns"};
  stopwatch.timed(module, names[static_cast<std::size_t>(format.kind)],
                  [&] { quantize_rows(kernels, format, in, out, rows, module); });
}

}  // namespace bertq::engine
