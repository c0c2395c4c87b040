// Gives every seed of a corpus to a fuzz target, as tests of GoogleTest: `make test` runs this in place of the fuzzer.
// Its argument is the folder of the seeds. A target that cannot take a seed ends the program, which ctest reports.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace {

class Seed : public testing::Test {
 public:
  explicit Seed(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    std::ifstream in(file_, std::ios::binary);
    const std::vector<char> read{std::istreambuf_iterator<char>(in), {}};
    ASSERT_FALSE(in.bad());
    // An allocation of exactly this size: the address sanitizer sees a read past its end.
    const std::vector<std::uint8_t> bytes(read.begin(), read.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }

 private:
  std::filesystem::path file_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  std::vector<std::filesystem::path> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(argc > 1 ? argv[1] : ".")) seeds.push_back(entry.path());
  std::ranges::sort(seeds);
  if (seeds.empty()) {
    fputs("no seeds\n", stderr);
    return 1;
  }
  for (const std::filesystem::path& seed : seeds) {
    testing::RegisterTest("Corpus", seed.filename().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [seed] { return new Seed(seed); });
  }
  return RUN_ALL_TESTS();
}
