#include "engine/cli/isa_check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <exception>
#include <vector>

#include "jit/gemm.h"
#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::engine::cli {
namespace {

// Every edge at once: rows, columns and depth end inside a tile.
constexpr std::size_t m = 19, n = 37, k = 70;
constexpr std::size_t ldc = jit::padded_columns(n);
using Result = std::array<float, m * ldc>;

std::uint32_t next_random(std::uint32_t& state) {
  state = state * 1664525U + 1013904223U;
  return state >> 16;
}

// C of A * B on one path, with everything outside m x n left out.
Result multiply(jit::Isa isa, const jit::GemmSpec& spec, jit::GemmArgs args) {
  Result c{};
  args.m = m;
  args.n = n;
  args.k = k;
  args.c = c.data();
  args.ldc = ldc;
  const jit::Gemm& gemm = jit::Kernels::of(isa).gemm(spec);
  const jit::ThreadScope scope(isa);
  gemm.run(args, {0, m}, {0, n});
  for (std::size_t row = 0; row < m; ++row) {
    for (std::size_t column = n; column < ldc; ++column) c[row * ldc + column] = 0.0F;
  }
  return c;
}

bool equal_bits(const Result& a, const Result& b) {
  return std::memcmp(a.data(), b.data(), sizeof a) == 0;
}

bool f32_agrees(jit::Isa isa) {
  std::uint32_t random = 1;
  std::vector<float> a(m * k), weights(n * k), b(jit::packed_f32_count(n, k));
  const auto fill = [&](float& x) {
    x = static_cast<float>(next_random(random)) / 32768.0F - 1.0F;
  };
  for (float& x : a) fill(x);
  for (float& x : weights) fill(x);
  jit::pack_f32(weights.data(), 0, n, k, b.data());
  jit::GemmArgs args;
  args.a = a.data();
  args.lda = k;
  args.b = b.data();
  const jit::GemmSpec spec;
  return equal_bits(multiply(isa, spec, args), multiply(jit::Isa::reference, spec, args));
}

bool u8s8_agrees(jit::Isa isa) {
  std::uint32_t random = 1;
  std::vector<std::uint8_t> a(jit::tiles_bytes(m, k));
  for (std::uint8_t& x : a) x = static_cast<std::uint8_t>(next_random(random));
  std::vector<std::int8_t> weights(n * k), b(jit::packed_s8_bytes(n, k));
  for (std::int8_t& x : weights) x = static_cast<std::int8_t>(next_random(random) & 0xFF);
  std::vector<std::int32_t> sums(jit::padded_columns(n));
  jit::pack_s8(weights.data(), 0, n, k, b.data(), sums.data());
  for (std::int32_t& sum : sums) sum *= 128;
  jit::GemmArgs args;
  args.a = a.data();
  args.b = b.data();
  args.compensation = sums.data();
  jit::GemmSpec spec;
  spec.operands = jit::Operands::u8s8;
  return equal_bits(multiply(isa, spec, args), multiply(jit::Isa::reference, spec, args));
}

enum Verdict : int { fine, wrong_f32, wrong_u8s8, thrown };

Verdict judge(jit::Isa isa) {
  try {
    if (!f32_agrees(isa)) return wrong_f32;
    return u8s8_agrees(isa) ? fine : wrong_u8s8;
  } catch (const std::exception&) {
    return thrown;
  }
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) {
    return std::string("ended by signal ") + ::sigabbrev_np(WTERMSIG(status));
  }
  constexpr std::array<const char*, 4> words = {"", "FP32 product differs from the reference",
                                                "INT8 product differs from the reference",
                                                "its kernels could not be made"};
  const auto verdict = static_cast<std::size_t>(WEXITSTATUS(status));
  return verdict < words.size() ? words[verdict] : "ended in an unknown way";
}

}  // namespace

std::string check_isa(jit::Isa isa) {
  const pid_t child = ::fork();
  if (child < 0) return "could not be tried: no process to be had";
  if (child == 0) ::_exit(judge(isa));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return "could not be tried: its process was lost";
  }
  return describe_status(status);
}

}  // namespace bertq::engine::cli
