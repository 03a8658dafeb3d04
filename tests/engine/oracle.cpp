#include "oracle.h"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace bertq::testing {
using namespace engine;
namespace {

using Index = Eigen::Index;
using Vector = Eigen::RowVectorXd;

// The tensors of a checkpoint, widened; empty where there is none.
struct Tensors {
  const loaders::Checkpoint& checkpoint;

  OracleMatrix operator()(const std::string& name) const {
    const loaders::Tensor* tensor = checkpoint.find(name);
    if (tensor == nullptr) return {};
    std::vector<float> values(tensor->elements);
    loaders::read_f32(*tensor, 0, values);
    const auto columns = static_cast<Index>(tensor->shape.back());
    using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<FloatMatrix>(values.data(), static_cast<Index>(tensor->elements) / columns,
                                   columns)
        .cast<double>();
  }
};

struct Bert {
  Tensors tensors;
  const ModelConfig& config;

  OracleMatrix linear(const OracleMatrix& x, const std::string& module) const {
    return (x * tensors(module + ".weight").transpose()).rowwise() +
           Vector(tensors(module + ".bias"));
  }

  OracleMatrix layer_norm(const OracleMatrix& x, const std::string& module) const {
    const OracleMatrix centered = x.colwise() - x.rowwise().mean();
    const Eigen::VectorXd deviation =
        (centered.array().square().rowwise().mean() + double{config.layer_norm_epsilon}).sqrt();
    const OracleMatrix normal = centered.array().colwise() / deviation.array();
    return (normal.array().rowwise() * Vector(tensors(module + ".weight")).array()).rowwise() +
           Vector(tensors(module + ".bias")).array();
  }

  OracleMatrix embed(std::span<const std::int32_t> ids,
                     std::span<const std::int32_t> segments) const {
    const OracleMatrix words = tensors("bert.embeddings.word_embeddings.weight");
    const OracleMatrix positions = tensors("bert.embeddings.position_embeddings.weight");
    const OracleMatrix types = tensors("bert.embeddings.token_type_embeddings.weight");
    OracleMatrix x(static_cast<Index>(ids.size()), words.cols());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto row = static_cast<Index>(i);
      x.row(row) = words.row(ids[i]) + positions.row(row);
      if (types.rows() > 0) x.row(row) += types.row(segments.empty() ? 0 : segments[i]);
    }
    return layer_norm(x, "bert.embeddings.LayerNorm");
  }

  OracleMatrix attend(const OracleMatrix& x, const std::string& layer) const {
    const OracleMatrix q = linear(x, layer + "attention.self.query");
    const OracleMatrix k = linear(x, layer + "attention.self.key");
    const OracleMatrix v = linear(x, layer + "attention.self.value");
    const auto d = static_cast<Index>(config.hidden / config.heads);
    OracleMatrix context(x.rows(), x.cols());
    for (Index column = 0; column < x.cols(); column += d) {
      OracleMatrix p = q.middleCols(column, d) * k.middleCols(column, d).transpose() /
                       std::sqrt(static_cast<double>(d));
      p = (p.colwise() - p.rowwise().maxCoeff()).array().exp();
      p.array().colwise() /= p.rowwise().sum().array().eval();
      context.middleCols(column, d) = p * v.middleCols(column, d);
    }
    return context;
  }

  double activate(double x) const {
    switch (config.activation) {
      case jit::Activation::relu:
        return std::max(x, 0.0);
      case jit::Activation::gelu_erf:
        return x * 0.5 * (1.0 + std::erf(x / std::numbers::sqrt2));
      case jit::Activation::gelu_tanh:
        return x * 0.5 *
               (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
      default:
        throw std::logic_error("not an activation of BERT's feed-forward block");
    }
  }

  OracleMatrix run_layer(OracleMatrix x, const std::string& layer) const {
    x += linear(attend(x, layer), layer + "attention.output.dense");
    x = layer_norm(x, layer + "attention.output.LayerNorm");
    const OracleMatrix wide = linear(x, layer + "intermediate.dense").unaryExpr([&](double value) {
      return activate(value);
    });
    return layer_norm(x + linear(wide, layer + "output.dense"), layer + "output.LayerNorm");
  }
};

}  // namespace

OracleAnswer oracle(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                    std::span<const std::int32_t> ids, std::span<const std::int32_t> segments) {
  const Bert bert{{checkpoint}, config};
  OracleAnswer answer;
  answer.hidden.push_back(bert.embed(ids, segments));
  for (std::size_t i = 0; i < config.layers; ++i) {
    const std::string layer = "bert.encoder.layer." + std::to_string(i) + ".";
    answer.hidden.push_back(bert.run_layer(answer.hidden.back(), layer));
  }
  const OracleMatrix first = answer.hidden.back().topRows(1);
  const OracleMatrix pooled = bert.linear(first, "bert.pooler.dense").array().tanh();
  const OracleMatrix logits = bert.linear(pooled, "classifier");
  answer.logits.assign(logits.data(), logits.data() + logits.size());
  const OracleMatrix spans = bert.linear(answer.hidden.back(), "qa_outputs");
  answer.token_logits.assign(spans.data(), spans.data() + spans.size());
  return answer;
}

}  // namespace bertq::testing
