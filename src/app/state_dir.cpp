#include "app/state_dir.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace postseal::app {

Result<void> make_state_dir(const std::string& state_dir) {
    std::error_code error;
    const mode_t before = ::umask(0077);  // keys and the database lie there
    std::filesystem::create_directories(state_dir, error);
    ::umask(before);
    if (error) {
        return Error{Errc::unavailable, "state_dir " + state_dir, error.message()};
    }
    return {};
}

}  // namespace postseal::app
