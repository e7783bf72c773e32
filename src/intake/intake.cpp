#include "intake/intake.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "intake/addressee.h"
#include "intake/mail_trust.h"

namespace postseal::intake {

namespace {

constexpr std::string_view path_prefix = "/v1/tlsrpt/";
constexpr std::size_t label_bytes_max = 63;

enum class Container { json, gzip, any };

// RFC 8460 §6.4 and §6.5, and what senders write instead.
std::optional<Container> container_of(std::string_view content_type) {
    const std::string type = to_lower(trim_wsp(split(content_type, ';').front()));
    if (type == "application/tlsrpt+gzip" || type == "application/gzip" || type == "application/x-gzip") {
        return Container::gzip;
    }
    if (type == "application/tlsrpt+json" || type == "application/json") {
        return Container::json;
    }
    return type.empty() ? std::optional(Container::any) : std::nullopt;
}

bool is_gzip(std::string_view body) {
    return body.size() >= 2 && body[0] == '\x1f' && body[1] == '\x8b';
}

net::HttpResponse status(int code, std::string_view words) {
    return net::HttpResponse::text(code, std::string(words) + "\n");
}

bool is_about(const tlsrpt::PolicyResult& policy, const dns::Name& domain) {
    return is_of_host(policy) || !policy.policy_domain || *policy.policy_domain == domain.text();
}

}  // namespace

std::string submitter_of(const tlsrpt::Report& report) {
    const auto contact = domain_of_mailbox(report.contact_info.value_or(""));
    return contact ? contact->text() : to_lower(printable(report.organization_name.value_or(""), 200));
}

net::HttpResponse Intake::answer(const net::HttpRequest& request) {
    if (!request.path.starts_with(path_prefix) || !request.query.empty()) {
        return status(404, "not found");
    }
    const std::string label = to_lower(request.path.substr(path_prefix.size()));
    if (label.empty() || label.size() > label_bytes_max || !std::all_of(label.begin(), label.end(), is_alnum)) {
        return status(404, "unknown label");
    }
    const auto domain = store_->domains.find_by_label(label);
    if (!domain) {
        log_->error("intake", domain.error().message());
        return status(503, "the report could not be stored: try again later");
    }
    if (!*domain || (*domain)->state == store::DomainState::gone) {
        return status(404, "unknown label");
    }
    if (request.method != "POST") {
        net::HttpResponse refused = status(405, "POST a report here (RFC 8460)");
        refused.headers.emplace_back("Allow", "POST");
        return refused;
    }
    const auto container = container_of(request.header("Content-Type"));
    if (!container) {
        return status(415, "expected application/tlsrpt+json or application/tlsrpt+gzip");
    }
    if (request.body.size() > body_bytes_max) {
        return status(413, "the report is too large");
    }

    // The media type says what is allowed in, the bytes say what it is: senders label gzip as JSON and the reverse.
    Bytes json(request.body.begin(), request.body.end());
    if (is_gzip(request.body)) {
        auto inflated = tlsrpt::gunzip(json, limits_);
        if (!inflated) {
            return status(inflated.error().code == Errc::limit_exceeded ? 413 : 400, inflated.error().message());
        }
        json = std::move(*inflated);
    }
    tlsrpt::ReadReport read = tlsrpt::read_report_json(json, limits_);
    if (!read.report) {
        return status(read.report.error().code == Errc::limit_exceeded ? 413 : 400,
                      printable(read.report.error().message(), 300));
    }

    store::NewReport report;
    report.received = clock_->now();
    report.via = "https";
    report.source = request.peer ? request.peer->text() : "unix socket";
    report.trust = store::Trust::unverified;
    report.domain = (*domain)->name;
    report.raw.assign(request.body.begin(), request.body.end());
    report.submitter = submitter_of(*read.report);
    report.report = std::move(*read.report);
    report.deviations = std::move(read.deviations);
    // What is said of somebody else's domain is kept in the raw bytes and counts for nobody.
    const std::size_t removed = std::erase_if(
        report.report.policies, [&](const tlsrpt::PolicyResult& policy) { return !is_about(policy, report.domain); });
    if (removed > 0) {
        report.deviations.push_back(
            {"policy-domain-elsewhere", fmt::format("{} policies are about another domain than {} and are not counted",
                                                    removed, report.domain.text())});
    }
    const auto added = store_->reports.add(report);
    if (!added) {
        log_->error("intake", added.error().message());
        return status(503, "the report could not be stored: try again later");
    }
    if (*added == store::Reports::Added::duplicate) {
        return status(200, "this report is here already");
    }
    // A copy: an observer is never called with the lock held.
    if (const Observer observer = observer_.with([](const Observer& one) { return one; })) {
        observer(**domain);
    }
    return status(201, "stored");
}

void Intake::observe(Observer observer) {
    observer_.with([&](Observer& one) { one = std::move(observer); });
}

std::function<void(net::HttpRequest, std::function<void(net::HttpResponse)>)> Intake::handler() {
    return [this](net::HttpRequest request, std::function<void(net::HttpResponse)> reply) {
        pool_->submit([this, request = std::move(request), reply = std::move(reply)] { reply(answer(request)); });
    };
}

Received Intake::import_file(ByteView bytes, const std::string& name) {
    Received received;
    tlsrpt::ReadInput input = tlsrpt::read_input(bytes, name, limits_);
    for (tlsrpt::ReadReport& read : input.reports) {
        if (!read.report) {
            received.rejected.push_back(read.report.error());
            continue;
        }
        const auto parts = by_domain(*read.report, addressee(*read.report, read.mail, read.file_names));
        if (parts.empty()) {
            received.rejected.push_back(invalid_input("report", "names no policy domain"));
            continue;
        }
        bool any_stored = false;
        bool failed = false;
        for (const auto& [domain, part] : parts) {
            store::NewReport report;
            report.received = clock_->now();
            report.via = "import";
            report.source = printable(name, 500);
            report.trust = store::Trust::operator_;
            report.domain = domain;
            report.raw = read.json;
            report.submitter = submitter_of(part);
            report.report = part;
            report.deviations = read.deviations;
            const auto added = store_->reports.add(report);
            if (!added) {
                received.rejected.push_back(added.error());
                failed = true;
                break;
            }
            any_stored = any_stored || *added == store::Reports::Added::stored;
        }
        if (!failed) {
            ++(any_stored ? received.stored : received.duplicates);
        }
    }
    return received;
}

}  // namespace postseal::intake
