// How many bytes of memory the buffers of transfers to and from other machines may take in the whole process. Whoever
// wants a buffer takes a ticket of its size first. If there is none, it waits: the coroutine that would read more from
// its client reads nothing, so the client is slowed by TCP, and the process does not grow.
//
// The budget is divided by what buffers are for, so that no use waits for another (a copy from store to store holds
// what it has read ahead while its upload waits), and in each use accounts do not starve each other (tickets.h):
//
//   first   1/8   the first 256 KiB of a part of an upload. A client that sends one byte and sits still holds no more.
//   parts   1/2   whole parts, from the byte after these on. Who holds a part needs nothing else to send it, so parts
//                 always come back.
//   ahead   3/8   what downloads have read ahead. Nobody waits for it: without it what is asked for is read.
//
// Example: of 1 GiB one account alone gets 256 MiB for parts, which are 51 parts of 5 MiB; 100 downloads of another
// one, paused with a full window each, hold 192 MiB, and a third one's downloads still read ahead.
#pragma once

#include "base/tickets.h"

namespace ferry {

class ByteBudget {
 public:
  using Ticket = Tickets::Ticket;

  // `limit` in bytes, of all uses together.
  explicit ByteBudget(std::uint64_t limit);

  // The smaller of 1 GiB and a quarter of the machine's memory.
  static std::uint64_t default_limit();

  // Owners are names of accounts.
  Tickets& first() const { return *first_; }
  Tickets& parts() const { return *parts_; }
  Tickets& ahead() const { return *ahead_; }

  std::uint64_t taken() const { return first_->taken() + parts_->taken() + ahead_->taken(); }

 private:
  const std::shared_ptr<Tickets> first_, parts_, ahead_;
};

}  // namespace ferry
