/* What a program that links bertq may see (C and C++). Everything else in the library is hidden. */
#ifndef BERTQ_EXPORT_H
#define BERTQ_EXPORT_H

#define BERTQ_API __attribute__((visibility("default")))

#endif
