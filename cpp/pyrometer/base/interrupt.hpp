// How a caller stops a long computation: a hook that says whether to stop, asked now and then.
#pragma once

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

/// Asks the hook, at most every 50 ms on each thread: cheap enough for any loop.
[[nodiscard]] bool interrupt_requested();

/// Throws Interrupted if the hook asks to stop. For serial loops, and for worker 0 of a parallel one.
void throw_if_interrupted();

}  // namespace pyrometer::base
