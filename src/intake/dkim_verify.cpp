#include "intake/dkim_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "base/text.h"

extern "C" {
#include <opendkim/dkim.h>
}

namespace postseal::intake {

namespace {

using LibraryPtr = std::unique_ptr<DKIM_LIB, decltype(&dkim_close)>;
using VerifierPtr = std::unique_ptr<DKIM, decltype(&dkim_free)>;

// The library takes its inputs by pointers to what is not const, and does not write to them.
u_char* bytes_of(std::string& text) {
    return reinterpret_cast<u_char*>(text.data());
}
std::string text_of(const unsigned char* text) {
    return text == nullptr ? "" : printable(reinterpret_cast<const char*>(text), 2000);
}

struct Tag {
    std::string name;
    std::string value;
};
// RFC 6376 §3.2; nothing where it is no tag list.
std::optional<std::vector<Tag>> tags_of(std::string_view text) {
    const auto trimmed = [](std::string_view part) {
        const auto begin = part.find_first_not_of(" \t\r\n");
        return begin == std::string_view::npos ? std::string_view()
                                               : part.substr(begin, part.find_last_not_of(" \t\r\n") - begin + 1);
    };
    std::vector<Tag> tags;
    for (const std::string_view field : split(text, ';')) {
        if (trimmed(field).empty()) {
            continue;
        }
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) {
            return std::nullopt;
        }
        tags.push_back({std::string(trimmed(field.substr(0, equals))), std::string(trimmed(field.substr(equals + 1)))});
    }
    return tags;
}

const std::string* value_of(const std::vector<Tag>& tags, std::string_view name) {
    const auto found = std::ranges::find(tags, name, &Tag::name);
    return found == tags.end() ? nullptr : &found->value;
}

// The words of "a : b".
bool lists(std::string_view text, std::string_view word) {
    const auto parts = split(text, ':');
    return std::ranges::any_of(parts, [&](std::string_view part) { return iequals(trim_wsp(part), word); });
}

// What the library's callback needs, and what it learns.
struct Keys {
    const DkimKeyLookup& look_up;
    const DkimRules& rules;
    std::map<dns::Name, DkimKeyAnswer> asked;
    std::map<dns::Name, std::string> why;  // of keys that do not count
};

std::optional<dns::Name> key_name(DKIM_SIGINFO* signature) {
    const unsigned char* selector = dkim_sig_getselector(signature);
    const unsigned char* domain = dkim_sig_getdomain(signature);
    if (selector == nullptr || domain == nullptr) {
        return std::nullopt;
    }
    const auto name = dns::Name::parse(fmt::format("{}._domainkey.{}", reinterpret_cast<const char*>(selector),
                                                   reinterpret_cast<const char*>(domain)));
    return name && !name->is_root() ? std::optional(*name) : std::nullopt;
}

// Called by the library, in C.
DKIM_STAT give_key(DKIM* dkim, DKIM_SIGINFO* signature, unsigned char* buffer, std::size_t size) {
    auto& keys = *static_cast<Keys*>(dkim_get_user_context(dkim));
    const auto name = key_name(signature);
    if (!name) {
        return DKIM_STAT_NOKEY;
    }
    auto [entry, fresh] = keys.asked.try_emplace(*name);
    if (fresh) {
        entry->second = keys.look_up(*name);
    }
    const DkimKeyAnswer& answer = entry->second;
    if (answer.status != DkimKeyAnswer::Status::found) {
        return DKIM_STAT_NOKEY;  // for "unknown" as well: at a KEYFAIL the library gives up on the other signatures
    }
    DkimKeyRecord record = key_record_for_reports(answer.texts, keys.rules.only_tlsrpt_keys);
    if (record.why.empty() && record.text.size() >= size) {
        record.why = "the key record is too long";
    }
    if (!record.why.empty()) {
        keys.why[*name] = record.why;
        return DKIM_STAT_NOKEY;
    }
    std::memcpy(buffer, record.text.c_str(), record.text.size() + 1);
    return DKIM_STAT_OK;
}

std::size_t signature_fields(std::string_view message) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < message.size();) {
        const std::size_t end = std::min(message.find('\n', at), message.size());
        const std::string_view line = message.substr(at, end - at);
        if (line.empty() || line == "\r") {
            break;
        }
        count += istarts_with(line, DKIM_SIGNHEADER ":") ? 1 : 0;
        at = end + 1;
    }
    return count;
}

