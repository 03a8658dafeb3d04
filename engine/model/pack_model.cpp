#include "engine/model/pack_model.h"

#include <filesystem>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_folder.h"
#include "engine/model/packed_facts.h"
#include "engine/model/weights.h"
#include "loaders/bertq_header.h"

namespace bertq::engine {
namespace {

PackedFacts facts_of(const Model& model, const ModelFiles& files,
                     const tokenizer::Tokenizer::Overrides& overrides) {
  const ModelConfig& config = model.config();
  PackedFacts facts;
  facts.recipe = model.recipe();
  facts.source = std::filesystem::path(files.checkpoint.name).filename().string();
  facts.source_format = files.checkpoint.format;
  facts.activation = config.activation;
  facts.activation_reason = config.activation_reason;
  facts.tokenizer = overrides;
  facts.heads = model.heads();
  facts.labels = model.labels();
  facts.has_segments = model.impl().embeddings->segments() == config.segments;
  if (model.impl().quantized) facts.form = model.impl().quantized->form;
  return facts;
}

// Sections, and the texts that they point to.
class Contents {
 public:
  void add_text(loaders::SectionKind kind, std::string_view name, std::string text) {
    texts_.push_back(std::move(text));
    sections_.push_back({kind, std::string(name), loaders::DType::u8,
                         std::as_bytes(std::span(std::as_const(texts_.back())))});
  }
  void add_array(const NamedArray& array) {
    sections_.push_back({loaders::SectionKind::array, array.name, array.dtype, array.bytes});
  }
  std::span<const loaders::BertqContent> sections() const { return sections_; }

 private:
  std::list<std::string> texts_;  // which stay where they are
  std::vector<loaders::BertqContent> sections_;
};

}  // namespace

loaders::BertqWritten pack_model(const Model& model, const ModelFiles& files,
                                 const tokenizer::Tokenizer::Overrides& overrides,
                                 std::string_view program,
                                 const std::function<void(std::span<const std::byte>)>& write) {
  if (files.packed) {
    throw Error(ErrorKind::usage, files.name +
                                      ": is a .bertq file already; quantise the checkpoint that it "
                                      "was made from (" +
                                      files.packed->source + ")");
  }
  const PackedFacts facts = facts_of(model, files, overrides);
  Contents contents;
  contents.add_text(loaders::SectionKind::note, program_note, std::string(program));
  contents.add_text(loaders::SectionKind::note, model_note, model_note_json(facts));
  contents.add_text(loaders::SectionKind::note, recipe_note, facts.recipe.to_json());
  for (const std::string& name : files.small_files) {
    contents.add_text(loaders::SectionKind::file, name,
                      loaders::read_text(*files.folder->open(name), loaders::bertq_text_limit));
  }
  for (const NamedArray& array : model.impl().arrays) contents.add_array(array);
  return loaders::write_bertq(contents.sections(), write);
}

}  // namespace bertq::engine
