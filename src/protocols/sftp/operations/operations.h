// Every operation of the draft; requests.cpp gives each its row. See requests.h for what they answer.
#pragma once

#include "protocols/sftp/requests.h"

namespace ferry::sftp {

// files.cpp
Task<Answer> open_file(Connection& connection, Request request);
Task<Answer> close_handle(Connection& connection, Request request);

// read.cpp, write.cpp
bool read_at_once(Connection& connection, Request request);
Task<Answer> read_file(Connection& connection, Request request);
bool write_at_once(Connection& connection, Request request);
Task<Answer> write_file(Connection& connection, Request request);

// stat.cpp
Task<Answer> stat_path(Connection& connection, Request request);
Task<Answer> lstat_path(Connection& connection, Request request);
Task<Answer> stat_handle(Connection& connection, Request request);
Task<Answer> set_path_attributes(Connection& connection, Request request);
Task<Answer> set_handle_attributes(Connection& connection, Request request);

// directories.cpp
Task<Answer> open_directory(Connection& connection, Request request);
Task<Answer> read_directory(Connection& connection, Request request);
Task<Answer> make_directory(Connection& connection, Request request);
Task<Answer> remove_directory(Connection& connection, Request request);

// names.cpp
Task<Answer> remove_file(Connection& connection, Request request);
Task<Answer> rename_path(Connection& connection, Request request);
Task<Answer> real_path(Connection& connection, Request request);
Task<Answer> read_link(Connection& connection, Request request);
Task<Answer> make_link(Connection& connection, Request request);

// extended.cpp
Task<Answer> extended(Connection& connection, Request request);

}  // namespace ferry::sftp
