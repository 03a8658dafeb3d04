// Every generated kernel holds only instructions of its own instruction set. On this machine one
// too many would run unnoticed; on the machine that needs the path it is a crash.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "jit/kernels.h"
#include "kernel_code.h"
#include "paths.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

struct Instruction {
  std::size_t address = 0;
  std::vector<unsigned> bytes;
  std::string mnemonic, operands;

  // Prefixes that objdump shows as bytes of the instruction never precede EVEX.
  bool is_evex() const { return !bytes.empty() && bytes[0] == 0x62; }
};

// A file that is gone at the end of the scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& suffix)
      : path_(std::filesystem::temp_directory_path() /
              ("bertq-test-" + std::to_string(getpid()) + suffix)) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// objdump's lines are "address:<tab>bytes <tab>mnemonic operands"; what is no such line is not
// code.
std::map<std::size_t, Instruction> disassemble(const std::vector<std::uint8_t>& code) {
  const TemporaryFile binary(".bin");
  const TemporaryFile listing(".txt");
  {
    std::ofstream out(binary.path(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(code.data()),
              static_cast<std::streamsize>(code.size()));
  }
  const std::string command = "objdump -D --insn-width=16 -b binary -m i386:x86-64 -M intel '" +
                              binary.path().string() + "' > '" + listing.path().string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("objdump failed");
  std::ifstream in(listing.path());
  std::map<std::size_t, Instruction> instructions;
  for (std::string line; std::getline(in, line);) {
    const std::size_t bytes_at = line.find(":\t");
    const std::size_t text_at = line.find('\t', bytes_at == std::string::npos ? 0 : bytes_at + 2);
    if (bytes_at == std::string::npos || text_at == std::string::npos) continue;
    Instruction instruction;
    instruction.address = std::stoul(line.substr(0, bytes_at), nullptr, 16);
    std::istringstream bytes(line.substr(bytes_at + 2, text_at - bytes_at - 2));
    for (unsigned byte = 0; bytes >> std::hex >> byte;) instruction.bytes.push_back(byte);
    std::istringstream text(line.substr(text_at + 1));
    // "{vex} vpdpbusd": objdump names an encoding that is not the usual one.
    do text >> instruction.mnemonic;
    while (!instruction.mnemonic.empty() && instruction.mnemonic[0] == '{');
    std::getline(text, instruction.operands);
    instructions[instruction.address] = instruction;
  }
  return instructions;
}

bool begins_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

// The instructions that can be reached from `entry`. Constants lie among a kernel's bytes and are
// none of them.
std::vector<Instruction> reachable(const std::map<std::size_t, Instruction>& listing,
                                   std::size_t entry) {
  std::vector<Instruction> reached;
  std::set<std::size_t> seen;
  std::vector<std::size_t> open = {entry};
  while (!open.empty()) {
    const std::size_t address = open.back();
    open.pop_back();
    if (!seen.insert(address).second) continue;
    const auto found = listing.find(address);
    if (found == listing.end()) throw std::runtime_error("a jump into an instruction");
    const Instruction& instruction = found->second;
    reached.push_back(instruction);
    if (instruction.mnemonic == "ret") continue;
    if (instruction.mnemonic[0] == 'j')
      open.push_back(std::stoul(instruction.operands, nullptr, 16));
    if (instruction.mnemonic != "jmp") open.push_back(address + instruction.bytes.size());
  }
  return reached;
}

// The extension beyond AVX2, FMA and (as EVEX) AVX-512 F, BW, VL, DQ that an instruction needs, as
// far as generators could be tempted: "" if none.
std::string extension_of(const Instruction& instruction) {
  static const std::map<std::string, std::string> by_start = {
      {"vpdpbusd", "VNNI"},     {"vpdpwssd", "VNNI"},     {"vpdpbss", "VNNI-INT8"},
      {"vpdpbsu", "VNNI-INT8"}, {"vpdpbuu", "VNNI-INT8"}, {"vpermb", "VBMI"},
      {"vpermi2b", "VBMI"},     {"vpermt2b", "VBMI"},     {"vpmultishiftqb", "VBMI"},
      {"vpcompressb", "VBMI2"}, {"vpcompressw", "VBMI2"}, {"vpexpandb", "VBMI2"},
      {"vpexpandw", "VBMI2"},   {"vpshld", "VBMI2"},      {"vpshrd", "VBMI2"},
      {"vpmadd52", "IFMA"},     {"vpopcnt", "POPCNT"},    {"vpshufbitqmb", "BITALG"},
      {"vcvtne", "BF16"},       {"vdpbf16ps", "BF16"},    {"vgf2p8", "GFNI"},
      {"vaes", "VAES"},         {"vpclmul", "VPCLMUL"},   {"vpconflict", "CD"},
      {"vplzcnt", "CD"},        {"vpbroadcastm", "CD"},   {"vp2intersect", "VP2INTERSECT"},
      {"vexp2", "ER"},          {"vrcp28", "ER"},         {"vrsqrt28", "ER"},
      {"tdp", "AMX"},           {"tile", "AMX"},          {"ldtilecfg", "AMX"},
      {"sttilecfg", "AMX"},     {"tcmm", "AMX"}};
  for (const auto& [start, extension] : by_start) {
    if (begins_with(instruction.mnemonic, start)) return extension;
  }
  return {};
}

// What a path may use beside AVX2 and FMA.
struct Allowed {
  bool evex;
  std::set<std::string> extensions;
};
const std::map<jit::Isa, Allowed>& allowed() {
  static const std::map<jit::Isa, Allowed> table = {{jit::Isa::avx2, {false, {}}},
                                                    {jit::Isa::avx_vnni, {false, {"VNNI"}}},
                                                    {jit::Isa::avx512, {true, {}}},
                                                    {jit::Isa::avx512_vnni, {true, {"VNNI"}}},
                                                    {jit::Isa::amx, {true, {"AMX"}}}};
  return table;
}

// With the instructions for BF16, where the path has fast ones on this CPU.
Allowed allowed_on(const Path& path) {
  Allowed here = allowed().at(path.isa);
  if (jit::has_fast_bf16(path.isa)) here.extensions.insert("BF16");
  return here;
}

// What is wrong with an instruction on a path; empty if nothing.
std::string objection(const Instruction& instruction, const Allowed& path) {
  if (instruction.mnemonic == "(bad)") return "no instruction at all";
  if (instruction.is_evex() && !path.evex) return "EVEX";
  if (!path.evex && instruction.operands.find("zmm") != std::string::npos) return "zmm";
  const std::string extension = extension_of(instruction);
  if (!extension.empty() && path.extensions.count(extension) == 0) return extension;
  // Their results differ between makers of CPUs, or round where the contract wants exactness.
  for (const char* approximate : {"vrcp14", "vrsqrt14", "vrcpps", "vrsqrtps", "rcpps", "rsqrtps"}) {
    if (begins_with(instruction.mnemonic, approximate)) return "an approximation";
  }
  return {};
}

void generate_much(const Path& path) {
  for (const jit::Operands operands :
       {jit::Operands::f32, jit::Operands::u8s8, jit::Operands::bf16})
    for (const jit::Output output :
         {jit::Output::f32, jit::Output::u8_tiles, jit::Output::bf16_tiles})
      for (const jit::Activation activation :
           {jit::Activation::none, jit::Activation::relu, jit::Activation::gelu_erf,
            jit::Activation::gelu_tanh, jit::Activation::tanh})
        for (const bool rest : {false, true})
          jit::Kernels::of(path.isa).gemm({.operands = operands,
                                           .row_scale = rest,
                                           .column_scale = rest,
                                           .bias = rest,
                                           .activation = activation,
                                           .residual = rest,
                                           .output = output});
}

}  // namespace

