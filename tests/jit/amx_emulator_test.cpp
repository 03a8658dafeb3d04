// The emulator of tests/support against plain loops. It is compared with a CPU only where there is
// one: with AMX, the same code runs on the hardware and must give the same numbers.
#include "support/amx_emulator.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xbyak/xbyak.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "paths.h"
#include "support/random.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

struct TileConfig {
  std::uint8_t palette = 1, start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};
};

TileConfig full_tiles() {
  TileConfig config;
  for (std::size_t t = 0; t < 8; ++t) {
    config.row_bytes[t] = 64;
    config.rows[t] = 16;
  }
  return config;
}

// Code that is written, then made executable, then run.
class Code : public Xbyak::CodeGenerator {
 public:
  explicit Code(const std::function<void(Code&)>& emit)
      : CodeGenerator(4096, Xbyak::DontSetProtectRWE) {
    emit(*this);
    setProtectModeRE();
  }
  void run() { getCode<void (*)()>()(); }
  void pointer(const Xbyak::Reg64& to, const void* value) {
    mov(to, reinterpret_cast<std::uint64_t>(value));
  }
};

constexpr std::size_t tile_bytes = 1024;
using TileBytes = std::array<std::uint8_t, tile_bytes>;

TileBytes random_tile(Random& random) {
  TileBytes tile;
  for (auto& byte : tile) byte = static_cast<std::uint8_t>(random.next());
  return tile;
}

// Says once who executes the tests below. (AMX hardware needs a permission first; asking for the
// path requests it.)
void say_who_executes() {
  static const bool said = [] {
    std::printf("AMX instructions: executed %s\n",
                why_no_amx_hardware().empty()
                    ? "on AMX hardware, not through the emulator"
                    : "through the emulator of tests/support, not on AMX hardware");
    return true;
  }();
  CHECK(said);
}

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

TEST_CASE("TDPBUSD equals a plain int loop, for full and for partial tiles") {
  say_who_executes();
  const AmxEmulator emulator;
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t rows = round == 0 ? 16 : 1 + random.below(16);
    const std::size_t columns = round == 0 ? 16 : 1 + random.below(16);
    const std::size_t depth = round == 0 ? 16 : 1 + random.below(16);
    TileConfig config;
    config.row_bytes[0] = static_cast<std::uint16_t>(4 * columns);
    config.rows[0] = static_cast<std::uint8_t>(rows);
    config.row_bytes[5] = static_cast<std::uint16_t>(4 * depth);
    config.rows[5] = static_cast<std::uint8_t>(rows);
    config.row_bytes[7] = static_cast<std::uint16_t>(4 * columns);
    config.rows[7] = static_cast<std::uint8_t>(depth);
    const TileBytes a = random_tile(random);
    const TileBytes b = random_tile(random);
    const TileBytes before = random_tile(random);
    TileBytes c = before;
    Code code([&](Code& e) {
      using namespace Xbyak::util;
      e.pointer(rax, &config);
      e.ldtilecfg(e.ptr[rax]);
      e.mov(ecx, 64);
      e.pointer(rax, c.data());
      e.tileloadd(e.tmm0, e.ptr[rax + rcx]);
      e.pointer(rax, a.data());
      e.tileloadd(e.tmm5, e.ptr[rax + rcx]);
      e.pointer(rax, b.data());
      e.tileloaddt1(e.tmm7, e.ptr[rax + rcx]);
      e.tdpbusd(e.tmm0, e.tmm5, e.tmm7);
      e.pointer(rax, c.data());
      e.tilestored(e.ptr[rax + rcx], e.tmm0);
      e.tilerelease();
      e.ret();
    });
    code.run();

    TileBytes expected = before;
    for (std::size_t m = 0; m < rows; ++m) {
      for (std::size_t n = 0; n < columns; ++n) {
        std::uint32_t sum = 0;
        std::memcpy(&sum, &before[64 * m + 4 * n], 4);
        for (std::size_t k = 0; k < 4 * depth; ++k) {
          const int weight = static_cast<std::int8_t>(b[64 * (k / 4) + 4 * n + k % 4]);
          sum += static_cast<std::uint32_t>(static_cast<int>(a[64 * m + k]) * weight);
        }
        std::memcpy(&expected[64 * m + 4 * n], &sum, 4);
      }
    }
    REQUIRE(c == expected);  // what lies outside the tile in memory is untouched as well
  }
}

