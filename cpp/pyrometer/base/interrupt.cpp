#include "pyrometer/base/interrupt.hpp"

#include <chrono>

namespace pyrometer::base {
namespace {

std::atomic<InterruptHook> installed{nullptr};
constexpr auto kPause = std::chrono::milliseconds(50);
thread_local const std::atomic<bool>* listened_to = nullptr;

bool interrupt_requested() {
  if (listened_to) return listened_to->load(std::memory_order_relaxed);
  const InterruptHook hook = installed.load(std::memory_order_relaxed);
  if (!hook) return false;
  thread_local std::chrono::steady_clock::time_point last{};
  const auto now = std::chrono::steady_clock::now();
  if (now - last < kPause) return false;
  last = now;
  return hook();
}

}  // namespace

void set_interrupt_hook(InterruptHook hook) noexcept { installed.store(hook); }

void throw_if_interrupted() {
  if (interrupt_requested()) throw Interrupted{};
}

Listening::Listening(const std::atomic<bool>& stopped) noexcept : before_(listened_to) { listened_to = &stopped; }
Listening::~Listening() { listened_to = before_; }

}  // namespace pyrometer::base
