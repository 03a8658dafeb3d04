#include "loaders/byte_source.h"