TEST_CASE("TDPBF16PS sums even and odd elements apart") {
  say_who_executes();
  const AmxEmulator emulator;
  Random random(2);
  std::array<std::uint16_t, 512> a{};
  std::array<std::uint16_t, 512> b{};
  std::array<float, 256> c{};
  std::vector<float> expected(256);
  const auto bf16 = [](float value) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U);
  };
  const auto wide = [](std::uint16_t value) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U);
  };
  for (auto& value : a) value = bf16(random.bell());
  for (auto& value : b) value = bf16(random.bell());
  for (auto& value : c) value = random.bell();
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 16; ++n) {
      float even = 0.0F;
      float odd = 0.0F;
      for (std::size_t k = 0; k < 16; ++k) {
        even = std::fma(wide(a[32 * m + 2 * k]), wide(b[32 * k + 2 * n]), even);
        odd = std::fma(wide(a[32 * m + 2 * k + 1]), wide(b[32 * k + 2 * n + 1]), odd);
      }
      expected[16 * m + n] = c[16 * m + n] + (even + odd);
    }
  }
  const TileConfig config = full_tiles();
  Code code([&](Code& e) {
    using namespace Xbyak::util;
    e.pointer(rax, &config);
    e.ldtilecfg(e.ptr[rax]);
    e.mov(ecx, 32);
    e.pointer(rax, c.data());
    e.tileloadd(e.tmm1, e.ptr[rax + rcx * 2]);
    e.pointer(rdx, a.data());
    e.tileloadd(e.tmm2, e.ptr[rdx + rcx * 2]);
    e.pointer(rdx, b.data());
    e.tileloadd(e.tmm3, e.ptr[rdx + rcx * 2]);
    e.tdpbf16ps(e.tmm1, e.tmm2, e.tmm3);
    e.tilestored(e.ptr[rax + rcx * 2], e.tmm1);
    e.tilerelease();
    e.ret();
  });
  code.run();
  CHECK(std::memcmp(c.data(), expected.data(), sizeof c) == 0);
}

TEST_CASE("every general register, scale and displacement addresses a tile") {
  say_who_executes();
  const AmxEmulator emulator;
  Random random(3);
  const TileConfig config = full_tiles();
  std::vector<std::uint8_t> memory(1U << 18U);
  for (auto& byte : memory) byte = static_cast<std::uint8_t>(random.next());
  TileBytes out{};
  int cases = 0;
  for (int base = 0; base < 16; ++base) {
    for (int index = 0; index < 16; ++index) {
      if (base == 4 || index == 4 || base == index) continue;  // rsp: below
      const int scale = 1 << random.below(4);
      const std::array<int, 4> displacements = {0, 8, -128, 4096};
      const int displacement = displacements[random.below(displacements.size())];
      const int distance = 64 + static_cast<int>(random.below(1000));
      const std::uint8_t* from = memory.data() + 256 + random.below(256);
      Code code([&](Code& e) {
        using namespace Xbyak::util;
        const std::array<Xbyak::Reg64, 6> saved = {rbx, rbp, r12, r13, r14, r15};
        for (const auto& reg : saved) e.push(reg);
        e.pointer(rax, &config);
        e.ldtilecfg(e.ptr[rax]);
        e.pointer(Xbyak::Reg64(base), from);
        e.mov(Xbyak::Reg64(index), static_cast<std::uint64_t>(distance));
        const Xbyak::RegExp rows = Xbyak::Reg64(base) + Xbyak::Reg64(index) * scale;
        e.tileloadd(e.tmm6, e.ptr[rows + static_cast<std::size_t>(displacement)]);
        e.pointer(rax, out.data());
        e.mov(ecx, 64);
        e.tilestored(e.ptr[rax + rcx], e.tmm6);
        e.tilerelease();
        for (auto reg = saved.rbegin(); reg != saved.rend(); ++reg) e.pop(*reg);
        e.ret();
      });
      code.run();
      for (std::size_t row = 0; row < 16; ++row) {
        const std::ptrdiff_t offset =
            displacement + static_cast<std::ptrdiff_t>(row) * distance * scale;
        REQUIRE(std::memcmp(&out[64 * row], from + offset, 64) == 0);
      }
      ++cases;
    }
  }
  CHECK(cases == 15 * 14);
}

