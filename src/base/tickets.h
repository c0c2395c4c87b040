// A number of tickets that is lent: bytes of memory, places for requests. Who finds none waits.
//
//   Result<Tickets::Ticket> ticket = co_await places->take(1, std::chrono::seconds(10), "maria");
//   if (!ticket) co_return fail(ticket.error());            // timeout
//   ...                                                     // given back when `ticket` is destroyed
//
// Owners (accounts) do not starve each other. One owner gets tickets while it holds, with them, no more than it leaves
// free: alone it gets half of all, a second one half of what is left; whoever works gives back and takes again, so that
// n owners who all want more have 1/(n+1) of all each. Who holds tickets and does nothing thus stops nobody else, as
// long as it has not many names. (Dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6/2.)
// Who wants little (it holds nothing yet, or 1/64 of all with what it wants) only needs that this much is free, and
// until it is nobody gets tickets who asked later: large wishes are not passed over for ever by small ones.
//
// Safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/task.h"

namespace ferry {

class Tickets : public std::enable_shared_from_this<Tickets> {
 public:
  // Some of them; destroying or resetting it gives them back, and whoever waits may get them.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { reset(); }
    void reset();
    std::uint64_t count() const { return count_; }

   private:
    friend class Tickets;
    Ticket(std::shared_ptr<Tickets> from, std::uint64_t count, std::string owner)
        : from_(std::move(from)), count_(count), owner_(std::move(owner)) {}
    std::shared_ptr<Tickets> from_;
    std::uint64_t count_ = 0;
    std::string owner_;
  };

  // `limit`: how many there are, more than 0. Make it by std::make_shared.
  explicit Tickets(std::uint64_t limit);

  // Waits until `count` may be lent to `owner` ("": to somebody who has all for himself); each owner in the order of
  // asking. Resumes on the caller's executor. timeout: not within `limit`. More than there are is all that there are
  // (Ticket::count() says how many), so that no wait is without end.
  Task<Result<Ticket>> take(std::uint64_t count, std::chrono::milliseconds limit, std::string owner = {});
  // For tickets that always come back, such as places for parts that are being sent.
  static constexpr std::chrono::hours without_end{24 * 365};
  // Without waiting; no value: take() would wait.
  std::optional<Ticket> try_take(std::uint64_t count, const std::string& owner = {});

  std::uint64_t limit() const;
  std::uint64_t taken() const;

 private:
  void give_back(std::uint64_t count, const std::string& owner);

  struct State;
  class Place;
  std::shared_ptr<State> state_;
};

}  // namespace ferry
