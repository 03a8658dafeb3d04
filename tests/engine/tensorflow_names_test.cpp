#include "engine/model/tensorflow_names.h"

#include <doctest/doctest.h>

#include <vector>

#include "engine/model/tensor_names.h"

namespace bertq::engine {
namespace {

TEST_CASE("google-research's variables come out canonical, kernels turned") {
  struct Row {
    std::string_view name, canonical;
    bool transposed;
  };
  for (const Row& row : std::vector<Row>{
           {"bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight", false},
           {"bert/embeddings/position_embeddings", "bert.embeddings.position_embeddings.weight",
            false},
           {"bert/embeddings/token_type_embeddings", "bert.embeddings.token_type_embeddings.weight",
            false},
           {"bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight", false},
           {"bert/embeddings/LayerNorm/beta", "bert.embeddings.LayerNorm.bias", false},
           {"bert/encoder/layer_0/attention/self/query/kernel",
            "bert.encoder.layer.0.attention.self.query.weight", true},
           {"bert/encoder/layer_23/attention/output/dense/bias",
            "bert.encoder.layer.23.attention.output.dense.bias", false},
           {"bert/encoder/layer_7/output/LayerNorm/gamma",
            "bert.encoder.layer.7.output.LayerNorm.weight", false},
           {"bert/encoder/layer_7/intermediate/dense/kernel",
            "bert.encoder.layer.7.intermediate.dense.weight", true},
           {"bert/pooler/dense/kernel", "bert.pooler.dense.weight", true},
           {"bert/pooler/dense/bias", "bert.pooler.dense.bias", false},
           {"output_weights", "classifier.weight", false},
           {"output_bias", "classifier.bias", false},
           {"cls/squad/output_weights", "qa_outputs.weight", false},
           {"cls/squad/output_bias", "qa_outputs.bias", false},
       }) {
    const TensorflowName got = from_tensorflow(row.name);
    CHECK(got.canonical == row.canonical);
    CHECK(got.transposed == row.transposed);
    CHECK(part_of(got.canonical).has_value());
  }
}

TEST_CASE("what a checkpoint may lack has its name in TensorFlow") {
  for (const std::string name :
       {"bert/embeddings/token_type_embeddings", "bert/pooler/dense/kernel",
        "bert/pooler/dense/bias", "output_weights", "output_bias", "cls/squad/output_weights",
        "cls/squad/output_bias"}) {
    CHECK(to_tensorflow(from_tensorflow(name).canonical) == name);
  }
}

TEST_CASE("what lies beside the model is ignored") {
  for (const std::string_view name :
       {"global_step", "cls/predictions/output_bias", "cls/predictions/transform/dense/kernel",
        "cls/predictions/transform/LayerNorm/gamma", "cls/seq_relationship/output_weights",
        "cls/seq_relationship/output_bias", "bert/embeddings/word_embeddings/adam_m",
        "bert/embeddings/LayerNorm/gamma/adam_v", "output_weights/adam_m", "output_bias/adam_v",
        "bert/encoder/layer_0/output/dense/kernel/adam_v", "cls/squad/output_weights/adam_m",
        "bert/encoder/layer_0/output/dense/kernel/LAMB_1", "beta1_power", "loss/output_weights",
        "loss_scale/good_steps", "", "/", "kernel/"}) {
    CAPTURE(name);
    const std::string canonical = canonical_name(from_tensorflow(name).canonical);
    CHECK(is_ignored(canonical));
    CHECK(!part_of(canonical));
  }
}

TEST_CASE("a variable of the encoder that no BERT has is not passed over") {
  for (const std::string_view name :
       {"bert/encoder/transformer/group_0/inner_group_0/ffn_1/kernel", "bert/something",
        "bert/encoder/layer_x/output/dense/kernel"}) {
    const std::string canonical = canonical_name(from_tensorflow(name).canonical);
    CHECK(!is_ignored(canonical));
  }
}

}  // namespace
}  // namespace bertq::engine