TEST_CASE("tiles on the stack, TILEZERO and the configuration read back") {
  say_who_executes();
  const AmxEmulator emulator;
  Random random(4);
  const TileConfig config = full_tiles();
  TileConfig read_back;
  const TileBytes tile = random_tile(random);
  TileBytes out{};
  TileBytes zero = tile;
  Code code([&](Code& e) {
    using namespace Xbyak::util;
    Xbyak::Label place;
    e.ldtilecfg(e.ptr[rip + place]);
    e.pointer(rax, &read_back);
    e.sttilecfg(e.ptr[rax]);
    e.push(r12);
    e.mov(r12d, 64);
    e.pointer(rax, tile.data());
    e.tileloadd(e.tmm4, e.ptr[rax + r12]);
    e.sub(rsp, 2048);
    e.tilestored(e.ptr[rsp + r12 + 512], e.tmm4);
    e.tilezero(e.tmm4);
    e.pointer(rax, zero.data());
    e.tilestored(e.ptr[rax + r12], e.tmm4);
    e.tileloadd(e.tmm4, e.ptr[rsp + r12 + 512]);
    e.add(rsp, 2048);
    e.pointer(rax, out.data());
    e.tilestored(e.ptr[rax + r12], e.tmm4);
    e.pop(r12);
    e.tilerelease();
    e.ret();
    e.align(64);
    e.L(place);
    for (std::size_t i = 0; i < sizeof config; ++i)
      e.db(reinterpret_cast<const std::uint8_t*>(&config)[i]);
  });
  code.run();
  CHECK(out == tile);
  CHECK(zero == TileBytes{});
  CHECK(std::memcmp(&config, &read_back, sizeof config) == 0);
}

