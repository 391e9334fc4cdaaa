#include "pyrometer/base/chunks.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pyrometer/base/interrupt.hpp"

using namespace pyrometer;

TEST_CASE("every chunk is visited once, by a worker that exists") {
  for (const int threads : {0, 1, 2, 3, 7})
    for (const Index chunks : {0, 1, 2, 100}) {
      std::vector<int> visits(at(chunks));
      std::atomic<bool> good{true};
      const int workers = base::worker_count(chunks, threads);
      base::for_each_chunk(chunks, threads, [&](Index chunk, int worker) {
        ++visits[at(chunk)];
        if (worker < 0 || worker >= workers) good = false;
      });
      CHECK(good);
      for (const int count : visits) CHECK(count == 1);
    }
}

TEST_CASE("the exception of the lowest failing chunk is thrown, for any number of threads") {
  for (const int threads : {1, 2, 3, 7})
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::string message;
      try {
        base::for_each_chunk(40, threads, [&](Index chunk, int) {
          // The later chunk fails first.
          if (chunk == 5) std::this_thread::sleep_for(std::chrono::microseconds(200));
          if (chunk == 5 || chunk == 6) throw std::domain_error(std::to_string(chunk));
        });
      } catch (const std::domain_error& error) {
        message = error.what();
      }
      CHECK(message == "5");
    }
}

TEST_CASE("nested loops and their exceptions work") {
  std::atomic<int> sum{0};
  base::for_each_chunk(
      4, 2, [&](Index, int) { base::for_each_chunk(5, 2, [&](Index chunk, int) { sum += static_cast<int>(chunk); }); });
  CHECK(sum == 40);
  CHECK_THROWS_AS(
      base::for_each_chunk(
          4, 2, [](Index, int) { base::for_each_chunk(4, 2, [](Index, int) { throw std::length_error("in"); }); }),
      std::length_error);
}

TEST_CASE("concurrent loops of several callers are independent") {
  std::vector<std::thread> callers;
  std::atomic<int> visits{0};
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] { base::for_each_chunk(100, 3, [&](Index, int) { ++visits; }); });
  for (std::thread& caller : callers) caller.join();
  CHECK(visits == 400);
}

TEST_CASE("the interrupt hook stops a loop and has precedence over other exceptions") {
  for (const int threads : {1, 2}) {
    static std::thread::id caller;
    static std::atomic<bool> from_caller{true};
    static std::atomic<int> polls;
    caller = std::this_thread::get_id();
    polls = 0;
    base::set_interrupt_hook([] {
      if (std::this_thread::get_id() != caller) from_caller = false;
      return ++polls > 1;  // not before the loop, where it is called, too
    });
    // The hook is called every 50 ms: all chunks together must last longer, also if another thread takes them.
    Index visited = 0;
    const auto run = [&] {
      base::for_each_chunk(100'000, threads, [&](Index, int worker) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (worker == 0) ++visited;
      });
    };
    CHECK_THROWS_AS(run(), base::Interrupted);
    CHECK(visited < 500);
    CHECK(from_caller);
    base::set_interrupt_hook(nullptr);
  }
}

TEST_CASE("requests for very many threads are limited, negative ones throw") {
  CHECK(base::worker_count(1 << 20, 1 << 20) < (1 << 20));
  CHECK(base::worker_count(0, 4) == 1);
  CHECK(base::worker_count(3, 4) == 3);
  CHECK_THROWS_AS(static_cast<void>(base::worker_count(3, -1)), std::invalid_argument);
}

TEST_CASE("a loop does not start if the hook returns true") {
  base::set_interrupt_hook([] { return true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(60));  // the hook is not called more often
  std::atomic<int> visits{0};
  CHECK_THROWS_AS(base::for_each_chunk(100, 2, [&](Index, int) { ++visits; }), base::Interrupted);
  CHECK(visits == 0);
  base::set_interrupt_hook(nullptr);
}

TEST_CASE("workers in a long chunk are interrupted") {
  static std::atomic<int> polls;
  polls = 0;
  base::set_interrupt_hook([] { return ++polls > 1; });
  const auto start = std::chrono::steady_clock::now();
  std::atomic<bool> heard{true};
  const auto wait = [&](Index, int) {
    while (std::chrono::steady_clock::now() - start < std::chrono::seconds(60)) base::throw_if_interrupted();
    heard = false;
  };
  CHECK_THROWS_AS(base::for_each_chunk(3, 3, wait), base::Interrupted);
  CHECK(heard);
  base::set_interrupt_hook(nullptr);
}
