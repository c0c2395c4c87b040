// The table of SFTP's operations: one row each.
#pragma once

#include <string_view>

#include "protocols/sftp/connection.h"

namespace ferry::sftp {

// A complete reply; an empty one: the operation has posted its replies itself. An Error becomes a STATUS.
using Answer = Result<Bytes>;
using Operation = Task<Answer> (*)(Connection& connection, Request request);
// Answers without waiting for anything, or changes nothing and says false: then the Operation does it.
using AtOnce = bool (*)(Connection& connection, Request request);

struct OperationRow {
  Packet type;
  std::string_view name;
  bool writes;  // changes something; OPEN and EXTENDED look closer themselves
  Operation run;
  AtOnce at_once = nullptr;
};

// Null: no such operation.
const OperationRow* find_operation(Packet type);

}  // namespace ferry::sftp