std::string tag(DKIM_SIGINFO* signature, std::string name) {
    return text_of(dkim_sig_gettagvalue(signature, false, bytes_of(name)));
}
bool has_tag(DKIM_SIGINFO* signature, std::string name) {
    return dkim_sig_gettagvalue(signature, false, bytes_of(name)) != nullptr;
}

// Why a signature is not even looked at.
std::string objection(DKIM_SIGINFO* signature) {
    if (has_tag(signature, "l")) {
        return "it has an l= tag, which RFC 8460 §3 forbids";
    }
    if (tag(signature, "a") != "rsa-sha256" && tag(signature, "a") != "ed25519-sha256") {
        return fmt::format("its algorithm {} is not accepted", tag(signature, "a"));  // RFC 8301 §3.1 for SHA-1
    }
    if (!lists(tag(signature, "h"), "from")) {
        return "it does not cover From";  // RFC 6376 §5.4
    }
    return "";
}

DkimSignature judge(DKIM* dkim, DKIM_SIGINFO* signature, const Keys& keys) {
    DkimSignature out;
    out.selector = text_of(dkim_sig_getselector(signature));
    const unsigned char* domain = dkim_sig_getdomain(signature);
    const auto name = domain == nullptr ? Result<dns::Name>(invalid_input("d=", "missing"))
                                        : dns::Name::parse(reinterpret_cast<const char*>(domain));
    if (!name || name->is_root()) {
        out.why = "its d= is no domain";
        return out;
    }
    out.domain = *name;
    const std::string fields = tag(signature, "h");
    for (const std::string_view field : split(fields, ':')) {
        out.covers.push_back(to_lower(trim_wsp(field)));
    }
    out.why = objection(signature);
    if (!out.why.empty()) {
        return out;
    }
    // The library stops at the first that passes.
    if ((dkim_sig_getflags(signature) & DKIM_SIGFLAG_PROCESSED) == 0) {
        (void)dkim_sig_process(dkim, signature);
    }
    const unsigned flags = dkim_sig_getflags(signature);
    const auto key = key_name(signature);
    const auto asked = key ? keys.asked.find(*key) : keys.asked.end();
    if ((flags & DKIM_SIGFLAG_TESTKEY) != 0) {
        out.why = "its key is being tested (t=y)";  // RFC 6376 §3.6.1: as if it were not signed
    } else if ((flags & DKIM_SIGFLAG_PASSED) != 0 && dkim_sig_getbh(signature) == DKIM_SIGBH_MATCH) {
        out.state = DkimSignature::State::good;
    } else if (asked != keys.asked.end() && asked->second.status == DkimKeyAnswer::Status::unknown) {
        out.state = DkimSignature::State::unknown;
        out.why = fmt::format("its key could not be looked up: {}", asked->second.why);
    } else if (asked != keys.asked.end() && asked->second.status == DkimKeyAnswer::Status::none) {
        out.why = fmt::format("there is no key at {}", key->text());
    } else if (key && keys.why.contains(*key)) {
        out.why = keys.why.at(*key);
    } else if (dkim_sig_getbh(signature) == DKIM_SIGBH_MISMATCH) {
        out.why = "the body is not what was signed";
    } else {
        const char* why = dkim_sig_geterrorstr(dkim_sig_geterror(signature));
        out.why = why == nullptr ? "it does not verify" : why;
    }
    return out;
}

}  // namespace

