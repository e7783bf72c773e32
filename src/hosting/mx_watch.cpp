#include "hosting/mx_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"

namespace postseal::hosting {

namespace {

namespace json = boost::json;

json::value or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

std::string text_of(const json::object& object, std::string_view member) {
    const json::value* value = object.if_contains(member);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<TimePoint> time_of(const json::object& object, std::string_view member) {
    const json::value* value = object.if_contains(member);
    return value != nullptr && value->is_int64() ? std::optional(TimePoint(Seconds(value->get_int64()))) : std::nullopt;
}

json::value time_value(const std::optional<TimePoint>& time) {
    return time ? json::value(static_cast<std::int64_t>(time->time_since_epoch().count())) : json::value(nullptr);
}

std::vector<json::object> objects_of(const json::object& object, std::string_view member) {
    std::vector<json::object> out;
    if (const json::value* list = object.if_contains(member); list != nullptr && list->is_array()) {
        for (const json::value& one : list->get_array()) {
            if (one.is_object()) {
                out.push_back(one.get_object());
            }
        }
    }
    return out;
}

std::optional<MxHost> host_from_json(const json::object& object) {
    const auto name = dns::Name::parse_ascii(text_of(object, "host"));
    if (!name) {
        return std::nullopt;
    }
    MxHost host;
    host.host = *name;
    if (const json::value* preference = object.if_contains("preference");
        preference != nullptr && preference->is_int64()) {
        host.preference = static_cast<std::uint16_t>(preference->get_int64());
    }
    if (const json::value* offered = object.if_contains("starttls"); offered != nullptr && offered->is_bool()) {
        host.starttls = offered->get_bool();
    }
    host.tls_version = text_of(object, "tls_version");
    host.problem_code = text_of(object, "problem_code");
    host.problem = text_of(object, "problem");
    host.probed = time_of(object, "probed");
    if (const auto not_after = time_of(object, "not_after")) {
        host.certificate =
            MxHost::Certificate{*not_after, {}, text_of(object, "issuer"), time_of(object, "not_before")};
        if (const json::value* names = object.if_contains("names"); names != nullptr && names->is_array()) {
            for (const json::value& one : names->get_array()) {
                if (one.is_string()) {
                    host.certificate->names.emplace_back(one.get_string());
                }
            }
        }
    }
    host.since = time_of(object, "since");
    if (const std::string dane = text_of(object, "dane"); !dane.empty()) {
        host.dane = dane;
    }
    for (const json::object& one : objects_of(object, "addresses")) {
        if (const auto address = dns::IpAddress::parse(text_of(one, "address"))) {
            host.addresses.push_back({*address, text_of(one, "tls_version"), time_of(one, "not_after"),
                                      text_of(one, "problem_code"), text_of(one, "problem")});
        }
    }
    return host;
}

struct Words {
    std::string_view code;
    std::string text;
};

Words words_for_certificate(net::CertificateError error, const MxHost& host) {
    switch (error) {
        case net::CertificateError::expired:
            return {"certificate-expired", fmt::format("{}: the certificate has expired", host.host.text())};
        case net::CertificateError::host_mismatch:
            return {"certificate-name",
                    fmt::format("{}: the certificate is not for this name, but for {}", host.host.text(),
                                host.certificate ? join(host.certificate->names, ", ") : "another")};
        case net::CertificateError::not_yet_valid:
        case net::CertificateError::untrusted:
        case net::CertificateError::other:
        case net::CertificateError::none:
            break;
    }
    return {"certificate-untrusted",
            fmt::format("{}: the certificate leads to no trusted root ({})", host.host.text(), to_string(error))};
}

Words words_for(const net::SmtpProbeResult& probe, const MxHost& host) {
    using net::SmtpFailure;
    switch (probe.failure) {
        case SmtpFailure::none:
            return {"", ""};
        case SmtpFailure::starttls_not_offered:
            return {"starttls-missing", fmt::format("{} does not offer STARTTLS", host.host.text())};
        case SmtpFailure::starttls_refused:
        case SmtpFailure::handshake:
            return {"tls-failed", fmt::format("{}: TLS fails: {}", host.host.text(), probe.error)};
        case SmtpFailure::certificate:
            return words_for_certificate(probe.tls ? probe.tls->certificate_error : net::CertificateError::other, host);
        case SmtpFailure::timeout:
            return {"timeout", fmt::format("{} does not answer in time: {}", host.host.text(), probe.error)};
        default:
            return {"unreachable", fmt::format("{} cannot be reached: {}", host.host.text(), probe.error)};
    }
}

// What is wrong with TLS there, rather than with the way.
bool about_tls(const std::string& problem_code) {
    return !problem_code.empty() && problem_code != "unreachable" && problem_code != "timeout";
}

}  // namespace

std::vector<dns::Name> MxWatch::names() const {
    std::vector<dns::Name> all;
    for (const MxHost& host : hosts) {
        all.push_back(host.host);
    }
    return all;
}

std::string mx_watch_to_json(const MxWatch& watch) {
    json::array hosts;
    for (const MxHost& host : watch.hosts) {
        json::object object;
        object["host"] = host.host.text();
        object["preference"] = static_cast<std::int64_t>(host.preference);
        object["starttls"] = host.starttls ? json::value(*host.starttls) : json::value(nullptr);
        object["tls_version"] = or_null(host.tls_version);
        object["problem_code"] = or_null(host.problem_code);
        object["problem"] = or_null(host.problem);
        object["probed"] = time_value(host.probed);
        object["since"] = time_value(host.since);
        object["dane"] = host.dane;
        json::array addresses;
        for (const MxHost::Address& one : host.addresses) {
            addresses.push_back(json::object{{"address", one.address.text()},
                                             {"tls_version", or_null(one.tls_version)},
                                             {"not_after", time_value(one.not_after)},
                                             {"problem_code", or_null(one.problem_code)},
                                             {"problem", or_null(one.problem)}});
        }
        object["addresses"] = std::move(addresses);
        if (host.certificate) {
            object["not_after"] = time_value(host.certificate->not_after);
            object["not_before"] = time_value(host.certificate->not_before);
            object["issuer"] = or_null(host.certificate->issuer);
            json::array names;
            for (const std::string& name : host.certificate->names) {
                names.emplace_back(name);
            }
            object["names"] = std::move(names);
        }
        hosts.push_back(std::move(object));
    }
    json::array unneeded;
    for (const MxWatch::Unneeded& one : watch.unneeded) {
        unneeded.push_back(json::object{{"pattern", one.pattern}, {"since", time_value(one.since)}});
    }
    return json::serialize(json::object{{"dnssec", watch.dnssec},
                                        {"looked", time_value(watch.looked)},
                                        {"problem", or_null(watch.problem)},
                                        {"unneeded", std::move(unneeded)},
                                        {"hosts", std::move(hosts)}});
}

MxWatch mx_watch_from_json(std::string_view text) {
    MxWatch watch;
    boost::system::error_code bad;
    const json::value value = text.empty() ? json::value(nullptr) : json::parse(text, bad);
    if (bad || !value.is_object()) {
        return watch;
    }
    const json::object& object = value.get_object();
    if (const std::string dnssec = text_of(object, "dnssec"); !dnssec.empty()) {
        watch.dnssec = dnssec;
    }
    watch.looked = time_of(object, "looked");
    watch.problem = text_of(object, "problem");
    for (const json::object& one : objects_of(object, "unneeded")) {
        if (const auto since = time_of(one, "since")) {
            watch.unneeded.push_back({text_of(one, "pattern"), *since});
        }
    }
    for (const json::object& one : objects_of(object, "hosts")) {
        if (auto host = host_from_json(one)) {
            watch.hosts.push_back(std::move(*host));
        }
    }
    return watch;
}

void judge_probe(MxHost& host, const net::SmtpProbeResult& probe, TimePoint now) {
    host.probed = now;
    host.starttls = std::nullopt;
    host.tls_version.clear();
    host.certificate.reset();
    const bool reached = probe.failure == net::SmtpFailure::none || probe.failure == net::SmtpFailure::certificate ||
                         probe.failure == net::SmtpFailure::handshake ||
                         probe.failure == net::SmtpFailure::starttls_refused ||
                         probe.failure == net::SmtpFailure::starttls_not_offered;
    if (reached) {
        host.starttls = probe.offered;
    }
    if (probe.tls) {
        host.tls_version = probe.tls->version;
        if (probe.tls->certificate) {
            host.certificate = MxHost::Certificate{probe.tls->certificate->not_after, probe.tls->certificate->names,
                                                   probe.tls->certificate->issuer, probe.tls->certificate->not_before};
        }
    }
    Words words = words_for(probe, host);
    if (words.code.empty() && host.certificate &&
        host.certificate->not_after < now + std::chrono::days(certificate_days_min)) {
        words = {"certificate-expiring",
                 fmt::format("{}: the certificate ends on {}, in less than {} days", host.host.text(),
                             to_rfc3339(host.certificate->not_after), certificate_days_min)};
    }
    host.problem_code = words.code;
    host.problem = printable(words.text, 500);
}

void judge_probes(MxHost& host, const std::vector<AddressProbe>& probes, TimePoint now) {
    struct Judged {
        MxHost host;
        TimePoint at;
    };
    std::vector<Judged> all;
    host.addresses.clear();
    for (const AddressProbe& probe : probes) {
        MxHost one;
        one.host = host.host;
        judge_probe(one, probe.result, now);
        host.addresses.push_back({probe.address, one.tls_version,
                                  one.certificate ? std::optional(one.certificate->not_after) : std::nullopt,
                                  one.problem_code, one.problem});
        all.push_back({std::move(one), probe.at});
    }
    if (all.empty()) {
        host.probed = now;
        host.starttls.reset();
        host.certificate.reset();
        host.tls_version.clear();
        host.problem_code = "no-address";
        host.problem = host.host.text() + " has no address";
        return;
    }
    auto decides =
        std::find_if(all.begin(), all.end(), [](const Judged& one) { return about_tls(one.host.problem_code); });
    if (decides == all.end()) {
        decides = std::find_if(all.begin(), all.end(), [](const Judged& one) { return one.host.problem_code.empty(); });
    }
    const Judged& speaks = decides != all.end() ? *decides : all.front();
    host.starttls = speaks.host.starttls;
    host.tls_version = speaks.host.tls_version;
    host.certificate = speaks.host.certificate;
    host.problem_code = speaks.host.problem_code;
    host.problem = speaks.host.problem;
    host.probed =
        std::min_element(all.begin(), all.end(), [](const Judged& a, const Judged& b) { return a.at < b.at; })->at;
}

}  // namespace postseal::hosting
