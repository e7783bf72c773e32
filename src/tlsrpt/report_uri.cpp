#include "tlsrpt/report_uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dns/name.h"
#include "dns/record.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t address_max = 254;  // RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets

bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// RFC 3986 §2.2, §2.3: unreserved / sub-delims, which every part may hold beside pct-encoded.
bool is_common(char c) {
    return is_alnum(c) || is_one_of(c, "-._~!$&'()*+,;=");
}

Error syntax(std::string_view where, std::string_view what) {
    return invalid_input(std::string(where), std::string(what));
}

// Every character is common, in `more`, or a pct-encoded.
Result<void> check_part(std::string_view part, std::string_view name, std::string_view more) {
    for (std::size_t i = 0; i < part.size(); ++i) {
        const char c = part[i];
        if (c == '%') {
            if (part.size() - i < 3 || !is_hex(part[i + 1]) || !is_hex(part[i + 2])) {
                return syntax(name, "\"%\" must be followed by two hexadecimal digits");
            }
        } else if (!is_common(c) && !is_one_of(c, more)) {
            return syntax(name, fmt::format("\"{}\" must be percent-encoded", printable({&c, 1})));
        }
    }
    return {};
}

// RFC 3986 §3.2.2: IP-literal = "[" ( IPv6address / IPvFuture ) "]"
Result<void> check_ip_literal(std::string_view literal) {
    const std::string_view inside = literal.substr(1, literal.size() - 2);
    const auto dot = inside.find('.');
    if (istarts_with(inside, "v") && dot != std::string_view::npos) {
        const auto version = inside.substr(1, dot - 1);
        const auto rest = inside.substr(dot + 1);
        const bool good = !version.empty() && std::all_of(version.begin(), version.end(), is_hex) && !rest.empty() &&
                          std::all_of(rest.begin(), rest.end(), [](char c) { return is_common(c) || c == ':'; });
        return good ? Result<void>{} : syntax("host", "not an address between \"[\" and \"]\"");
    }
    const auto address = dns::IpAddress::parse(inside);
    if (!address || address->is_v4()) {
        return syntax("host", "not an IPv6 address between \"[\" and \"]\"");
    }
    return {};
}

// RFC 3986 §3.2: authority = [ userinfo "@" ] host [ ":" port ]
Result<void> split_authority(std::string_view authority, UriParts& parts) {
    if (const auto at = authority.find('@'); at != std::string_view::npos) {
        parts.userinfo = authority.substr(0, at);
        authority.remove_prefix(at + 1);
        if (auto checked = check_part(*parts.userinfo, "userinfo", ":"); !checked) {
            return checked;
        }
    }
    std::size_t host_end = authority.find(':');
    if (authority.starts_with('[')) {
        const auto bracket = authority.find(']');
        if (bracket == std::string_view::npos) {
            return syntax("host", "\"[\" without \"]\"");
        }
        host_end = bracket + 1;
        if (auto checked = check_ip_literal(authority.substr(0, host_end)); !checked) {
            return checked;
        }
        if (host_end < authority.size() && authority[host_end] != ':') {
            return syntax("host", "only \":\" and a port may follow \"]\"");
        }
    } else if (auto checked = check_part(authority.substr(0, host_end), "host", ""); !checked) {
        return checked;
    }
    parts.host = authority.substr(0, host_end);
    if (host_end < authority.size()) {
        parts.port = authority.substr(host_end + 1);
        if (!std::all_of(parts.port->begin(), parts.port->end(), is_digit)) {
            return syntax("port", "not a number");
        }
    }
    return {};
}

}  // namespace

Result<UriParts> split_uri(std::string_view uri) {
    UriParts parts;
    const auto colon = uri.find(':');
    parts.scheme = uri.substr(0, colon);
    if (colon == std::string_view::npos || parts.scheme.empty() || !is_alpha(parts.scheme.front()) ||
        !std::all_of(parts.scheme.begin(), parts.scheme.end(),
                     [](char c) { return is_alnum(c) || is_one_of(c, "+-."); })) {
        return syntax("scheme", "a URI begins with a scheme, here \"mailto:\" or \"https:\"");
    }
    std::string_view rest = uri.substr(colon + 1);
    if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
        parts.fragment = rest.substr(hash + 1);
        rest = rest.substr(0, hash);
        if (auto checked = check_part(*parts.fragment, "fragment", ":@/?"); !checked) {
            return checked.error();
        }
    }
    if (const auto question = rest.find('?'); question != std::string_view::npos) {
        parts.query = rest.substr(question + 1);
        rest = rest.substr(0, question);
        if (auto checked = check_part(*parts.query, "query", ":@/?"); !checked) {
            return checked.error();
        }
    }
    if (rest.starts_with("//")) {
        const auto slash = rest.find('/', 2);
        if (auto split = split_authority(rest.substr(2, slash == std::string_view::npos ? slash : slash - 2), parts);
            !split) {
            return split.error();
        }
        rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    }
    parts.path = rest;
    if (auto checked = check_part(parts.path, "path", ":@/"); !checked) {
        return checked.error();
    }
    return parts;
}

