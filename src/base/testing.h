// What tests of any module share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace postseal::testing {

// An empty folder that goes away with its content.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "postseal-test-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string operator/(std::string_view file) const { return path_ + "/" + std::string(file); }

private:
    std::string path_;
};

}  // namespace postseal::testing
