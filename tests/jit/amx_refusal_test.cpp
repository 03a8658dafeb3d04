// What the AMX emulator refuses, as a CPU would: SIGILL takes its default course.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "amx_code.h"
#include "paths.h"
#include "support/amx_emulator.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

// Runs `body` in a child process and says whether SIGILL ended it.
bool dies_of_sigill(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGILL;
}

}  // namespace

TEST_CASE("what a CPU refuses, the emulator refuses") {
  if (why_no_amx_hardware().empty()) {
    print_skipped("refusals of the AMX emulator", "the CPU has AMX itself");
    return;
  }
  const AmxEmulator emulator;
  alignas(64) static std::array<std::uint8_t, tile_bytes> memory{};

  struct Case {
    std::string what;
    std::function<void(AmxTileConfig&)> change;
    std::function<void(AmxCode&)> emit;
    bool refused;
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
      {"all in order", keep, product, false},
      {"palette 2", [](AmxTileConfig& c) { c.palette = 2; }, nothing, true},
      {"palette 0, then a tile", [](AmxTileConfig& c) { c.palette = 0; },
       [](AmxCode& e) { e.tilezero(e.tmm0); }, true},
      {"17 rows", [](AmxTileConfig& c) { c.rows[3] = 17; }, nothing, true},
      {"68 bytes a row", [](AmxTileConfig& c) { c.row_bytes[3] = 68; }, nothing, true},
      {"rows without columns", [](AmxTileConfig& c) { c.row_bytes[3] = 0; }, nothing, true},
      {"a reserved byte", [](AmxTileConfig& c) { c.reserved[13] = 1; }, nothing, true},
      {"a ninth tile", [](AmxTileConfig& c) { c.row_bytes[8] = 64; }, nothing, true},
      {"start_row", [](AmxTileConfig& c) { c.start_row = 1; }, product, true},
      {"a tile that is not configured", [](AmxTileConfig& c) { c.rows[0] = 0, c.row_bytes[0] = 0; },
       [](AmxCode& e) { e.tileloadd(e.tmm0, e.ptr[rax + rcx]); }, true},
      {"a row of 62 bytes", [](AmxTileConfig& c) { c.row_bytes[1] = 62; }, product, true},
      {"C and A differ in rows", [](AmxTileConfig& c) { c.rows[1] = 15; }, product, true},
      {"C and B differ in columns", [](AmxTileConfig& c) { c.row_bytes[2] = 60; }, product, true},
      {"A and B differ in depth", [](AmxTileConfig& c) { c.row_bytes[1] = 60; }, product, true},
      {"C is A", keep, [](AmxCode& e) { e.tdpbusd(e.tmm0, e.tmm0, e.tmm2); }, true},
      {"C is B", keep, [](AmxCode& e) { e.tdpbusd(e.tmm0, e.tmm1, e.tmm0); }, true},
      {"A is B", keep, [](AmxCode& e) { e.tdpbf16ps(e.tmm0, e.tmm1, e.tmm1); }, true},
      {"released", keep, [&](AmxCode& e) { e.tilerelease(), product(e); }, true},
      {"a signed product", keep, [](AmxCode& e) { e.tdpbssd(e.tmm0, e.tmm1, e.tmm2); }, true},
      {"no SIB byte", keep,  // tileloadd tmm0, [rax]
       bytes({0xC4, 0xE2, 0x7B, 0x4B, 0x00}), true},
      {"VEX.W1", keep,  // tilezero tmm0
       bytes({0xC4, 0xE2, 0xFB, 0x49, 0xC0}), true},
      {"VEX.L1", keep, bytes({0xC4, 0xE2, 0x7F, 0x49, 0xC0}), true},
      {"vvvv in use", keep, bytes({0xC4, 0xE2, 0x73, 0x49, 0xC0}), true},
      {"the same bytes as meant", keep, bytes({0xC4, 0xE2, 0x7B, 0x49, 0xC0}), false},
      {"ud2", keep, [](AmxCode& e) { e.ud2(); }, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const bool died = dies_of_sigill([&] {
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
    CHECK(died == c.refused);
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
  // doctest catches SIGILL as well, to report it.
  const auto uncaught = [&] {
    std::signal(SIGILL, SIG_DFL);
    body();
  };
  CHECK(dies_of_sigill(uncaught));
  const auto before = AmxEmulator::executed();
  {
    const AmxEmulator emulator;
    body();
  }
  CHECK(AmxEmulator::executed() == before + 1);
  CHECK(dies_of_sigill(uncaught));
}

}  // namespace bertq::testing
