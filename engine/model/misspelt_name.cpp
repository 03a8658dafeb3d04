#include "engine/model/misspelt_name.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "engine/model/tensorflow_names.h"
#include "loaders/printable.h"
#include "loaders/tensorflow_checkpoint.h"

namespace bertq::engine {
namespace {

// One in so many letters may be wrong: names of other heads differ in more, or in their length.
constexpr std::size_t letters_a_mistake = 6;

bool is_nearly(std::string_view name, std::string_view known) {
  if (name.size() != known.size()) return false;
  std::size_t mistakes = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != known[i]) ++mistakes;
  }
  return mistakes <= known.size() / letters_a_mistake;
}

// In either order: what nobody knows was not turned.
bool fits(const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& expected) {
  const auto same = [](std::uint64_t got, std::uint64_t wanted) {
    return got == wanted || wanted == any_size;
  };
  return std::equal(shape.begin(), shape.end(), expected.begin(), expected.end(), same) ||
         std::equal(shape.begin(), shape.end(), expected.rbegin(), expected.rend(), same);
}

}  // namespace

void refuse_misspelt(const loaders::Checkpoint& checkpoint, const std::vector<NamedTensor>& tensors,
                     const ExpectedTensor& missing) {
  const bool tensorflow = checkpoint.format == loaders::tensorflow_format;
  const std::string known = tensorflow ? to_tensorflow(missing.name) : missing.name;
  for (const auto& [canonical, tensor] : tensors) {
    if (!is_ignored(canonical) || !fits(tensor.shape, missing.shape)) continue;
    if (!is_nearly(tensorflow ? tensor.name : canonical, known)) continue;
    throw Error(ErrorKind::input, tensor.file() + ": tensor " + loaders::printable(tensor.name) +
                                      ": expected " + known +
                                      ", which is missing, got a name that is nearly the same");
  }
}

}  // namespace bertq::engine
