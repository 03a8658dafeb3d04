#include <cstddef>
#include <string>

#include "jit/row_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

enum class Words { f32, s8, bf16 };

class Embedding : public RowEmitter {
 public:
  Embedding(Isa isa, Words words)
      : RowEmitter(isa), words_(words), sum_(take()), word_(take()), scale_(take()) {}

  CodeBlock generate() {
    begin({offsetof(EmbeddingArgs, out), offsetof(EmbeddingArgs, ld), offsetof(EmbeddingArgs, rows),
           offsetof(EmbeddingArgs, columns)});
    mov(table_ld_, argument(offsetof(EmbeddingArgs, table_ld)));
    for_each_row(1, [&] {
      find_rows();
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
    static constexpr const char* names[] = {".embed_f32", ".embed_s8", ".embed_bf16"};
    return finish(std::string(isa_name(isa())) + names[static_cast<std::size_t>(words_)]);
  }

 private:
  void find_rows() {
    load_index(word_row_, offsetof(EmbeddingArgs, ids));
    if (words_ == Words::s8) {
      mov(scratch, argument(offsetof(EmbeddingArgs, word_scale)));
      vbroadcastss(scale_, ptr[scratch + word_row_ * 4]);
    }
    to_address(word_row_, offsetof(EmbeddingArgs, word), bytes_of_word());
    load_index(type_row_, offsetof(EmbeddingArgs, segments));
    to_address(type_row_, offsetof(EmbeddingArgs, type), 4);
    load_index(position_row_, offsetof(EmbeddingArgs, positions));
    to_address(position_row_, offsetof(EmbeddingArgs, position), 4);
  }

  int bytes_of_word() const {
    static constexpr int bytes[] = {4, 1, 2};
    return bytes[static_cast<std::size_t>(words_)];
  }

  // The number of the table row that the current row asks for.
  void load_index(const Reg& to, std::size_t indices) {
    mov(scratch, argument(indices));
    movsxd(to, dword[scratch + row * 4]);
  }

  void to_address(const Reg& index, std::size_t table, int element_bytes) {
    imul(index, table_ld_);
    mov(scratch, argument(table));
    lea(index, ptr[scratch + index * element_bytes]);
  }

  void add_terms(int group, int half) {
    if (words_ != Words::s8) {
      if (words_ == Words::f32) {
        load(sum_, f32(word_row_, group, half));
      } else {
        vpmovzxwd(sum_, at(word_row_ + column * 2, (group * halves() + half) * width() * 2));
        vpslld(sum_, sum_, 16);
      }
      vaddps(sum_, sum_, f32(type_row_, group, half));
      vaddps(sum_, sum_, f32(position_row_, group, half));
      return;
    }
    load(sum_, f32(type_row_, group, half));
    vaddps(sum_, sum_, f32(position_row_, group, half));
    vpmovsxbd(word_, at(word_row_ + column, (group * halves() + half) * width()));
    vcvtdq2ps(word_, word_);
    vfmadd231ps(sum_, word_, scale_);
  }

  const Words words_;
  const Vec sum_, word_, scale_;
  const Reg word_row_ = rbx, type_row_ = r12, position_row_ = r13, table_ld_ = r14;
};

}  // namespace

CodeBlock generate_embed_f32(Isa isa) {
  return Embedding(isa, Words::f32).generate();
}

CodeBlock generate_embed_s8(Isa isa) {
  return Embedding(isa, Words::s8).generate();
}

CodeBlock generate_embed_bf16(Isa isa) {
  return Embedding(isa, Words::bf16).generate();
}

}  // namespace bertq::jit