TEST_CASE("generated code keeps to its instruction set") {
  if (std::system("objdump --version > /dev/null 2>&1") != 0) {
    print_skipped("disassembly of the kernels", "objdump (binutils) is not installed");
    return;
  }
  const Paths paths;
  for (const Path& path : paths.generated()) {
    const Allowed allowed_here = allowed_on(path);
    generate_much(path);
    std::vector<std::uint8_t> code;
    std::vector<std::size_t> entries;
    for (const GeneratedKernel& kernel : generated_kernels()) {
      if (!begins_with(kernel.name, std::string(jit::isa_name(path.isa)) + ".")) continue;
      entries.push_back(code.size());
      code.insert(code.end(), kernel.code, kernel.code + kernel.size);
      // So that the constants at a kernel's end cannot swallow the beginning of the next one.
      constexpr std::size_t longest_instruction = 15;
      code.insert(code.end(), longest_instruction, 0x90);
    }
    REQUIRE_MESSAGE(entries.size() >= 40, name_of(path));
    const std::map<std::size_t, Instruction> listing = disassemble(code);
    std::map<std::string, std::size_t> objections;
    std::set<std::string> used;
    std::size_t count = 0;
    for (const std::size_t entry : entries) {
      for (const Instruction& instruction : reachable(listing, entry)) {
        ++count;
        const std::string wrong = objection(instruction, allowed_here);
        if (!wrong.empty())
          ++objections[instruction.mnemonic + instruction.operands + ": " + wrong];
        const std::string extension = extension_of(instruction);
        if (!extension.empty()) used.insert(extension);
        if (instruction.is_evex()) used.insert("EVEX");
      }
    }
    const std::string first = objections.empty() ? "" : objections.begin()->first;
    CHECK_MESSAGE(objections.empty(), name_of(path), " has ", objections.size(),
                  " forbidden instructions, the first: ", first);
    // And it does use what it is named after.
    CHECK_MESSAGE(used.count("EVEX") == (allowed_here.evex ? 1 : 0), name_of(path));
    for (const std::string& extension : allowed_here.extensions)
      CHECK_MESSAGE(used.count(extension) == 1, name_of(path), " never uses ", extension);
    std::printf("%s: %zu instructions in %zu pieces of code, disassembled\n",
                std::string(jit::isa_name(path.isa)).c_str(), count, entries.size());
  }
}

}  // namespace bertq::testing
