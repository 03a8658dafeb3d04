#include "engine/cli/inspect_verify.h"

#include <fmt/format.h>

#include "engine/cli/failure.h"
#include "engine/model/packed_check.h"
#include "engine/model/packed_facts.h"
#include "loaders/tensor.h"

namespace bertq::engine::cli {
namespace {

// What `check` complains of, if it is about the input.
template <typename Check>
void collect(std::vector<std::string>& problems, Check check) {
  try {
    check();
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    if (failure.kind != ErrorKind::input) throw;
    problems.push_back(failure.message);
  }
}

void verify_packed(const ModelFiles& files, Verification& result) {
  const loaders::ByteSource& source = *files.checkpoint.sources.front();
  result.hash = loaders::hash_bertq(source);
  if (result.hash->stored != result.hash->computed) {
    result.problems.push_back(
        fmt::format("{}: expected the XXH3-128 {}, got {}: the file is damaged", source.name(),
                    result.hash->stored, result.hash->computed));
  }
  if (!files.packed || !result.problems.empty()) return;
  collect(result.problems, [&] {
    const auto model =
        Model::load(files.checkpoint, files.config, files.packed->recipe, jit::Isa::reference);
    check_packing(*model, files.name);
  });
}

}  // namespace

Verification verify(const Inspection& inspection) {
  const ModelFiles& files = inspection.files;
  Verification result;
  loaders::ChecksumVerifier verifier;
  for (const loaders::Tensor& tensor : files.checkpoint.tensors) {
    if (!tensor.checksum) {
      ++result.unchecked;
      continue;
    }
    const std::size_t before = result.problems.size();
    collect(result.problems, [&] { verifier.verify(tensor); });
    result.checked += result.problems.size() == before ? 1U : 0U;
  }
  if (files.checkpoint.format == loaders::bertq_format) verify_packed(files, result);
  return result;
}

Json verification_json(const Verification& verification) {
  Json json = {{"checked", verification.checked},
               {"unchecked", verification.unchecked},
               {"xxh3_128", nullptr},
               {"problems", verification.problems}};
  if (verification.hash) {
    json["xxh3_128"] = {{"stored", verification.hash->stored},
                        {"computed", verification.hash->computed}};
  }
  return json;
}

std::string verification_text(const Verification& verification) {
  std::string text =
      fmt::format("verified    {} tensors agree with their checksums", verification.checked);
  if (verification.unchecked > 0) {
    text += fmt::format(", of {} the format keeps none", verification.unchecked);
  }
  text += '\n';
  if (verification.hash) text += fmt::format("XXH3-128    {}\n", verification.hash->computed);
  for (const std::string& problem : verification.problems)
    text += fmt::format("damage      {}\n", problem);
  return text;
}

}  // namespace bertq::engine::cli
