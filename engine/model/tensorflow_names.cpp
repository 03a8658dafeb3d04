#include "engine/model/tensorflow_names.h"

#include <algorithm>
#include <array>
#include <vector>

namespace bertq::engine {
namespace {

struct LeafRow {
  std::string_view leaf, canonical;
  bool transposed;
};
// The last part of a variable's name. What lies below one is a slot that an optimiser keeps for it.
constexpr std::array<LeafRow, 9> leaves{{
    {"kernel", "weight", true},
    {"bias", "bias", false},
    {"gamma", "weight", false},
    {"beta", "bias", false},
    {"word_embeddings", "word_embeddings.weight", false},
    {"position_embeddings", "position_embeddings.weight", false},
    {"token_type_embeddings", "token_type_embeddings.weight", false},
    {"output_weights", "weight", false},
    {"output_bias", "bias", false},
}};

const LeafRow* find_leaf(std::string_view part) {
  const auto* const found = std::find_if(leaves.begin(), leaves.end(),
                                         [&](const LeafRow& row) { return row.leaf == part; });
  return found == leaves.end() ? nullptr : found;
}

struct HeadRow {
  std::string_view scope, canonical;
};
// Where output_weights and output_bias are those of a head that bertq has.
constexpr std::array<HeadRow, 2> heads{{{"", "classifier."}, {"cls.squad.", "qa_outputs."}}};

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return '0' <= c && c <= '9'; });
}

// "layer_12" is the thirteenth of Hugging Face's list "layer".
std::string canonical_part(std::string_view part) {
  constexpr std::string_view layer = "layer_";
  if (!part.starts_with(layer) || !is_number(part.substr(layer.size()))) return std::string(part);
  return "layer." + std::string(part.substr(layer.size()));
}

}  // namespace

TensorflowName from_tensorflow(std::string_view name) {
  std::string scope;  // with a dot behind each part
  std::string_view rest = name;
  for (std::size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos;
       rest.remove_prefix(slash + 1)) {
    const std::string_view part = rest.substr(0, slash);
    if (find_leaf(part) != nullptr) return {std::string(name)};  // with slashes: ignored
    scope += canonical_part(part) + '.';
  }
  const LeafRow* const leaf = find_leaf(rest);
  if (leaf == nullptr) return {scope + std::string(rest)};
  if (leaf->leaf.starts_with("output_")) {
    const auto* const head = std::find_if(heads.begin(), heads.end(),
                                          [&](const HeadRow& row) { return row.scope == scope; });
    if (head != heads.end()) scope = head->canonical;
  }
  return {scope + std::string(leaf->canonical), leaf->transposed};
}

std::string to_tensorflow(std::string_view canonical) {
  for (const HeadRow& head : heads) {
    if (!canonical.starts_with(head.canonical)) continue;
    const bool is_weight = canonical.substr(head.canonical.size()) == "weight";
    std::string name = std::string(head.scope) + (is_weight ? "output_weights" : "output_bias");
    std::replace(name.begin(), name.end(), '.', '/');
    return name;
  }
  std::string name(canonical);
  constexpr std::string_view table = "_embeddings.weight", weight = "weight";
  if (name.ends_with(table)) {
    name.resize(name.rfind('.'));
  } else if (name.ends_with(weight)) {
    name.replace(name.size() - weight.size(), weight.size(), "kernel");
  }
  std::replace(name.begin(), name.end(), '.', '/');
  return name;
}

}  // namespace bertq::engine
