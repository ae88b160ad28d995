#include <ucontext.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t kStackBytes = 256 * 1024;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  dim3 index;
  bool done = false;
};

// The address sanitizer wants to know which stack it is on.
const void* scheduler_stack = nullptr;
size_t scheduler_bytes = 0;

void leaving_for([[maybe_unused]] const void* stack, [[maybe_unused]] size_t bytes,
                 [[maybe_unused]] void** fake) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

void arrived([[maybe_unused]] void* fake, [[maybe_unused]] bool in_fiber) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, in_fiber ? &scheduler_stack : nullptr,
                                  in_fiber ? &scheduler_bytes : nullptr);
#endif
}

std::vector<std::unique_ptr<Fiber>> fibers;
Fiber* current = nullptr;
ucontext_t scheduler;
const std::function<void()>* body = nullptr;
std::mutex one_launch;

void run_body() {
  arrived(nullptr, true);
  (*body)();
  current->done = true;
  leaving_for(scheduler_stack, scheduler_bytes, nullptr);
  swapcontext(&current->context, &scheduler);
}

// On its own, so that no variable of the caller lives across the switch in a register.
__attribute__((noinline)) void resume(Fiber& fiber) {
  void* fake = nullptr;
  leaving_for(fiber.stack.get(), kStackBytes, &fake);
  swapcontext(&scheduler, &fiber.context);
  arrived(fake, false);
}

__attribute__((noinline)) void prepare(Fiber& fiber, size_t i) {
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

void run_block(size_t threads) {
  for (size_t i = 0; i < threads; ++i) prepare(*fibers[i], i);
  // Every round takes all threads to their next barrier, or to the end.
  for (size_t ended = 0; ended < threads;) {
    ended = 0;
    for (size_t i = 0; i < threads; ++i) {
      Fiber& fiber = *fibers[i];
      if (!fiber.done) {
        current = &fiber;
        threadIdx = fiber.index;
        resume(fiber);
      }
      ended += fiber.done ? 1 : 0;
    }
    // On a GPU a barrier that some threads never reach is undefined behaviour.
    if (ended != 0 && ended != threads) throw std::runtime_error("barrier in divergent code");
  }
}

}  // namespace

void __syncthreads() {
  void* fake = nullptr;
  leaving_for(scheduler_stack, scheduler_bytes, &fake);
  swapcontext(&current->context, &scheduler);
  arrived(fake, true);
}

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