TEST_CASE("each thread has its own tiles") {
  say_who_executes();
  const AmxEmulator emulator;
  const TileConfig config = full_tiles();
  std::array<TileBytes, 4> in{};
  std::array<TileBytes, 4> out{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < in.size(); ++t) {
    Random random(100 + t);
    in[t] = random_tile(random);
    threads.emplace_back([&, t] {
      Code code([&](Code& e) {
        using namespace Xbyak::util;
        Xbyak::Label again;
        e.pointer(rax, &config);
        e.ldtilecfg(e.ptr[rax]);
        e.mov(ecx, 64);
        e.pointer(rax, in[t].data());
        e.pointer(rdx, out[t].data());
        e.mov(esi, 1000);
        e.L(again);
        e.tileloadd(e.tmm0, e.ptr[rax + rcx]);
        e.tilestored(e.ptr[rdx + rcx], e.tmm0);
        e.dec(esi);
        e.jnz(again);
        e.tilerelease();
        e.ret();
      });
      code.run();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(in == out);
}

TEST_CASE("what a CPU refuses, the emulator refuses") {
  if (why_no_amx_hardware().empty()) {
    print_skipped("refusals of the AMX emulator", "the CPU has AMX itself");
    return;
  }
  const AmxEmulator emulator;
  alignas(64) static std::array<std::uint8_t, tile_bytes> memory{};

  struct Case {
    std::string what;
    std::function<void(TileConfig&)> change;
    std::function<void(Code&)> emit;
    bool refused;
  };
  using namespace Xbyak::util;
  const auto keep = [](TileConfig&) {};
  const auto nothing = [](Code&) {};
  const auto product = [](Code& e) { e.tdpbusd(e.tmm0, e.tmm1, e.tmm2); };
  const std::vector<Case> cases = {
      {"all in order", keep, product, false},
      {"palette 2", [](TileConfig& c) { c.palette = 2; }, nothing, true},
      {"palette 0, then a tile", [](TileConfig& c) { c.palette = 0; },
       [](Code& e) { e.tilezero(e.tmm0); }, true},
      {"17 rows", [](TileConfig& c) { c.rows[3] = 17; }, nothing, true},
      {"68 bytes a row", [](TileConfig& c) { c.row_bytes[3] = 68; }, nothing, true},
      {"rows without columns", [](TileConfig& c) { c.row_bytes[3] = 0; }, nothing, true},
      {"a reserved byte", [](TileConfig& c) { c.reserved[13] = 1; }, nothing, true},
      {"a ninth tile", [](TileConfig& c) { c.row_bytes[8] = 64; }, nothing, true},
      {"start_row", [](TileConfig& c) { c.start_row = 1; }, product, true},
      {"a tile that is not configured", [](TileConfig& c) { c.rows[0] = 0, c.row_bytes[0] = 0; },
       [](Code& e) { e.tileloadd(e.tmm0, e.ptr[rax + rcx]); }, true},
      {"a row of 62 bytes", [](TileConfig& c) { c.row_bytes[1] = 62; }, product, true},
      {"C and A differ in rows", [](TileConfig& c) { c.rows[1] = 15; }, product, true},
      {"C and B differ in columns", [](TileConfig& c) { c.row_bytes[2] = 60; }, product, true},
      {"A and B differ in depth", [](TileConfig& c) { c.row_bytes[1] = 60; }, product, true},
      {"C is A", keep, [](Code& e) { e.tdpbusd(e.tmm0, e.tmm0, e.tmm2); }, true},
      {"C is B", keep, [](Code& e) { e.tdpbusd(e.tmm0, e.tmm1, e.tmm0); }, true},
      {"A is B", keep, [](Code& e) { e.tdpbf16ps(e.tmm0, e.tmm1, e.tmm1); }, true},
      {"released", keep, [&](Code& e) { e.tilerelease(), product(e); }, true},
      {"a signed product", keep, [](Code& e) { e.tdpbssd(e.tmm0, e.tmm1, e.tmm2); }, true},
      {"no SIB byte", keep,  // tileloadd tmm0, [rax]
       [](Code& e) {
         for (int byte : {0xC4, 0xE2, 0x7B, 0x4B, 0x00}) e.db(byte);
       },
       true},
      {"VEX.W1", keep,  // tilezero tmm0
       [](Code& e) {
         for (int byte : {0xC4, 0xE2, 0xFB, 0x49, 0xC0}) e.db(byte);
       },
       true},
      {"VEX.L1", keep,
       [](Code& e) {
         for (int byte : {0xC4, 0xE2, 0x7F, 0x49, 0xC0}) e.db(byte);
       },
       true},
      {"vvvv in use", keep,
       [](Code& e) {
         for (int byte : {0xC4, 0xE2, 0x73, 0x49, 0xC0}) e.db(byte);
       },
       true},
      {"the same bytes as meant", keep,
       [](Code& e) {
         for (int byte : {0xC4, 0xE2, 0x7B, 0x49, 0xC0}) e.db(byte);
       },
       false},
      {"ud2", keep, [](Code& e) { e.ud2(); }, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const bool died = dies_of_sigill([&] {
      TileConfig config = full_tiles();
      c.change(config);
      Code code([&](Code& e) {
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
  const TileConfig config = full_tiles();
  const auto body = [&] {
    Code code([&](Code& e) {
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
