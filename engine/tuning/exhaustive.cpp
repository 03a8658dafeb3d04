// LPOT's strategy `exhaustive`: the product of all modules' INT8 options, the last module fastest.

#include <vector>

#include "engine/tuning/model_wise.h"
#include "engine/tuning/strategy.h"

namespace bertq::engine {
namespace {

// The next point of the product; false behind the last.
bool advance(std::vector<std::size_t>& places,
             const std::vector<std::vector<std::uint16_t>>& searched) {
  for (std::size_t i = places.size(); i-- > 0;) {
    if (++places[i] < searched[i].size()) return true;
    places[i] = 0;
  }
  return false;
}

}  // namespace

void search_exhaustively(const TuningSpace& space, Trials& trials, std::uint64_t /*seed*/) {
  std::vector<std::vector<std::uint16_t>> searched;
  for (const TunableModule& module : space.modules) searched.push_back(searched_options(module));
  for (std::size_t sampling = 0; sampling < space.sampling_sizes.size(); ++sampling) {
    std::vector<std::size_t> places(searched.size());
    do {
      Configuration configuration = first_options(space, sampling);
      for (std::size_t i = 0; i < places.size(); ++i) {
        configuration.options[i] = searched[i][places[i]];
      }
      trials.score(configuration);
    } while (advance(places, searched));
  }
}

}  // namespace bertq::engine
