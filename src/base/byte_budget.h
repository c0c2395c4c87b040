// How many bytes of memory buffers may take in the whole process: part buffers of uploads to object stores, read-ahead
// of downloads, bodies of HTTP requests. Whoever wants a buffer takes a ticket for its size first. If the budget is
// used up, it waits: the coroutine that would read more from its client reads nothing, so the client is slowed by TCP,
// and the process does not grow.
//
//   Result<ByteBudget::Ticket> ticket = co_await budget->take(part_size, std::chrono::seconds(10));
//   if (!ticket) co_return fail(ticket.error());            // timeout
//   buffer.resize(part_size);                               // given back when `ticket` is destroyed
//
// Example: a budget of 1 GiB and parts of 5 MiB let 204 parts exist at once, whether one client uploads or 500 do.
// Safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/task.h"

namespace ferry {

class ByteBudget : public std::enable_shared_from_this<ByteBudget> {
 public:
  // Bytes taken from the budget; destroying or resetting it gives them back, and the longest waiting gets them.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { reset(); }
    void reset();
    std::uint64_t bytes() const { return bytes_; }

   private:
    friend class ByteBudget;
    Ticket(std::shared_ptr<ByteBudget> budget, std::uint64_t bytes) : budget_(std::move(budget)), bytes_(bytes) {}
    std::shared_ptr<ByteBudget> budget_;
    std::uint64_t bytes_ = 0;
  };

  // `limit` in bytes, more than 0. Make it by std::make_shared.
  explicit ByteBudget(std::uint64_t limit);

  // The smaller of 1 GiB and a quarter of the machine's memory.
  static std::uint64_t default_limit();

  // Waits in the order of asking until `bytes` are free; resumes on the caller's executor. timeout: not within `limit`.
  // More than the whole budget is granted as the whole budget (the Ticket says how many), so that no wait is without
  // end.
  Task<Result<Ticket>> take(std::uint64_t bytes, std::chrono::milliseconds limit);
  // For a budget whose tickets always come back, such as places for parts that are being sent.
  static constexpr std::chrono::hours without_end{24 * 365};
  // Without waiting; no value when they are not free, or somebody is waiting already.
  std::optional<Ticket> try_take(std::uint64_t bytes);

  std::uint64_t limit() const;
  std::uint64_t taken() const;

 private:
  void give_back(std::uint64_t bytes);

  struct State;
  class Place;
  std::shared_ptr<State> state_;
};

}  // namespace ferry
