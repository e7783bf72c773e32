// The value of a CAA issue property, as anybody may publish it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "base/text.h"
#include "hosting/caa.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const std::string text(as_text({data, size}));
    const auto check = [](bool holds) {
        if (!holds) {
            std::abort();
        }
    };
    const auto value = hosting::parse_caa_issue_value(text);
    if (value) {
        // Written again it means the same.
        std::string again = value->issuer;
        for (const auto& [tag, content] : value->parameters) {
            again.append(";").append(tag).append("=").append(content);
        }
        check(hosting::parse_caa_issue_value(again) == value);
    }
    const hosting::CaaRequest request{"ca.test", "https://ca.test/1", "http-01"};
    const auto judgement = hosting::judge_caa({{0, "issue", text}}, request);
    check(judgement.allowed == judgement.reason.empty());
    check(value || !judgement.allowed);
    check(is_valid_utf8(judgement.reason));
    // What allows us stays allowed beside what forbids.
    check(hosting::judge_caa({{0, "issue", text}, {0, "issue", "ca.test"}}, request).allowed);
    return 0;
}
