#include "support/amx_emulator.h"

#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>

#include "support/amx_instruction.h"
#include "support/amx_tiles.h"

namespace bertq::testing {
namespace {

std::atomic<std::uint64_t> executed_count{0};
std::atomic<bool> installed{false};

void write_line(const char* text) {
  for (const char* part : {"AmxEmulator: ", text, "\n"}) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, part, std::strlen(part));
  }
}

void on_illegal_instruction(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* code = reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]);
  Refusal refusal = "not an AMX instruction";
  if (const auto instruction = decode_amx(code, registers)) {
    refusal = execute_amx(*instruction);
    if (refusal == nullptr) {
      executed_count.fetch_add(1, std::memory_order_relaxed);
      registers[REG_RIP] += static_cast<greg_t>(instruction->length);
      return;
    }
  }
  // The instruction faults once more when the handler returns, then with nobody to catch it.
  write_line(refusal);
  std::signal(SIGILL, SIG_DFL);
}

}  // namespace

AmxEmulator::AmxEmulator() {
  if (installed.exchange(true)) throw std::logic_error("AmxEmulator: there is one already");
  struct sigaction action {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGILL, &action, &previous_) != 0) {
    installed = false;
    throw std::runtime_error("AmxEmulator: sigaction failed");
  }
}

AmxEmulator::~AmxEmulator() {
  sigaction(SIGILL, &previous_, nullptr);
  installed = false;
}

std::uint64_t AmxEmulator::executed() {
  return executed_count.load(std::memory_order_relaxed);
}

}  // namespace bertq::testing
