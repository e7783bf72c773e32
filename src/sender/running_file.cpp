#include "sender/running_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace postseal::sender {

Result<RunningFile> RunningFile::create(const std::string& path) {
    RunningFile file;
    file.path_ = path;
    if (path.empty()) {
        return file;
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        file.left_behind_ = TimePoint(Seconds(status.st_mtim.tv_sec));
    }
    constexpr mode_t owner_only = 0600;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, owner_only);
    if (fd < 0) {
        return Error{Errc::unavailable, path, std::generic_category().message(errno)};
    }
    ::close(fd);
    return file;
}

void RunningFile::touch(TimePoint now) const {
    if (!path_.empty()) {
        const timespec time{static_cast<time_t>(now.time_since_epoch().count()), 0};
        const std::array<timespec, 2> access_and_change{time, time};
        ::utimensat(AT_FDCWD, path_.c_str(), access_and_change.data(), 0);
    }
}

void RunningFile::remove() const {
    if (!path_.empty()) {
        ::unlink(path_.c_str());
    }
}

}  // namespace postseal::sender
