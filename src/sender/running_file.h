// A file that exists while something runs: whoever finds it at the start knows that the last run did not end, but was
// ended, and about when.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace postseal::sender {

class RunningFile {
public:
    RunningFile() = default;
    // "" = no file, and nothing is ever left behind. Error: the file cannot be made.
    static Result<RunningFile> create(const std::string& path);

    // When the last run that was not remove()d had touched its file.
    [[nodiscard]] const std::optional<TimePoint>& left_behind() const { return left_behind_; }
    void touch(TimePoint now) const;
    // The run ends as it should.
    void remove() const;

private:
    std::string path_;
    std::optional<TimePoint> left_behind_;
};

}  // namespace postseal::sender
