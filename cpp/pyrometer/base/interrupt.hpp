// How a caller stops a long computation: a hook that says whether to stop, asked now and then.
#pragma once

#include <atomic>
#include <exception>

namespace pyrometer::base {

/// Thrown out of a computation whose caller asked it to stop.
struct Interrupted : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// Returns true when the computation should stop. Called from the thread that entered the core, never from a worker.
using InterruptHook = bool (*)();

/// Installs the hook, once, when the program starts; nullptr for none.
void set_interrupt_hook(InterruptHook hook) noexcept;

/// Throws Interrupted if the computation should stop. For any long loop, serial or in the body of a parallel one: the
/// thread that entered the core asks the hook, at most every 50 ms, and the workers of its parallel loop hear of the
/// answer here.
///
/// Cost: 30 ns (a clock is read), on workers 1 ns.
void throw_if_interrupted();

/// While it lives, its thread is a worker, which does not ask but looks at `stopped`. For the parallel loop only.
class Listening {
 public:
  explicit Listening(const std::atomic<bool>& stopped) noexcept;
  ~Listening();
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  const std::atomic<bool>* before_;
};

}  // namespace pyrometer::base
