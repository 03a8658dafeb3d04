#include "jit/kernels.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gemm_arena.h"
#include "kernel_code.h"
#include "paths.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

std::vector<jit::GemmSpec> some_specs() {
  std::vector<jit::GemmSpec> specs;
  for (unsigned flags = 0; flags < 32; ++flags)
    specs.push_back({.operands = (flags & 16U) != 0 ? jit::Operands::u8s8 : jit::Operands::f32,
                     .row_scale = (flags & 1U) != 0,
                     .column_scale = (flags & 2U) != 0,
                     .bias = (flags & 4U) != 0,
                     .activation = jit::Activation::gelu_erf,
                     .residual = (flags & 8U) != 0});
  return specs;
}

}  // namespace

TEST_CASE("threads that ask at once for the same product get the same kernel") {
  const Paths paths;
  const std::vector<jit::GemmSpec> specs = some_specs();
  for (const Path& path : paths.all()) {
    constexpr std::size_t thread_count = 8;
    std::array<std::vector<const jit::Gemm*>, thread_count> found;
    std::atomic<std::size_t> waiting{thread_count};
    std::vector<std::thread> threads;
    for (auto& mine : found) {
      threads.emplace_back([&] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        for (const jit::GemmSpec& spec : specs)
          mine.push_back(&jit::Kernels::of(path.isa).gemm(spec));
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& other : found) CHECK(other == found[0]);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) REQUIRE(found[0][i] != found[0][j]);
    }
    CHECK(&jit::Kernels::of(path.isa) == &jit::Kernels::of(path.isa));
  }
}

TEST_CASE("a thread's floating-point state is what it was, after a scope") {
  const Paths paths;
  const std::uint32_t before = _mm_getcsr();
  constexpr std::uint32_t round_up = 0x1F80U | 0x4000U;
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    _mm_setcsr(round_up);
    {
      const jit::ThreadScope scope(path.isa);
      const std::uint32_t inside = _mm_getcsr();
      CHECK((inside & 0x6000U) == 0);        // to nearest
      CHECK((inside & 0x8040U) == 0x8040U);  // denormals are zero, read and written
      CHECK((inside & 0x1F80U) == 0x1F80U);  // nothing traps
    }
    CHECK(_mm_getcsr() == round_up);
    {
      const jit::ThreadScope outer(path.isa);
      { const jit::ThreadScope inner(path.isa); }
      CHECK((_mm_getcsr() & 0xE040U) == 0x8040U);
    }
    CHECK(_mm_getcsr() == round_up);
  }
  _mm_setcsr(before);
}

TEST_CASE("a scope inside another leaves the outer one usable") {
  const Paths paths;
  GemmProblem p;
  p.spec.operands = jit::Operands::u8s8;
  p.m = p.n = p.k = 17;
  p.a_int.assign(17 * 17, 3);
  p.b_int.assign(17 * 17, -5);
  p.compensation.assign(17, 0);
  GemmArena arena(17, 17, 17);
  for (const Path& path : paths.all()) {
    CAPTURE(name_of(path));
    arena.place(p, {});
    const jit::Kernels& kernels = jit::Kernels::of(path.isa);
    const jit::Gemm& gemm = kernels.gemm(p.spec);
    const jit::ThreadScope outer(path.isa);
    arena.run(kernels);  // has a scope of its own
    arena.clear_c();
    gemm.run(arena.args(), {0, 17}, {0, 17});
    CHECK(arena.elements() == Elements(17 * 17, -255.0F));
  }
}

TEST_CASE("code memory is never writable and executable at once") {
  const Paths paths;
  for (const Path& path : paths.all()) {
    for (const jit::GemmSpec& spec : some_specs()) jit::Kernels::of(path.isa).gemm(spec);
  }
  std::ifstream maps("/proc/self/maps");
  REQUIRE(maps.good());
  std::size_t executable = 0;
  for (std::string line; std::getline(maps, line);) {
    const std::string permissions = line.substr(line.find(' ') + 1, 4);
    CHECK_MESSAGE(permissions.find("wx") == std::string::npos, line);
    if (permissions.find('x') != std::string::npos) ++executable;
  }
  CHECK(executable > 0);
}

TEST_CASE("a profiler finds every generated product by its name") {
  const Paths paths;
  if (paths.generated().empty()) {
    print_skipped("names of kernels", "this machine can run no generated path");
    return;
  }
  for (const Path& path : paths.generated()) {
    for (const jit::GemmSpec& spec : some_specs()) jit::Kernels::of(path.isa).gemm(spec);
    const std::vector<GeneratedKernel> kernels = generated_kernels();
    for (const jit::GemmSpec& spec : some_specs()) {
      const std::string& name = jit::Kernels::of(path.isa).gemm(spec).name();
      // One product may consist of several pieces of code: their names begin with its own.
      const bool found = std::any_of(kernels.begin(), kernels.end(), [&](const auto& kernel) {
        return kernel.name.rfind(name, 0) == 0;
      });
      CHECK_MESSAGE(found, name);
    }
  }
}

TEST_CASE("a path's row kernels are its own code, under their own names") {
  const Paths paths;
  for (const Path& path : paths.generated()) {
    const jit::RowKernels& rows = jit::Kernels::of(path.isa).rows();
    const auto address = [](auto* function) {
      return reinterpret_cast<const std::uint8_t*>(function);
    };
    const std::vector<std::pair<const std::uint8_t*, std::string>> table = {
        {address(rows.layer_norm), "layer_norm"},
        {address(rows.quantize_dynamic), "quantize_dynamic"},
        {address(rows.quantize_static), "quantize_static"},
        {address(rows.quantize_fused), "quantize_fused"},
        {address(rows.quantize_columns), "quantize_columns"},
        {address(rows.softmax_u8), "softmax_u8"},
        {address(rows.softmax_f32), "softmax_f32"},
        {address(rows.pack_keys), "pack_keys"},
        {address(rows.pack_values), "pack_values"},
        {address(rows.embed_f32), "embed_f32"},
        {address(rows.embed_s8), "embed_s8"}};
    const std::vector<GeneratedKernel> kernels = generated_kernels();
    for (const auto& [code, name] : table) {
      const std::string full_name = std::string(jit::isa_name(path.isa)) + "." + name;
      const bool found = std::any_of(kernels.begin(), kernels.end(), [&](const auto& kernel) {
        return kernel.code == code && kernel.name == full_name;
      });
      CHECK_MESSAGE(found, full_name);
    }
  }
}

}  // namespace bertq::testing
