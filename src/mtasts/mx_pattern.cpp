// mx patterns (RFC 8461 §3.2) and their comparison with an MX host (§4.1).
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "mtasts/policy.h"

namespace postseal::mtasts {

namespace {

// RFC 5321 §4.1.2: sub-domain = Let-dig [Ldh-str]. dns::Name is laxer: names of other records hold underscores.
bool is_ldh_label(std::string_view label) {
    return label.front() != '-' && label.back() != '-' && label.find('_') == std::string_view::npos;
}

}  // namespace

Result<MxPattern> MxPattern::parse(std::string_view text) {
    const auto fault = [&](std::string_view why) {
        return invalid_input(fmt::format("mx \"{}\"", printable(text, 80)), std::string(why));
    };
    if (text.empty()) {
        return fault("no host name");
    }
    if (text.front() == '[') {
        return fault("an address literal; only host names are allowed");
    }
    const bool wildcard = text.starts_with("*.");
    const std::string_view host = wildcard ? text.substr(2) : text;
    if (host.find('*') != std::string_view::npos) {
        return fault("\"*\" may stand only as the whole leftmost label, before \".\" and a host name");
    }
    if (host.empty() || host == ".") {
        return fault("no host name");
    }
    const auto name = dns::Name::parse_ascii(host);
    if (!name) {
        return fault(name.error().what);
    }
    const auto labels = name->labels();
    if (!std::all_of(labels.begin(), labels.end(), is_ldh_label)) {
        return fault("not a host name: each label holds letters, digits and \"-\", and \"-\" neither first nor last");
    }
    return MxPattern((wildcard ? "*." : "") + name->text(), wildcard, *name);
}

bool mx_matches(const MxPattern& pattern, const dns::Name& mx_host) {
    if (!pattern.can_match()) {
        return false;
    }
    if (!pattern.wildcard()) {
        return mx_host == pattern.name();
    }
    // RFC 8461 §4.1: exactly one label in place of "*".
    const std::string_view host = mx_host.text();
    const auto dot = host.find('.');
    return dot != std::string_view::npos && host.substr(dot + 1) == pattern.name().text();
}

bool Policy::allows(const dns::Name& mx_host) const {
    return std::any_of(mx.begin(), mx.end(), [&](const MxPattern& pattern) { return mx_matches(pattern, mx_host); });
}

}  // namespace postseal::mtasts
