// Manual pages, in roff (man(7)), written from the tables of verbs and options.
#pragma once

#include <string>

#include "engine/cli/verbs.h"

namespace bertq::engine::cli {

std::string program_man_page();               // bertq(1)
std::string verb_man_page(const Verb& verb);  // bertq-VERB(1)

}  // namespace bertq::engine::cli
