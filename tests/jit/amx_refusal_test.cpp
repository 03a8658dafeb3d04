// What the AMX emulator refuses, as a CPU would: SIGILL takes its default course. On a CPU with AMX
// the same instructions are put to it, and it must refuse them too.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "amx_code.h"
#include "paths.h"
#include "support/amx_emulator.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

// Runs `body` in a child process. The signal that ended it, or 0.
int signal_of(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// doctest catches faults as well, to report them.
void let_faults_kill() {
  for (const int fault : {SIGILL, SIGSEGV}) std::signal(fault, SIG_DFL);
}

enum class Refused {
  never,
  always,
  by_the_emulator,  // which knows no more than kernels need
};

}  // namespace

TEST_CASE("what a CPU refuses, the emulator refuses") {
  const bool hardware = why_no_amx_hardware().empty();
  std::optional<AmxEmulator> emulator;
  if (!hardware) emulator.emplace();
  alignas(64) static std::array<std::uint8_t, tile_bytes> memory{};

  struct Case {
    std::string what;
    std::function<void(AmxTileConfig&)> change;
    std::function<void(AmxCode&)> emit;
    Refused refused;
  };
  using namespace Xbyak::util;
  const auto keep = [](AmxTileConfig&) {};
  const auto nothing = [](AmxCode&) {};
  const auto bytes = [](std::array<int, 5> code) {
    return [code](AmxCode& e) {
      for (const int byte : code) e.db(byte);
    };
  };
  const auto product = [](AmxCode& e) { e.tdpbusd(e.tmm0, e.tmm1, e.tmm2); };
  const std::vector<Case> cases = {
      {"all in order", keep, product, Refused::never},
      {"palette 2", [](AmxTileConfig& c) { c.palette = 2; }, nothing, Refused::always},
      {"palette 0, then a tile", [](AmxTileConfig& c) { c.palette = 0; },
       [](AmxCode& e) { e.tilezero(e.tmm0); }, Refused::always},
      {"17 rows", [](AmxTileConfig& c) { c.rows[3] = 17; }, nothing, Refused::always},
      {"68 bytes a row", [](AmxTileConfig& c) { c.row_bytes[3] = 68; }, nothing, Refused::always},
      {"rows without columns", [](AmxTileConfig& c) { c.row_bytes[3] = 0; }, nothing,
       Refused::always},
      {"a reserved byte", [](AmxTileConfig& c) { c.reserved[13] = 1; }, nothing, Refused::always},
      {"a ninth tile", [](AmxTileConfig& c) { c.row_bytes[8] = 64; }, nothing, Refused::always},
      {"start_row", [](AmxTileConfig& c) { c.start_row = 1; }, product, Refused::by_the_emulator},
      {"a tile that is not configured", [](AmxTileConfig& c) { c.rows[0] = 0, c.row_bytes[0] = 0; },
       [](AmxCode& e) { e.tileloadd(e.tmm0, e.ptr[rax + rcx]); }, Refused::always},
      {"a row of 62 bytes", [](AmxTileConfig& c) { c.row_bytes[1] = 62; }, product,
       Refused::always},
      {"C and A differ in rows", [](AmxTileConfig& c) { c.rows[1] = 15; }, product,
       Refused::always},
      {"C and B differ in columns", [](AmxTileConfig& c) { c.row_bytes[2] = 60; }, product,
       Refused::always},
      {"A and B differ in depth", [](AmxTileConfig& c) { c.row_bytes[1] = 60; }, product,
       Refused::always},
      {"C is A", keep, [](AmxCode& e) { e.tdpbusd(e.tmm0, e.tmm0, e.tmm2); }, Refused::always},
      {"C is B", keep, [](AmxCode& e) { e.tdpbusd(e.tmm0, e.tmm1, e.tmm0); }, Refused::always},
      {"A is B", keep, [](AmxCode& e) { e.tdpbf16ps(e.tmm0, e.tmm1, e.tmm1); }, Refused::always},
      {"released", keep, [&](AmxCode& e) { e.tilerelease(), product(e); }, Refused::always},
      {"a signed product", keep, [](AmxCode& e) { e.tdpbssd(e.tmm0, e.tmm1, e.tmm2); },
       Refused::by_the_emulator},
      {"no SIB byte", keep,  // tileloadd tmm0, [rax]
       bytes({0xC4, 0xE2, 0x7B, 0x4B, 0x00}), Refused::always},
      {"VEX.W1", keep,  // tilezero tmm0
       bytes({0xC4, 0xE2, 0xFB, 0x49, 0xC0}), Refused::always},
      {"VEX.L1", keep, bytes({0xC4, 0xE2, 0x7F, 0x49, 0xC0}), Refused::always},
      {"vvvv in use", keep, bytes({0xC4, 0xE2, 0x73, 0x49, 0xC0}), Refused::always},
      {"the same bytes as meant", keep, bytes({0xC4, 0xE2, 0x7B, 0x49, 0xC0}), Refused::never},
      {"ud2", keep, [](AmxCode& e) { e.ud2(); }, Refused::always},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    if (hardware && c.refused == Refused::by_the_emulator) continue;
    const int signal = signal_of([&] {
      if (hardware) let_faults_kill();
      AmxTileConfig config = full_tiles();
      c.change(config);
      AmxCode code([&](AmxCode& e) {
        e.pointer(rax, &config);
        e.ldtilecfg(e.ptr[rax]);
        e.pointer(rax, memory.data());
        e.mov(ecx, 64);
        c.emit(e);
        e.ret();
      });
      code.run();
    });
    // A CPU raises #GP, which is SIGSEGV, over a bad configuration; the emulator knows only SIGILL.
    const bool refused = signal == SIGILL || (hardware && signal == SIGSEGV);
    CHECK(refused == (c.refused != Refused::never));
  }
}

TEST_CASE("without an emulator a machine without AMX dies of SIGILL") {
  if (why_no_amx_hardware().empty()) {
    print_skipped("AMX without the emulator", "the CPU has AMX itself");
    return;
  }
  const AmxTileConfig config = full_tiles();
  const auto body = [&] {
    AmxCode code([&](AmxCode& e) {
      e.pointer(Xbyak::util::rax, &config);
      e.ldtilecfg(e.ptr[Xbyak::util::rax]);
      e.ret();
    });
    code.run();
  };
  const auto uncaught = [&] {
    let_faults_kill();
    body();
  };
  CHECK(signal_of(uncaught) == SIGILL);
  const auto before = AmxEmulator::executed();
  {
    const AmxEmulator emulator;
    body();
  }
  CHECK(AmxEmulator::executed() == before + 1);
  CHECK(signal_of(uncaught) == SIGILL);
}

}  // namespace bertq::testing
