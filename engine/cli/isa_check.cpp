#include "engine/cli/isa_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <vector>

#include "engine/runtime/replace_file.h"
#include "jit/gemm.h"
#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/pack.h"
#include "loaders/file_descriptor.h"

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

void judge(jit::Isa isa) {
  if (!f32_agrees(isa)) throw std::runtime_error("FP32 product differs from the reference");
  if (!u8s8_agrees(isa)) throw std::runtime_error("INT8 product differs from the reference");
}

// As a process that nobody prepared: signals take their default course, and no core is dumped.
void be_plain(std::chrono::seconds limit) {
  for (const int signal : {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM}) {
    ::signal(signal, SIG_DFL);
  }
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::alarm(static_cast<unsigned>(limit.count()));
}

// Runs body and says through the pipe why it threw, if it did.
[[noreturn]] void be_child(const std::function<void()>& body, int pipe,
                           std::chrono::seconds limit) {
  be_plain(limit);
  try {
    body();
    ::_exit(0);
  } catch (const std::exception& error) {
    [[maybe_unused]] const int lost = write_all(pipe, error.what());
    ::_exit(1);
  }
}

// All that can be read, up to the length that a pipe takes at once.
std::string read_message(int pipe) {
  std::array<char, PIPE_BUF> buffer{};
  const ::ssize_t bytes = ::read(pipe, buffer.data(), buffer.size());
  return bytes > 0 ? std::string(buffer.data(), static_cast<std::size_t>(bytes)) : "";
}

std::string describe_status(int status, const std::string& message, std::chrono::seconds limit) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return signal == SIGALRM ? fmt::format("did not end within {} s", limit.count())
                             : fmt::format("ended by SIG{}", ::sigabbrev_np(signal));
  }
  if (WEXITSTATUS(status) == 0) return "";
  return message.empty() ? "ended in an unknown way" : message;
}

}  // namespace

std::string in_child(const std::function<void()>& body, std::chrono::seconds limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "could not be tried: no pipe to be had";
  const loaders::FileDescriptor from_child(ends[0]);
  loaders::FileDescriptor to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return "could not be tried: no process to be had";
  if (child == 0) be_child(body, to_parent.get(), limit);
  to_parent = loaders::FileDescriptor(-1);  // or reading would wait for ourselves
  const std::string message = read_message(from_child.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return "could not be tried: its process was lost";
  }
  return describe_status(status, message, limit);
}

std::string check_isa(jit::Isa isa) {
  return in_child([isa] { judge(isa); });
}

}  // namespace bertq::engine::cli
