#include "pyrometer/base/interrupt.hpp"

#include <atomic>
#include <chrono>

namespace pyrometer::base {
namespace {
std::atomic<InterruptHook> installed{nullptr};
constexpr auto kPause = std::chrono::milliseconds(50);
}  // namespace

void set_interrupt_hook(InterruptHook hook) noexcept { installed.store(hook); }

bool interrupt_requested() {
  const InterruptHook hook = installed.load(std::memory_order_relaxed);
  if (!hook) return false;
  thread_local std::chrono::steady_clock::time_point last{};
  const auto now = std::chrono::steady_clock::now();
  if (now - last < kPause) return false;
  last = now;
  return hook();
}

void throw_if_interrupted() {
  if (interrupt_requested()) throw Interrupted{};
}

}  // namespace pyrometer::base
