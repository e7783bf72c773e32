// The policy file, as any web server may answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "base/text.h"
#include "mtasts/policy.h"

namespace {

using namespace postseal;

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_problems(const Problems& problems, int lines) {
    check(problems.size() <= 2 * (mtasts::policy_problems_max + 1));
    for (const Problem& problem : problems) {
        check(problem.line >= 1 && problem.line <= lines + 1);
        check(!problem.code.empty() && !problem.message.empty() && is_valid_utf8(problem.message));
    }
}

void check_policy(const mtasts::Policy& policy) {
    check(policy.max_age_s <= mtasts::max_age_max_s);
    check(policy.mode == mtasts::Mode::none || !policy.mx.empty());
    for (const auto& pattern : policy.mx) {
        for (const char c : pattern.text()) {  // design rule 13: nothing else may reach an answer to an MTA
            check(is_alnum(c) || c == '-' || c == '.' || c == '*');
        }
        check(mtasts::MxPattern::parse(pattern.text()).value() == pattern);
    }
    // The store keeps the lines and reads them again.
    check(mtasts::judge_policy(join(policy.lines, "\n")).policy == policy);

    const auto body = mtasts::format_policy({policy.mode, policy.max_age_s, policy.mx});
    if (body) {
        const auto again = mtasts::judge_policy(*body).policy;
        check(again && again->mode == policy.mode && again->max_age_s == policy.max_age_s && again->mx == policy.mx);
    } else {
        check(body.error().code == Errc::limit_exceeded);  // CRLF for LF
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = as_text({data, size});
    const int lines = static_cast<int>(split(body, '\n').size());
    const auto judgement = mtasts::judge_policy(body);
    check(judgement.policy.has_value() != has_error(judgement.problems));
    check_problems(judgement.problems, lines);
    if (judgement.policy) {
        check_policy(*judgement.policy);
        check_problems(mtasts::lint_policy(*judgement.policy, dns::Name::parse("example.com").value()), lines);
    }
    return 0;
}
