#include "jit/isa.h"
