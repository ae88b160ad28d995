#include <ucontext.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "cuda_runtime.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t kStackBytes = 256 * 1024;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  dim3 index;
  bool done = false;
};

std::vector<std::unique_ptr<Fiber>> fibers;
Fiber* current = nullptr;
ucontext_t scheduler;
const std::function<void()>* body = nullptr;
std::mutex one_launch;

void run_body() {
  (*body)();
  current->done = true;
  swapcontext(&current->context, &scheduler);
}

void run_block(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    Fiber& fiber = *fibers[i];
    fiber.done = false;
    fiber.index = dim3(static_cast<unsigned>(i % blockDim.x),
                       static_cast<unsigned>(i / blockDim.x % blockDim.y),
                       static_cast<unsigned>(i / blockDim.x / blockDim.y));
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &scheduler;
    makecontext(&fiber.context, run_body, 0);
  }
  // Every round takes all threads to their next barrier, or to the end.
  for (size_t ended = 0; ended < threads;) {
    ended = 0;
    for (size_t i = 0; i < threads; ++i) {
      Fiber& fiber = *fibers[i];
      if (!fiber.done) {
        current = &fiber;
        threadIdx = fiber.index;
        swapcontext(&scheduler, &fiber.context);
      }
      ended += fiber.done ? 1 : 0;
    }
    // On a GPU a barrier that some threads never reach is undefined behaviour.
    if (ended != 0 && ended != threads) throw std::runtime_error("barrier in divergent code");
  }
}

}  // namespace

void __syncthreads() { swapcontext(&current->context, &scheduler); }

namespace cuda_emulator {

void launch(dim3 grid, dim3 block, const std::function<void()>& kernel) {
  const std::lock_guard lock(one_launch);
  const size_t threads = static_cast<size_t>(block.x) * block.y * block.z;
  if (threads == 0 || threads > 1024 || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
      grid.y > 65535 || grid.z > 65535) {
    throw std::runtime_error("invalid launch configuration");
  }
  while (fibers.size() < threads) fibers.push_back(std::make_unique<Fiber>());
  blockDim = block;
  gridDim = grid;
  body = &kernel;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = dim3(x, y, z);
        run_block(threads);
      }
    }
  }
}

}  // namespace cuda_emulator
