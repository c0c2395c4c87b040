// What every ObjectStore does, against an emulator. An instance for each service and emulator:
//
//   INSTANTIATE_TEST_SUITE_P(Azurite, ObjectStoreTest, testing::Values(Case{"FERRY_TEST_AZURITE", make_azure}));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/emulator.h"
#include "vfs/object/object_store.h"

namespace ferry::test {

struct Case {
  std::string variable;  // "": needs no emulator
  std::unique_ptr<vfs::object::ObjectStore> (*make)(const Emulator&);
  // What this emulator does not do, although the service does.
  bool conditions = true;          // on put() and complete()
  bool source_version = true;      // on copy()
  bool read_version = true;        // on get()
  bool remove_version = true;      // on remove_version()
  bool pages = true;               // of list(), with prefixes
  bool part_lists = true;          // parts()
  bool cancels = true;             // abort()
  bool backslashes = true;         // in keys; Azure itself has none
  bool control_characters = true;  // in keys
};

class ObjectStoreTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override;
  // A key that no other test of this run or of another uses.
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  std::unique_ptr<vfs::object::ObjectStore> store_;
  std::string prefix_;
};

}  // namespace ferry::test
