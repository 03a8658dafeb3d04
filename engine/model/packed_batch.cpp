#include "bertq/packed_batch.h"
