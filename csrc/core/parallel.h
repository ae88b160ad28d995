// Rows in parallel on a pool of threads that lives as long as the process.
#pragma once

#include <cstdint>
#include <functional>

namespace fastcolor {

// Calls body(first, last) over disjoint ranges that cover [0, rows), each of at least `grain` rows
// (but for the last), from several threads, the caller's among them; returns when all are done.
// The ranges depend on the number of threads: a body must give the same result for any split.
// An exception in a body is thrown again here once the others have ended.
// A call made while the pool is at work (from a second thread, or from inside a body) runs in the
// caller's thread alone.
void parallel_rows(int64_t rows, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

// Threads that parallel_rows uses, the caller's included. The default is FASTCOLOR_THREADS, else
// the CPUs that this process may run on.
int thread_count();
void set_thread_count(int count);

}  // namespace fastcolor
