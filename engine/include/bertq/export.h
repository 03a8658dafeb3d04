/* What a program that links bertq may see (C and C++). Everything else in the library is hidden. */
#ifndef BERTQ_EXPORT_H
#define BERTQ_EXPORT_H

#define BERTQ_API __attribute__((visibility("default")))
/* For what is declared inside a class that is seen, but is not for programs: its Impl. */
#define BERTQ_HIDDEN __attribute__((visibility("hidden")))

#endif
