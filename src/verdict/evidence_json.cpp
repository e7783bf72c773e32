// One list of members per struct (`fields`) serves both directions, so that writing and reading cannot drift apart.
#include "verdict/evidence_json.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/text.h"

namespace postseal::verdict {

namespace {

namespace json = boost::json;

template <class E>
using Words = std::pair<E, std::string_view>;

constexpr std::array<Words<Key::Kind>, 6> key_kinds{{{Key::Kind::domain, "domain"},
                                                     {Key::Kind::host, "host"},
                                                     {Key::Kind::parent, "parent"},
                                                     {Key::Kind::address_literal, "address-literal"},
                                                     {Key::Kind::local, "local"},
                                                     {Key::Kind::invalid, "invalid"}}};
constexpr std::array<Words<Answer>, 6> answers{{{Answer::not_asked, "not-asked"},
                                                {Answer::records, "records"},
                                                {Answer::nodata, "nodata"},
                                                {Answer::nxdomain, "nxdomain"},
                                                {Answer::bogus, "bogus"},
                                                {Answer::failed, "failed"}}};
constexpr std::array<Words<CertificateError>, 7> certificate_errors{{{CertificateError::none, "none"},
                                                                     {CertificateError::expired, "expired"},
                                                                     {CertificateError::not_yet_valid, "not-yet-valid"},
                                                                     {CertificateError::host_mismatch, "host-mismatch"},
                                                                     {CertificateError::self_signed, "self-signed"},
                                                                     {CertificateError::not_trusted, "not-trusted"},
                                                                     {CertificateError::other, "other"}}};
constexpr std::array<Words<PolicyFetch::Outcome>, 14> fetch_outcomes{
    {{PolicyFetch::Outcome::not_attempted, "not-attempted"},
     {PolicyFetch::Outcome::response, "response"},
     {PolicyFetch::Outcome::dns_failed, "dns-failed"},
     {PolicyFetch::Outcome::no_address, "no-address"},
     {PolicyFetch::Outcome::refused_address, "refused-address"},
     {PolicyFetch::Outcome::connect_failed, "connect-failed"},
     {PolicyFetch::Outcome::timed_out, "timed-out"},
     {PolicyFetch::Outcome::tls_failed, "tls-failed"},
     {PolicyFetch::Outcome::certificate_error, "certificate-error"},
     {PolicyFetch::Outcome::protocol_error, "protocol-error"},
     {PolicyFetch::Outcome::too_large, "too-large"},
     {PolicyFetch::Outcome::local_error, "local-error"},
     {PolicyFetch::Outcome::held_back, "held-back"},
     {PolicyFetch::Outcome::running, "running"}}};
constexpr std::array<Words<Probe::Outcome>, 7> probe_outcomes{{{Probe::Outcome::not_attempted, "not-attempted"},
                                                               {Probe::Outcome::connect_failed, "connect-failed"},
                                                               {Probe::Outcome::refused_greeting, "refused-greeting"},
                                                               {Probe::Outcome::starttls_missing, "starttls-missing"},
                                                               {Probe::Outcome::starttls_refused, "starttls-refused"},
                                                               {Probe::Outcome::handshake_failed, "handshake-failed"},
                                                               {Probe::Outcome::tls, "tls"}}};
constexpr std::array<Words<mtasts::Mode>, 3> modes{
    {{mtasts::Mode::enforce, "enforce"}, {mtasts::Mode::testing, "testing"}, {mtasts::Mode::none, "none"}}};
const auto& words_of(Key::Kind) {
    return key_kinds;
}
const auto& words_of(Answer) {
    return answers;
}
const auto& words_of(CertificateError) {
    return certificate_errors;
}
const auto& words_of(PolicyFetch::Outcome) {
    return fetch_outcomes;
}
const auto& words_of(Probe::Outcome) {
    return probe_outcomes;
}
const auto& words_of(mtasts::Mode) {
    return modes;
}

// The members of each struct. A is Writer or Reader, A::Ref<T> is T const& or T&.

template <class A>
void fields(A& a, typename A::template Ref<Key> key) {
    a("kind", key.kind);
    a("name", key.name);
    a("port", key.port);
    a("why", key.why);
}
template <class A>
void fields(A& a, typename A::template Ref<dns::MxData> mx) {
    a("preference", mx.preference);
    a("exchange", mx.exchange);
}
template <class A>
void fields(A& a, typename A::template Ref<dns::TlsaData> tlsa) {
    a("usage", tlsa.usage);
    a("selector", tlsa.selector);
    a("matching_type", tlsa.matching_type);
    a("association", tlsa.association);
}
template <class A, class T>
void lookup_fields(A& a, T& lookup) {
    a("answer", lookup.answer);
    a("secure", lookup.secure);
    a("records", lookup.records);
    a("ttl_s", lookup.ttl_s);
    a("aliases", lookup.aliases);
    a("error", lookup.error);
}
template <class A>
void fields(A& a, typename A::template Ref<Lookup<std::string>> lookup) {
    lookup_fields(a, lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<Lookup<dns::Name>> lookup) {
    lookup_fields(a, lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<Lookup<dns::IpAddress>> lookup) {
    lookup_fields(a, lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<Lookup<dns::MxData>> lookup) {
    lookup_fields(a, lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<Lookup<dns::TlsaData>> lookup) {
    lookup_fields(a, lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<PolicyFetch> fetch) {
    a("outcome", fetch.outcome);
    a("at", fetch.at);
    a("elapsed_ms", fetch.elapsed_ms);
    a("addresses", fetch.addresses);
    a("status", fetch.status);
    a("content_type", fetch.content_type);
    a("location", fetch.location);
    a("body", fetch.body);
    a("certificate", fetch.certificate);
    a("certificate_not_after", fetch.certificate_not_after);
    a("tls_version", fetch.tls_version);
    a("error", fetch.error);
}
template <class A>
void fields(A& a, typename A::template Ref<Probe> probe) {
    a("outcome", probe.outcome);
    a("at", probe.at);
    a("address", probe.address);
    a("port", probe.port);
    a("sni", probe.sni);
    a("tls_version", probe.tls_version);
    a("cipher", probe.cipher);
    a("chain", probe.chain);
    a("certificate", probe.certificate);
    a("name_matches", probe.name_matches);
    a("not_after", probe.not_after);
    a("error", probe.error);
}
template <class A>
void fields(A& a, typename A::template Ref<TlsaEvidence> tlsa) {
    a("base_domain", tlsa.base_domain);
    a("lookup", tlsa.lookup);
}
template <class A>
void fields(A& a, typename A::template Ref<HostEvidence> host) {
    a("name", host.name);
    a("preference", host.preference);
    a("a", host.a);
    a("aaaa", host.aaaa);
    a("alias", host.alias);
    a("tlsa", host.tlsa);
    a("probes", host.probes);
}
template <class A>
void fields(A& a, typename A::template Ref<mtasts::Policy> policy) {
    a("mode", policy.mode);
    a("max_age", policy.max_age_s);
    a("mx", policy.mx);
    a("lines", policy.lines);
}
template <class A>
void fields(A& a, typename A::template Ref<mtasts::CachedPolicy> cached) {
    a("policy", cached.policy);
    a("id", cached.id);
    a("fetched", cached.fetched);
    a("last_used", cached.last_used);
    a("id_checked", cached.id_checked);
    a("id_ttl_s", cached.id_ttl_s);
}
template <class A>
void fields(A& a, typename A::template Ref<mtasts::FailedFetch> failed) {
    a("id", failed.id);
    a("at", failed.at);
}
template <class A>
void fields(A& a, typename A::template Ref<mtasts::FetchFailures> failures) {
    a("failed_id", failures.failed_id);
    a("failed_at", failures.failed_at);
    a("recent", failures.recent);
}
template <class A>
void fields(A& a, typename A::template Ref<Evidence> evidence) {
    a("key", evidence.key);
    a("gathered", evidence.gathered);
    a("smtp_port", evidence.smtp_port);
    a("sts_txt", evidence.sts_txt);
    a("fetch", evidence.fetch);
    a("cached", evidence.cached);
    a("fetch_failures", evidence.fetch_failures);
    a("mx", evidence.mx);
    a("hosts", evidence.hosts);
    a("tlsrpt_txt", evidence.tlsrpt_txt);
}

// Text from the network may be anything; JSON holds only UTF-8.
json::value text_value(std::string_view text) {
    if (is_valid_utf8(text)) {
        return json::value(text);
    }
    return json::object{{"base64", to_base64(as_bytes(text))}};
}

class Writer {
public:
    template <class T>
    using Ref = const T&;

    template <class T>
    void operator()(std::string_view name, const T& member) {
        object_[name] = value(member);
    }
    json::object take() && { return std::move(object_); }

private:
    static json::value value(bool flag) { return flag; }
    static json::value value(const std::string& text) { return text_value(text); }
    static json::value value(const Bytes& bytes) { return text_value(as_text(bytes)); }
    static json::value value(TimePoint time) { return json::value(to_rfc3339(time)); }
    static json::value value(const dns::Name& name) { return json::value(name.text()); }
    static json::value value(const dns::IpAddress& address) { return json::value(address.text()); }
    static json::value value(const mtasts::MxPattern& pattern) { return json::value(pattern.text()); }
    template <class T>
    static json::value value(const std::optional<T>& member) {
        return member ? value(*member) : json::value(nullptr);
    }
    template <class T>
    static json::value value(const std::vector<T>& members) {
        json::array array;
        for (const T& member : members) {
            array.push_back(value(member));
        }
        return array;
    }
    template <class T>
    static json::value value(const T& member) {
        if constexpr (std::is_enum_v<T>) {
            for (const auto& [word_value, word] : words_of(member)) {
                if (word_value == member) {
                    return json::value(word);
                }
            }
            return nullptr;
        } else if constexpr (std::is_integral_v<T>) {
            return static_cast<std::int64_t>(member);
        } else {
            Writer inner;
            fields(inner, member);
            return std::move(inner).take();
        }
    }

    json::object object_;
};

// Reads what is there, keeps the default of what is not, and remembers the first thing that has the wrong shape.
class Reader {
public:
    template <class T>
    using Ref = T&;

    Reader(const json::object& object, std::string path, std::optional<Error>& error)
        : object_(object), path_(std::move(path)), error_(error) {}

    template <class T>
    void operator()(std::string_view name, T& member) {
        const json::value* found = object_.if_contains(name);
        if (found != nullptr && !error_) {
            read(*found, path_ + "." + std::string(name), member);
        }
    }

private:
    void wrong(const std::string& path, std::string what) {
        if (!error_) {
            error_ = invalid_input(path, std::move(what));
        }
    }
    template <class Bytelike>
    void read_text(const json::value& value, const std::string& path, Bytelike& out) {
        if (const json::string* text = value.if_string()) {
            out.assign(text->begin(), text->end());
            return;
        }
        const json::object* object = value.if_object();
        const json::value* encoded = object != nullptr ? object->if_contains("base64") : nullptr;
        if (encoded != nullptr && encoded->is_string()) {
            if (const auto bytes = from_base64(std::string_view(encoded->get_string()))) {
                out.assign(bytes->begin(), bytes->end());
                return;
            }
        }
        wrong(path, "neither text nor {\"base64\": …}");
    }
    template <class T>
    void read_parsed(const json::value& value, const std::string& path, T& out,
                     const std::function<Result<T>(std::string_view)>& parse) {
        const json::string* text = value.if_string();
        if (text == nullptr) {
            wrong(path, "not a string");
            return;
        }
        if (auto parsed = parse(std::string_view(*text))) {
            out = std::move(*parsed);
        } else {
            wrong(path, parsed.error().message());
        }
    }

    void read(const json::value& value, const std::string& path, bool& out) {
        if (const bool* flag = value.if_bool()) {
            out = *flag;
        } else {
            wrong(path, "neither true nor false");
        }
    }
    void read(const json::value& value, const std::string& path, std::string& out) { read_text(value, path, out); }
    void read(const json::value& value, const std::string& path, Bytes& out) { read_text(value, path, out); }
    void read(const json::value& value, const std::string& path, TimePoint& out) {
        read_parsed<TimePoint>(value, path, out, [](std::string_view text) { return parse_rfc3339(text); });
    }
    void read(const json::value& value, const std::string& path, dns::Name& out) {
        read_parsed<dns::Name>(value, path, out, [](std::string_view text) {
            return text.empty() ? Result<dns::Name>(dns::Name()) : dns::Name::parse(text);
        });
    }
    void read(const json::value& value, const std::string& path, dns::IpAddress& out) {
        read_parsed<dns::IpAddress>(value, path, out, dns::IpAddress::parse);
    }
    template <class T>
    void read(const json::value& value, const std::string& path, std::optional<T>& out) {
        if (value.is_null()) {
            out.reset();
            return;
        }
        T member{};
        read(value, path, member);
        out = std::move(member);
    }
    template <class T>
    void read(const json::value& value, const std::string& path, std::vector<T>& out) {
        const json::array* array = value.if_array();
        if (array == nullptr) {
            wrong(path, "not an array");
            return;
        }
        out.clear();
        for (const json::value& element : *array) {
            const std::string at = fmt::format("{}[{}]", path, out.size());
            if constexpr (std::is_same_v<T, mtasts::MxPattern>) {  // it has no default value to read into
                std::string text;
                read(element, at, text);
                if (auto pattern = mtasts::MxPattern::parse(text)) {
                    out.push_back(std::move(*pattern));
                } else {
                    wrong(at, pattern.error().message());
                }
            } else {
                T member{};
                read(element, at, member);
                out.push_back(std::move(member));
            }
            if (error_) {
                return;
            }
        }
    }
    template <class T>
    void read(const json::value& value, const std::string& path, T& out) {
        if constexpr (std::is_enum_v<T>) {
            const json::string* text = value.if_string();
            for (const auto& [word_value, word] : words_of(out)) {
                if (text != nullptr && std::string_view(*text) == word) {
                    out = word_value;
                    return;
                }
            }
            wrong(path, "not one of the words that belong here");
        } else if constexpr (std::is_integral_v<T>) {
            const std::int64_t* number = value.if_int64();
            if (number == nullptr || *number < std::int64_t{std::numeric_limits<T>::min()} ||
                *number > std::int64_t{std::numeric_limits<T>::max()}) {
                wrong(path, "not an integer in range");
                return;
            }
            out = static_cast<T>(*number);
        } else {
            const json::object* object = value.if_object();
            if (object == nullptr) {
                wrong(path, "not an object");
                return;
            }
            Reader inner(*object, path, error_);
            fields(inner, out);
        }
    }

    const json::object& object_;
    std::string path_;
    std::optional<Error>& error_;
};

}  // namespace

json::object evidence_to_json(const Evidence& evidence) {
    Writer writer;
    fields(writer, evidence);
    return std::move(writer).take();
}

Result<Evidence> evidence_from_json(std::string_view text) {
    boost::system::error_code code;
    const json::value value = json::parse(text, code);
    if (code) {
        return invalid_input("evidence", "not JSON: " + code.message());
    }
    if (!value.is_object()) {
        return invalid_input("evidence", "not an object");
    }
    Evidence evidence;
    std::optional<Error> error;
    Reader reader(value.get_object(), "evidence", error);
    fields(reader, evidence);
    if (error) {
        return *error;
    }
    return evidence;
}

}  // namespace postseal::verdict
