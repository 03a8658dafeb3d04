#include <algorithm>
#include <cmath>

#include "bertq/error.h"
#include "engine/model/model.h"

namespace bertq::engine {
namespace {

// The mean of `count` rows, summed in double: each column on its own, so that neither batch nor
// layout can change a bit.
void mean_of_rows(const float* rows, std::size_t count, std::size_t ld, std::span<float> out) {
  for (std::size_t column = 0; column < out.size(); ++column) {
    double sum = 0.0;
    for (std::size_t row = 0; row < count; ++row) {
      sum += static_cast<double>(rows[row * ld + column]);
    }
    out[column] = static_cast<float>(sum / static_cast<double>(count));
  }
}

// To length 1; a vector of zeros stays one, as in sentence-transformers.
void normalize(std::span<float> vector) {
  constexpr double least_length = 1e-12;
  double squares = 0.0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  const double length = std::max(std::sqrt(squares), least_length);
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / length);
}

}  // namespace

void pool_rows(const float* rows, std::size_t count, std::size_t ld, const PoolingChoice& choice,
               std::span<float> out) {
  if (choice.pooling == Pooling::cls) {
    std::copy_n(rows, out.size(), out.begin());
  } else {
    mean_of_rows(rows, count, ld, out);
  }
  if (choice.normalize) normalize(out);
}

void pool(const PackedBatch& batch, std::span<const float> hidden_states, std::size_t ld,
          std::size_t hidden, const PoolingChoice& choice, std::span<float> out) {
  if (hidden_states.size() < batch.tokens() * ld || out.size() < batch.sequences() * hidden) {
    throw Error(ErrorKind::internal, "pooling: buffers smaller than the batch");
  }
  for (std::size_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    pool_rows(hidden_states.data() + batch.begin(sequence) * ld, batch.length(sequence), ld, choice,
              out.subspan(sequence * hidden, hidden));
  }
}

}  // namespace bertq::engine
