#include "intake/mail_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/text.h"
#include "intake/addressee.h"
#include "intake/intake.h"
#include "intake/mail_trust.h"
#include "intake/plausibility.h"

namespace postseal::intake {

namespace {

constexpr std::size_t threads = 4;  // each may wait for DNS
constexpr std::chrono::hours hour{1};
constexpr std::size_t addresses_max = 100'000;  // that are remembered; then all are forgotten
constexpr std::chrono::days history_age_max{90};
constexpr std::int64_t history_reports_max = 100;

using Kind = MailIntake::Outcome::Kind;

MailIntake::Outcome later(std::string reason, std::string detail) {
    return {Kind::try_later, 0, 0, std::move(reason), std::move(detail)};
}
MailIntake::Outcome aside(std::string reason, std::string detail) {
    return {Kind::kept, 0, 0, std::move(reason), std::move(detail)};
}

std::string peer_text(const ArrivedMail& mail) {
    if (!mail.source.empty()) {
        return mail.source;
    }
    const std::string address = mail.peer ? mail.peer->text() : "unix socket";
    return mail.peer_name.empty() ? address : address + " (" + mail.peer_name + ")";
}

net::SmtpAnswer answer_to(const MailIntake::Outcome& outcome) {
    if (outcome.kind == Kind::counted) {
        return {250, fmt::format("2.0.0 {} reports stored, {} known already", outcome.stored, outcome.duplicates)};
    }
    if (outcome.kind == Kind::kept) {
        return {250, "2.0.0 kept, not counted: " + outcome.detail};
    }
    if (outcome.reason == "full") {
        return {452, "4.3.1 " + outcome.detail};
    }
    return {451, (outcome.reason == "too-many" ? "4.7.1 " : "4.3.0 ") + outcome.detail};
}

// "abc…@reports.example.net": the label of a hosted domain, perhaps with +something.
std::string label_of(const std::string& recipient) {
    const std::string local = to_lower(recipient.substr(0, recipient.find_first_of("@+")));
    return std::all_of(local.begin(), local.end(), is_alnum) ? local : "";
}

}  // namespace

// A report with what decides about it.
struct MailIntake::Reading {
    tlsrpt::ReadReport read;
    MailTrust trust;
};

MailIntake::MailIntake(store::Store& store, MailLookups lookups, const Clock& clock, Log& log,
                       MailIntakeSettings settings)
    : store_(&store),
      lookups_(std::move(lookups)),
      clock_(&clock),
      log_(&log),
      settings_(std::move(settings)),
      pool_("mail", threads) {}

MailIntake::~MailIntake() {
    stop();
}

void MailIntake::stop() {
    pool_.stop();
}

void MailIntake::observe(Observer observer) {
    observer_.with([&](Observer& one) { one = std::move(observer); });
}

net::SmtpServer::Handler MailIntake::handler(std::string via) {
    return [this, via = std::move(via)](const net::ReceivedMessage& message,
                                        const std::function<void(net::SmtpAnswer)>& answer) {
        // A mail in memory for each: what comes in faster than it is read is asked to come again.
        if (++waiting_ > settings_.waiting_max) {
            --waiting_;
            ++counters_.deferred;
            answer({451, "4.3.2 too many mails at once, try again later"});
            return;
        }
        ArrivedMail mail;
        mail.received = clock_->now();
        mail.via = via;
        mail.peer = message.peer;
        mail.envelope_from = message.mail_from;
        mail.recipients = message.recipients;
        mail.data = message.data;
        pool_.submit([this, mail = std::move(mail), answer]() mutable {
            if (mail.peer) {
                const auto name = lookups_.confirmed_name(*mail.peer);
                mail.peer_name = name ? name->text() : "";
            }
            const Outcome outcome = take(mail);
            --waiting_;
            answer(answer_to(outcome));
        });
    };
}

MailIntake::Outcome MailIntake::take(const ArrivedMail& mail) {
    Outcome outcome = is_over_limit(mail) ? later("too-many", "too much from this address that does not count")
                                          : read(mail, Review::same_rules);
    counters_.stored += outcome.stored;
    counters_.duplicates += outcome.duplicates;
    counters_.kept += outcome.kind == Kind::kept ? 1 : 0;
    counters_.deferred += outcome.kind == Kind::try_later ? 1 : 0;
    if (outcome.kind == Kind::kept) {
        note_uncounted(mail);
    }
    return outcome;
}

bool MailIntake::is_over_limit(const ArrivedMail& mail) {
    if (!mail.peer || mail.via != "smtp") {
        return false;
    }
    return uncounted_.with([&](const std::map<dns::IpAddress, Uncounted>& all) {
        const auto found = all.find(*mail.peer);
        return found != all.end() && mail.received - found->second.hour < hour &&
               found->second.count >= settings_.uncounted_per_address_and_hour;
    });
}

void MailIntake::note_uncounted(const ArrivedMail& mail) {
    if (!mail.peer || mail.via != "smtp") {
        return;
    }
    uncounted_.with([&](std::map<dns::IpAddress, Uncounted>& all) {
        if (all.size() >= addresses_max) {
            all.clear();
        }
        Uncounted& one = all[*mail.peer];
        if (mail.received - one.hour >= hour) {
            one = {mail.received, 0};
        }
        ++one.count;
    });
}

MailIntake::Outcome MailIntake::read(const ArrivedMail& mail, Review review) {
    std::optional<tlsrpt::ReadInput> input = tlsrpt::read_input(as_bytes(mail.data), "", settings_.limits);
    const auto readable = [](const tlsrpt::ReadReport& one) { return one.report.has_value(); };
    if (std::ranges::none_of(input->reports, readable)) {
        const Error& error = input->reports.front().report.error();
        return keep(mail, aside(error.code == Errc::not_found ? "no-report" : "unreadable", error.message()), input);
    }
    std::vector<Reading> readings;
    if (review == Review::same_rules) {
        if (from_fields(mail.data) != 1) {
            return keep(mail, aside("not-aligned", "the mail does not have exactly one From field"), input);
        }
        const auto signatures = verify_dkim(mail.data, mail.received, lookups_.dkim_key, settings_.dkim);
        for (const tlsrpt::ReadReport& one : input->reports) {
            if (!one.report) {
                continue;
            }
            // Of a report in a mail within the mail, the outer one is who vouches.
            MailTrust trust = trust_of_mail(*one.report, input->mail.value_or(tlsrpt::MailHeaders{}), signatures,
                                            settings_.submitters);
            if (trust.outcome == MailTrust::Outcome::try_later) {
                return later("dns", trust.why);
            }
            if (trust.outcome == MailTrust::Outcome::does_not_count) {
                return keep(mail, aside(trust.reason, trust.why), input);
            }
            readings.push_back({one, std::move(trust)});
        }
        // What the signature does not cover is as good as absent: the reports are read again without it.
        const std::string covered = without_uncovered_fields(mail.data, readings.front().trust.signature.covers);
        if (covered != mail.data) {
            tlsrpt::ReadInput again = tlsrpt::read_input(as_bytes(covered), "", settings_.limits);
            std::erase_if(again.reports, [&](const tlsrpt::ReadReport& one) { return !readable(one); });
            if (again.reports.size() != readings.size()) {
                return keep(mail, aside("unreadable", "without its unsigned header fields it reads differently"),
                            input);
            }
            for (std::size_t i = 0; i < readings.size(); ++i) {
                readings[i].read = std::move(again.reports[i]);
            }
        }
    } else {
        for (const tlsrpt::ReadReport& one : input->reports) {
            if (one.report) {
                MailTrust accepted;
                accepted.outcome = MailTrust::Outcome::counts;
                accepted.trust = store::Trust::operator_;
                readings.push_back({one, std::move(accepted)});
            }
        }
    }
    Outcome outcome = store_reports(mail, readings, review);
    return outcome.kind == Kind::kept ? keep(mail, outcome, input) : outcome;
}

MailIntake::Outcome MailIntake::store_reports(const ArrivedMail& mail, const std::vector<Reading>& readings,
                                              Review review) {
    std::vector<store::NewReport> reports;
    std::vector<store::Domain> domains;
    std::string strange;
    for (const Reading& reading : readings) {
        const tlsrpt::Report& report = *reading.read.report;
        const auto parts = by_domain(report, addressee(report, reading.read.mail, reading.read.file_names));
        for (const auto& [name, part] : parts) {
            const auto ours = store_->domains.with_name(name);
            if (!ours) {
                return later("store", "the report could not be stored");
            }
            if (ours->empty()) {
                strange += (strange.empty() ? "" : ", ") + name.text();
                continue;
            }
            store::NewReport made;
            made.received = mail.received;
            made.via = mail.via == "imap" ? "imap" : "smtp";
            made.source = peer_text(mail);
            made.trust = reading.trust.trust;
            made.domain = name;
            made.raw = Bytes(mail.data.begin(), mail.data.end());
            const std::string claimed = submitter_of(part);
            made.submitter = reading.trust.submitter.is_root() ? claimed : reading.trust.submitter.text();
            made.report = part;
            made.deviations = reading.read.deviations;
            if (!reading.trust.signature.selector.empty()) {
                made.signature =
                    fmt::format("d={} s={}", reading.trust.signature.domain.text(), reading.trust.signature.selector);
            }
            if (review == Review::same_rules) {
                const auto odd = oddity(made);
                if (!odd) {
                    return later("store", "the report could not be stored");
                }
                if (*odd) {
                    return aside("odd-figures", **odd);
                }
            }
            reports.push_back(std::move(made));
            domains.insert(domains.end(), ours->begin(), ours->end());
        }
    }
    if (reports.empty()) {
        return aside("no-domain-of-ours",
                     strange.empty() ? "it names no policy domain" : "nobody here has " + printable(strange, 300));
    }
    Outcome outcome{Kind::counted, 0, 0, "", ""};
    // All of a mail or nothing: it is acknowledged as a whole.
    const auto done = store_->transaction([&]() -> Result<void> {
        outcome.stored = outcome.duplicates = 0;
        for (const store::NewReport& report : reports) {
            const auto added = store_->reports.add(report);
            if (!added) {
                return added.error();
            }
            ++(*added == store::Reports::Added::stored ? outcome.stored : outcome.duplicates);
        }
        return {};
    });
    if (!done) {
        log_->error("intake", done.error().message());
        return later("store", "the report could not be stored");
    }
    if (const Observer observer = observer_.with([](const Observer& one) { return one; });
        observer && outcome.stored > 0) {
        for (const store::Domain& domain : domains) {
            observer(domain);
        }
    }
    return outcome;
}

Result<std::optional<std::string>> MailIntake::oddity(const store::NewReport& report) {
    POSTSEAL_TRY(const auto history, store_->reports.signed_by(report.domain, report.submitter,
                                                               report.received - history_age_max, history_reports_max));
    return oddity_of(report.report, report.deviations, history, report.received);
}

MailIntake::Outcome MailIntake::keep(const ArrivedMail& mail, const Outcome& why,
                                     const std::optional<tlsrpt::ReadInput>& input) {
    if (mail.is_kept_already) {
        return why;
    }
    const auto totals = store_->kept_mails.totals();
    if (!totals) {
        log_->error("intake", totals.error().message());
        return later("store", "the mail could not be stored");
    }
    if (totals->bytes + static_cast<std::int64_t>(mail.data.size()) > settings_.kept_bytes_max) {
        return later("full", "there is no room left for mail that does not count: " + why.detail);
    }
    store::KeptMail kept;
    kept.received = mail.received;
    kept.via = mail.via;
    kept.source = peer_text(mail);
    const tlsrpt::MailHeaders headers = input ? input->mail.value_or(tlsrpt::MailHeaders{}) : tlsrpt::MailHeaders{};
    kept.sender = printable(headers.from, 300);
    kept.subject = printable(headers.subject, 500);
    kept.reason = why.reason;
    kept.detail = printable(why.detail, 500);
    // Whose it is: the owner of the label that it was sent to, else of the domain that it speaks of.
    for (const std::string& recipient : mail.recipients) {
        const std::string label = label_of(recipient);
        const auto domain =
            label.empty() ? Result<std::optional<store::Domain>>(std::nullopt) : store_->domains.find_by_label(label);
        if (domain && *domain && !kept.domain) {
            kept.domain = (*domain)->name;
            kept.organisation = (*domain)->organisation;
        }
    }
    for (const tlsrpt::ReadReport& one : input ? input->reports : std::vector<tlsrpt::ReadReport>()) {
        if (!one.report || kept.domain) {
            continue;
        }
        for (const auto& [name, part] : by_domain(*one.report, addressee(*one.report, one.mail, one.file_names))) {
            const auto ours = store_->domains.with_name(name);
            if (ours && ours->size() == 1 && !kept.domain) {
                kept.domain = name;
                kept.organisation = ours->front().organisation;
            }
        }
    }
    const auto done = store_->kept_mails.keep(kept, Bytes(mail.data.begin(), mail.data.end()));
    if (!done) {
        log_->error("intake", done.error().message());
        return later("store", "the mail could not be stored");
    }
    return why;
}

Result<MailIntake::Outcome> MailIntake::retry(const std::vector<std::int64_t>& organisations, std::int64_t id,
                                              Review review) {
    POSTSEAL_TRY(const auto kept, store_->kept_mails.find(organisations, id));
    if (!kept) {
        return Error{Errc::not_found, "", "there is no kept mail with this number"};
    }
    POSTSEAL_TRY(const Bytes raw, store_->kept_mails.raw(organisations, id));
    ArrivedMail mail;
    mail.is_kept_already = true;
    mail.source = kept->source;
    mail.received = kept->received;  // for the moments in its signature as well
    mail.via = kept->via;
    mail.data = as_text(raw);
    Outcome outcome = read(mail, review);
    if (outcome.kind == Kind::counted) {
        POSTSEAL_TRY(const bool dropped, store_->kept_mails.drop(organisations, id));
        (void)dropped;
    }
    return outcome;
}

}  // namespace postseal::intake
