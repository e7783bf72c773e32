// Reports by mail: what a key's name shows in DNS (one record per line), the canonical forms that are signed, and the
// targets that an operator suppresses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "sender/dkim_ed25519.h"
#include "sender/dkim_key.h"
#include "sender/suppression.h"

namespace {

using namespace postseal;

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

const sender::DkimKey& key() {
    static const sender::DkimKey made =
        sender::generate_dkim_key({*dns::Name::parse_ascii("a.test"), "s"}, sender::DkimAlgorithm::ed25519).value();
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    std::vector<std::string> records;
    for (const auto line : split(text, '\n')) {
        records.emplace_back(line);
    }
    // Nobody can guess the key: whatever is there, there is something wrong with it.
    const auto problem = sender::problem_of_published(key(), records);
    check(problem && is_valid_utf8(*problem));
    // RFC 6376 §3.4: what is canonical stays as it is.
    const std::string body = sender::relaxed_body(text);
    check(body == sender::relaxed_body(body) && (body.empty() || body.ends_with("\r\n")));
    const std::string field = sender::relaxed_header_field(text);
    check(field == sender::relaxed_header_field(field) && field.find('\n') == std::string::npos);
    if (const auto target = sender::suppression_target(text)) {
        check(sender::suppression_target(*target).value() == *target);
    }
    return 0;
}