DkimKeyRecord key_record_for_reports(const std::vector<std::string>& texts, bool only_tlsrpt_keys) {
    std::vector<std::vector<Tag>> records;
    for (const std::string& text : texts) {
        if (auto tags = tags_of(text); tags && value_of(*tags, "p") != nullptr) {
            records.push_back(std::move(*tags));
        }
    }
    if (records.size() != 1) {  // RFC 6376 §3.6.2.2: what several mean is undefined
        return {"", records.empty() ? "there is no key in its TXT record" : "there are several keys at its name"};
    }
    const std::vector<Tag>& tags = records.front();
    if (value_of(tags, "p")->empty()) {
        return {"", "its key has been revoked"};
    }
    const std::string* services = value_of(tags, "s");
    const bool for_reports = services != nullptr && lists(*services, "tlsrpt");
    // RFC 6376 §3.6.1: a record whose list lacks the service is ignored; without s= it is for all of them. RFC 8460 §3,
    // RPT-019: hardly any submitter sets s=tlsrpt, so that asking for it is the operator's choice.
    if (services != nullptr && !for_reports && !lists(*services, "*")) {
        return {"", fmt::format("its key is for s={} only, not for TLS reports", printable(*services, 60))};
    }
    if (only_tlsrpt_keys && !for_reports) {
        return {"", "its key is not marked s=tlsrpt"};
    }
    std::string text;
    for (const Tag& tag : tags) {
        if (tag.name != "s") {  // libopendkim knows "email" and "*" alone
            text += fmt::format("{}{}={}", text.empty() ? "" : "; ", tag.name, tag.value);
        }
    }
    return {text, ""};
}

std::vector<DkimSignature> verify_dkim(std::string message, TimePoint now, const DkimKeyLookup& look_up,
                                       const DkimRules& rules) {
    const auto problem = [](std::string why) {
        return std::vector<DkimSignature>{{DkimSignature::State::bad, {}, "", std::move(why), {}}};
    };
    const std::size_t count = signature_fields(message);
    if (count == 0) {
        return {};
    }
    if (count > rules.signatures_max) {
        return problem(
            fmt::format("{} signatures are more than the {} that are looked at", count, rules.signatures_max));
    }
    const LibraryPtr library(dkim_init(nullptr, nullptr), dkim_close);
    if (!library) {
        return problem("libopendkim does not start");
    }
    auto moment = static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 1));
    (void)dkim_options(library.get(), DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &moment, sizeof moment);
    (void)dkim_set_key_lookup(library.get(), give_key);
    Keys keys{look_up, rules, {}, {}};
    std::string id = "report";
    DKIM_STAT status = DKIM_STAT_OK;
    const VerifierPtr dkim(dkim_verify(library.get(), bytes_of(id), nullptr, &status), dkim_free);
    if (!dkim || dkim_set_user_context(dkim.get(), &keys) != DKIM_STAT_OK) {
        return problem("libopendkim does not start");
    }
    status = dkim_chunk(dkim.get(), bytes_of(message), message.size());
    if (status == DKIM_STAT_OK) {
        status = dkim_chunk(dkim.get(), nullptr, 0);
    }
    if (status == DKIM_STAT_OK) {
        (void)dkim_eom(dkim.get(), nullptr);  // what it says of the first is said of each below
    }
    DKIM_SIGINFO** list = nullptr;
    int listed = 0;
    if (dkim_getsiglist(dkim.get(), &list, &listed) != DKIM_STAT_OK || listed <= 0) {
        const char* why = dkim_getresultstr(status);
        return problem(fmt::format("the header cannot be read: {}", why == nullptr ? "unknown" : why));
    }
    std::vector<DkimSignature> out;
    out.reserve(static_cast<std::size_t>(listed));
    for (int i = 0; i < listed; ++i) {
        out.push_back(status == DKIM_STAT_OK ? judge(dkim.get(), list[i], keys)
                                             : DkimSignature{DkimSignature::State::bad,
                                                             {},
                                                             text_of(dkim_sig_getselector(list[i])),
                                                             "the message cannot be read",
                                                             {}});
    }
    return out;
}

}  // namespace postseal::intake
