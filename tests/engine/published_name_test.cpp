#include "engine/model/published_name.h"

#include <doctest/doctest.h>

namespace bertq::engine {
namespace {

TEST_CASE("a published model's name tells whether it is cased") {
  for (const char* place :
       {"cased_L-12_H-768_A-12", "/models/cased_L-24_H-1024_A-16/", "multi_cased_L-12_H-768_A-12/",
        "a.zip: cased_L-12_H-768_A-12/",
        "/x/cased_L-12_H-768_A-12.zip: ", "models/wwm_cased_L-24_H-1024_A-16//"}) {
    CHECK(is_published_cased(place));
  }
  for (const char* place :
       {"", "/", "uncased_L-12_H-768_A-12/", "multilingual_L-12_H-768_A-12", "cased",
        "cased_L-12_H-768_A-12/finetuned/", "my_cased_L-12", "chinese_L-12_H-768_A-12"}) {
    CHECK(!is_published_cased(place));
  }
}

}  // namespace
}  // namespace bertq::engine
