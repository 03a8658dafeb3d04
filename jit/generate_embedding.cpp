#include <array>
#include <cstddef>
#include <string>

#include "jit/row_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// Where the arguments name one of the three tables, in the order word, type, position.
struct Table {
  std::size_t index, rows, scale;
};
constexpr std::array tables = {
    Table{offsetof(EmbeddingArgs, ids), offsetof(EmbeddingArgs, word),
          offsetof(EmbeddingArgs, word_scale)},
    Table{offsetof(EmbeddingArgs, segments), offsetof(EmbeddingArgs, type),
          offsetof(EmbeddingArgs, type_scale)},
    Table{offsetof(EmbeddingArgs, positions), offsetof(EmbeddingArgs, position),
          offsetof(EmbeddingArgs, position_scale)},
};

class Embedding : public RowEmitter {
 protected:
  explicit Embedding(Isa isa) : RowEmitter(isa), sum_(take()), term_(take()) {}

  CodeBlock generate(const std::string& name, std::size_t element_bytes) {
    begin({offsetof(EmbeddingArgs, out), offsetof(EmbeddingArgs, ld), offsetof(EmbeddingArgs, rows),
           offsetof(EmbeddingArgs, columns)});
    mov(table_ld_, argument(offsetof(EmbeddingArgs, table_ld)));
    imul(table_ld_, table_ld_, static_cast<int>(element_bytes));
    for_each_row(1, [&] {
      for (std::size_t t = 0; t < tables.size(); ++t) find_table_row(t);
      for_each_group([&](const Stretch& stretch) {
        for (int g = 0; g < stretch.groups; ++g) {
          for (int half = 0; half < halves(); ++half) {
            add_terms(g, half);
            vmovups(f32(x, g, half), sum_);
          }
        }
      });
    });
    end();
    return finish(std::string(isa_name(isa())) + "." + name);
  }

  // Leaves the sum of the three tables in sum_.
  virtual void add_terms(int group, int half) = 0;
  // `index` holds the number of the row of table t that is to be added.
  virtual void load_scale(std::size_t, const Reg& /*index*/) {}

  const Vec sum_, term_;
  const std::array<Reg, tables.size()> table_row_ = {rbx, r12, r13};

 private:
  // The address of the table row that the current row asks for.
  void find_table_row(std::size_t t) {
    const Reg& address = table_row_[t];
    mov(scratch, argument(tables[t].index));
    movsxd(address, dword[scratch + row * 4]);
    load_scale(t, address);
    imul(address, table_ld_);
    add(address, argument(tables[t].rows));
  }

  const Reg table_ld_ = r14;
};

class EmbeddingF32 : public Embedding {
 public:
  explicit EmbeddingF32(Isa isa) : Embedding(isa) {}

  CodeBlock generate() { return Embedding::generate("embed_f32", sizeof(float)); }

 private:
  void add_terms(int group, int half) override {
    const auto& [word_row, type_row, position_row] = table_row_;
    load(sum_, f32(word_row, group, half));
    vaddps(sum_, sum_, f32(type_row, group, half));
    vaddps(sum_, sum_, f32(position_row, group, half));
  }
};

class EmbeddingS8 : public Embedding {
 public:
  explicit EmbeddingS8(Isa isa) : Embedding(isa), scales_(take(static_cast<int>(tables.size()))) {}

  CodeBlock generate() { return Embedding::generate("embed_s8", sizeof(std::int8_t)); }

 private:
  void load_scale(std::size_t t, const Reg& index) override {
    mov(scratch, argument(tables[t].scale));
    vbroadcastss(scales_[t], ptr[scratch + index * 4]);
  }

  void add_terms(int group, int half) override {
    const auto& [word_row, type_row, position_row] = table_row_;
    load_s8(sum_, position_row, group, half);
    vmulps(sum_, sum_, scales_[2]);
    load_s8(term_, type_row, group, half);
    vfmadd231ps(sum_, term_, scales_[1]);
    load_s8(term_, word_row, group, half);
    vfmadd231ps(sum_, term_, scales_[0]);
  }

  void load_s8(const Vec& to, const Reg& from, int group, int half) {
    vpmovsxbd(to, at(from + column, (group * halves() + half) * width()));
    vcvtdq2ps(to, to);
  }

  const std::vector<Vec> scales_;
};

}  // namespace

CodeBlock generate_embed_f32(Isa isa) {
  return EmbeddingF32(isa).generate();
}

CodeBlock generate_embed_s8(Isa isa) {
  return EmbeddingS8(isa).generate();
}

}  // namespace bertq::jit