std::string percent_decoded(std::string_view text) {
    const auto digit = [](char c) { return is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2 && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

namespace {

// C0, DEL, and C1 in UTF-8: none may reach an envelope or a header.
bool has_control(std::string_view utf8) {
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto c = static_cast<unsigned char>(utf8[i]);
        if (c < 0x20 || c == 0x7f ||
            (c == 0xc2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xa0)) {
            return true;
        }
    }
    return false;
}

// The content of a Quoted-string (RFC 5321 §4.1.2) that spans the whole local part; nothing when it is none.
std::optional<std::string> unquoted(std::string_view local) {
    if (local.size() < 2 || local.front() != '"' || local.back() != '"') {
        return std::nullopt;
    }
    local = local.substr(1, local.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < local.size(); ++i) {
        if (local[i] == '"' || (local[i] == '\\' && i + 1 == local.size())) {
            return std::nullopt;
        }
        if (local[i] == '\\') {
            ++i;
        }
        out += local[i];
    }
    return out;
}

// RFC 5321 §4.1.2: Dot-string, with the UTF-8 of RFC 6531 §3.3.
bool is_dot_string(std::string_view local) {
    const auto atoms = split(local, '.');
    return std::all_of(atoms.begin(), atoms.end(), [](std::string_view atom) {
        return !atom.empty() && std::all_of(atom.begin(), atom.end(), [](char c) {
            return is_alnum(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~") || static_cast<unsigned char>(c) >= 0x80;
        });
    });
}

std::string local_part(std::string_view local) {
    std::string content = unquoted(local).value_or(std::string(local));
    if (is_dot_string(content)) {
        return content;
    }
    std::string out = "\"";
    for (const char c : content) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + '"';
}

}  // namespace

Result<ReportUri> mailto_target(std::string_view uri, const UriParts& parts) {
    const auto unfit = [](std::string_view what) { return syntax("mailto", what); };
    if (parts.host) {
        return unfit("the address follows \"mailto:\" without \"//\"");
    }
    const std::string address = percent_decoded(parts.path);
    if (address.empty()) {
        return unfit("no address");
    }
    if (!is_valid_utf8(address)) {
        return unfit("the address is not valid UTF-8 once decoded");
    }
    if (has_control(address)) {
        return unfit("a control character in the address");
    }
    const auto at = address.rfind('@');
    if (at == std::string::npos) {
        return unfit("no \"@\" in the address");
    }
    const std::string local = local_part(std::string_view(address).substr(0, at));
    if (local == "\"\"") {
        return unfit("nothing before \"@\" in the address");
    }
    const auto domain = dns::Name::parse(std::string_view(address).substr(at + 1));
    if (!domain || !domain->is_hostname()) {
        return unfit("no host name behind \"@\" in the address");
    }
    ReportUri target{ReportUri::Scheme::mailto, std::string(uri), to_valid_utf8(percent_decoded(uri)),
                     local + "@" + domain->text()};
    if (target.address.size() > address_max) {
        return unfit("the address is longer than 254 octets");
    }
    return target;
}

Result<ReportUri> https_target(std::string_view uri, const UriParts& parts) {
    const auto unfit = [](std::string_view what) { return syntax("https", what); };
    // RFC 9110 §4.2.2: a URI without a host is invalid.
    if (!parts.host || parts.host->empty()) {
        return unfit("no host; an https URI begins with \"https://\" and a host");
    }
    const std::string host = percent_decoded(*parts.host);
    if (host.starts_with("[v") || host.starts_with("[V")) {
        return unfit("an address of an unknown kind");
    }
    if (!host.starts_with('[') && !dns::IpAddress::parse(host)) {
        const auto name = dns::Name::parse(host);
        if (!name || name->is_root()) {
            return unfit("the host is neither a name nor an address");
        }
        const auto last = name->labels().back();
        if (std::all_of(last.begin(), last.end(), is_digit)) {
            return unfit("the host is neither a name nor an address");
        }
    }
    if (parts.port && !parts.port->empty()) {
        const auto port = parse_decimal(*parts.port);
        if (!port || *port == 0 || *port > 65'535) {
            return unfit("the port is not between 1 and 65535");
        }
    }
    return ReportUri{ReportUri::Scheme::https, std::string(uri), to_valid_utf8(percent_decoded(uri)), ""};
}

}  // namespace postseal::tlsrpt
