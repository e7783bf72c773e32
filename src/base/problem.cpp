#include "base/problem.h"

#include <algorithm>

namespace postseal {

bool has_error(const Problems& problems) {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& p) { return p.severity == Severity::error; });
}

}  // namespace postseal
