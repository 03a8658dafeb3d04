// The emulator of tests/support against plain loops. It is compared with a CPU only where there is
// one: with AMX, the same code runs on the hardware and must give the same numbers.
#include "support/amx_emulator.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "amx_code.h"
#include "paths.h"
#include "support/random.h"

namespace bertq::testing {
namespace {

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

}  // namespace

TEST_CASE("TDPBUSD equals a plain int loop, for full and for partial tiles") {
  say_who_executes();
  const AmxEmulator emulator;
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t rows = round == 0 ? 16 : 1 + random.below(16);
    const std::size_t columns = round == 0 ? 16 : 1 + random.below(16);
    const std::size_t depth = round == 0 ? 16 : 1 + random.below(16);
    AmxTileConfig config;
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
    AmxCode code([&](AmxCode& e) {
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
  const AmxTileConfig config = full_tiles();
  AmxCode code([&](AmxCode& e) {
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
  const AmxTileConfig config = full_tiles();
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
      AmxCode code([&](AmxCode& e) {
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
  const AmxTileConfig config = full_tiles();
  AmxTileConfig read_back;
  const TileBytes tile = random_tile(random);
  TileBytes out{};
  TileBytes zero = tile;
  AmxCode code([&](AmxCode& e) {
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
  const AmxTileConfig config = full_tiles();
  std::array<TileBytes, 4> in{};
  std::array<TileBytes, 4> out{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < in.size(); ++t) {
    Random random(100 + t);
    in[t] = random_tile(random);
    threads.emplace_back([&, t] {
      AmxCode code([&](AmxCode& e) {
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

}  // namespace bertq::testing
