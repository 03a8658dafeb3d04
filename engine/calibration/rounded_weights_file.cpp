#include "engine/calibration/rounded_weights_file.h"

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "engine/precision/rounded_weights.h"
#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"
#include "loaders/xxh3.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t header_alignment = 8;

// Bytes that live as long as the source.
class OwnedMemory final : public loaders::ByteSource {
 public:
  OwnedMemory(std::vector<std::byte> bytes, std::string name)
      : bytes_(std::make_shared<const std::vector<std::byte>>(std::move(bytes))),
        view_(loaders::open_memory(*bytes_, std::move(name))) {}
  const std::string& name() const override { return view_->name(); }
  std::uint64_t size() const override { return view_->size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    view_->read(offset, out);
  }
  loaders::ResidentBytes resident() const override { return {*bytes_, bytes_}; }

 private:
  std::shared_ptr<const std::vector<std::byte>> bytes_;
  std::unique_ptr<loaders::ByteSource> view_;
};

// Tensors one behind the other, as the header says where.
class SafetensorsImage {
 public:
  void add(const std::string& name, const char* dtype, std::vector<std::size_t> shape,
           std::span<const std::byte> bytes) {
    header_[name] = {{"dtype", dtype},
                     {"shape", std::move(shape)},
                     {"data_offsets", {data_.size(), data_.size() + bytes.size()}}};
    data_.insert(data_.end(), bytes.begin(), bytes.end());
  }
  std::vector<std::byte> bytes() const {
    std::string header = header_.dump();
    header.resize((header.size() + header_alignment - 1) / header_alignment * header_alignment,
                  ' ');
    const std::uint64_t length = header.size();  // little-endian, as all that bertq runs on
    std::vector<std::byte> file(sizeof length + header.size() + data_.size());
    std::memcpy(file.data(), &length, sizeof length);
    std::memcpy(file.data() + sizeof length, header.data(), header.size());
    if (!data_.empty()) {
      std::memcpy(file.data() + sizeof length + header.size(), data_.data(), data_.size());
    }
    return file;
  }

 private:
  Json header_ = Json::object();
  std::vector<std::byte> data_;
};

}  // namespace

RoundedWeights rounded_weights(const std::map<std::string, const Int8Layer*>& layers) {
  if (layers.empty()) return {};
  SafetensorsImage image;
  // The scales first, so that floats stay aligned whatever the sizes of the matrices.
  for (const auto& [module, layer] : layers) {
    image.add(module + std::string(rounded_scale), "F32", {layer->scale.size()},
              std::as_bytes(std::span(layer->scale)));
  }
  for (const auto& [module, layer] : layers) {
    const auto rows = static_cast<std::size_t>(layer->weights.rows());
    const auto columns = static_cast<std::size_t>(layer->weights.cols());
    image.add(module + std::string(rounded_weight), "I8", {rows, columns},
              std::as_bytes(std::span(layer->weights.data(), rows * columns)));
  }
  std::vector<std::byte> bytes = image.bytes();
  loaders::Xxh3 hash;
  hash.update(bytes);
  RoundedWeights weights{rounded_weights_name, loaders::hex(hash.digest())};
  weights.tensors = std::make_shared<const loaders::Checkpoint>(loaders::open_checkpoint_file(
      std::make_unique<OwnedMemory>(std::move(bytes), rounded_weights_name)));
  return weights;
}

}  // namespace bertq::engine
