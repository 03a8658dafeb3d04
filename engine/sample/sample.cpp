#include "engine/sample/sample.h"

#include <cstddef>

// embed.S: the first byte of each file, and the one after its last.
extern "C" {
extern const char bertq_sample_config[], bertq_sample_config_end[];
extern const char bertq_sample_checkpoint[], bertq_sample_checkpoint_end[];
extern const char bertq_sample_vocabulary[], bertq_sample_vocabulary_end[];
extern const char bertq_sample_mrpc[], bertq_sample_mrpc_end[];
extern const char bertq_sample_squad_config[], bertq_sample_squad_config_end[];
extern const char bertq_sample_squad_checkpoint[], bertq_sample_squad_checkpoint_end[];
extern const char bertq_sample_squad[], bertq_sample_squad_end[];
}

namespace bertq::engine::sample {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view config() {
  return between(bertq_sample_config, bertq_sample_config_end);
}
std::string_view checkpoint() {
  return between(bertq_sample_checkpoint, bertq_sample_checkpoint_end);
}
std::string_view vocabulary() {
  return between(bertq_sample_vocabulary, bertq_sample_vocabulary_end);
}
std::string_view mrpc() {
  return between(bertq_sample_mrpc, bertq_sample_mrpc_end);
}
std::string_view squad_config() {
  return between(bertq_sample_squad_config, bertq_sample_squad_config_end);
}
std::string_view squad_checkpoint() {
  return between(bertq_sample_squad_checkpoint, bertq_sample_squad_checkpoint_end);
}
std::string_view squad() {
  return between(bertq_sample_squad, bertq_sample_squad_end);
}

}  // namespace bertq::engine::sample
