#include "app/command.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace postseal::app {

Result<Bytes> read_file(const std::string& path, std::size_t bytes_max) {
    struct Closer {
        void operator()(std::FILE* file) const {
            if (file != stdin) {
                std::fclose(file);
            }
        }
    };
    const std::unique_ptr<std::FILE, Closer> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
    if (!file) {
        return Error{Errc::unavailable, path, std::generic_category().message(errno)};
    }
    Bytes content;
    std::array<std::uint8_t, 64 * 1024> buffer{};
    while (true) {
        errno = 0;
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get());
        if (count == 0) {
            break;
        }
        content.insert(content.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
        if (content.size() > bytes_max) {
            return Error{Errc::limit_exceeded, path, fmt::format("larger than {} bytes", bytes_max)};
        }
    }
    if (std::ferror(file.get()) != 0) {
        return Error{Errc::unavailable, path, std::generic_category().message(errno)};
    }
    return content;
}

void complain(std::string_view message) {
    fmt::print(stderr, "postseal: {}\n", message);
}

}  // namespace postseal::app
