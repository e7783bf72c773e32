#include "hosting/mx_alerts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace postseal::hosting {
namespace {

const TimePoint now{Seconds(1'800'000'000)};
const auto day = std::chrono::days(1);

MxHost host(const char* problem_code = "") {
    MxHost made;
    made.host = dns::Name::parse("mx.example.com").value();
    made.probed = now;
    made.problem_code = problem_code;
    made.problem = made.problem_code.empty() ? "" : "mx.example.com: something is wrong";
    return made;
}

MxAlertFacts facts(mtasts::Mode mode, MxHost one) {
    MxAlertFacts out;
    out.mode = mode;
    out.watch.dnssec = "insecure";
    out.watch.hosts = {std::move(one)};
    return out;
}

std::string said(const std::vector<store::NewAlert>& alerts) {
    std::vector<std::string> words;
    for (const store::NewAlert& alert : alerts) {
        EXPECT_NE(std::find(mx_alert_kinds().begin(), mx_alert_kinds().end(), alert.kind), mx_alert_kinds().end())
            << alert.kind << " would never be resolved";
        words.push_back(alert.kind + ":" + std::string(to_string(alert.severity)));
    }
    return join(words, " ");
}

TEST(MxAlerts, what_a_probe_says) {
    struct {
        const char* problem_code;
        const char* enforced;
        const char* testing;
    } const cases[] = {
        {"", "", ""},
        {"starttls-missing", "mx-starttls-missing:critical", "mx-starttls-missing:warning"},
        {"certificate-name", "mx-certificate-invalid:critical", "mx-certificate-invalid:warning"},
        {"certificate-expired", "mx-certificate-invalid:critical", "mx-certificate-invalid:warning"},
        {"certificate-untrusted", "mx-certificate-invalid:critical", "mx-certificate-invalid:warning"},
        {"tls-failed", "mx-certificate-invalid:critical", "mx-certificate-invalid:warning"},
        {"unreachable", "mx-unreachable:warning", "mx-unreachable:warning"},
        {"timeout", "mx-unreachable:warning", "mx-unreachable:warning"},
        {"no-address", "mx-unreachable:warning", "mx-unreachable:warning"},
    };
    for (const auto& one : cases) {
        EXPECT_EQ(said(mx_alerts(facts(mtasts::Mode::enforce, host(one.problem_code)), now)), one.enforced);
        EXPECT_EQ(said(mx_alerts(facts(mtasts::Mode::testing, host(one.problem_code)), now)), one.testing);
        EXPECT_EQ(said(mx_alerts(facts(mtasts::Mode::none, host(one.problem_code)), now)), "") << "nobody minds";
    }
    const auto alerts = mx_alerts(facts(mtasts::Mode::enforce, host("certificate-name")), now);
    EXPECT_EQ(alerts.at(0).arguments, R"({"host":"mx.example.com","problem":"something is wrong"})");
}

TEST(MxAlerts, the_calendar_of_certificates) {
    struct {
        int days;
        const char* alert;
    } const cases[] = {
        {31, ""},
        {30, "mx-certificate-expiring:info"},
        {15, "mx-certificate-expiring:info"},
        {14, "mx-certificate-expiring:warning"},
        {7, "mx-certificate-expiring:error"},
        {3, "mx-certificate-expiring:critical"},
        {1, "mx-certificate-expiring:critical"},
        {0, "mx-certificate-expiring:critical"},
    };
    for (const auto& one : cases) {
        MxHost ends = host(one.days < 21 ? "certificate-expiring" : "");
        ends.certificate = MxHost::Certificate{now + one.days * day, {}, "", now + one.days * day - 90 * day};
        EXPECT_EQ(said(mx_alerts(facts(mtasts::Mode::testing, ends), now)), one.alert) << one.days;
    }
    // A certificate of six days is near its end all its life: only the last day is news.
    EXPECT_FALSE(expiry_step({now + 5 * day, {}, "", now - day}, now));
    EXPECT_EQ(expiry_step({now + day, {}, "", now - 5 * day}, now), 1);
    EXPECT_EQ(expiry_step({now + 5 * day, {}, "", std::nullopt}, now), 7) << "as read from an older store";
    // The arguments change with the step only, not from day to day.
    MxHost ends = host("certificate-expiring");
    ends.certificate = MxHost::Certificate{now + 10 * day, {}, "", now - 80 * day};
    const auto today = mx_alerts(facts(mtasts::Mode::testing, ends), now);
    EXPECT_EQ(mx_alerts(facts(mtasts::Mode::testing, ends), now + day).at(0).arguments, today.at(0).arguments);
}

TEST(MxAlerts, drift_dane_dnssec_and_reports) {
    auto all = facts(mtasts::Mode::enforce, host());
    all.watch.hosts[0].dane = "mismatch";
    all.watch.dnssec = "bogus";
    all.drift.fresh = {{dns::Name::parse("mx8.example.com").value(), Vouched::by_dnssec, true, true, "it is added"},
                       {dns::Name::parse("mx9.example.com").value(), Vouched::by_nobody, true, false, "it waits"}};
    all.drift.unneeded = {{mtasts::MxPattern::parse("old.example.com").value(), now - 15 * day, true},
                          {mtasts::MxPattern::parse("new.example.com").value(), now, false}};
    all.lately.refused = 7;
    all.lately.causes = {{"certificate-expired", "mx.example.com", 5}, {"starttls-not-supported", "", 2}};
    EXPECT_EQ(said(mx_alerts(all, now)),
              "mx-new-host:critical mx-vanished:warning mx-vanished:info mx-tlsa-mismatch:critical "
              "mx-dnssec-bogus:critical reports-refused:error");
    EXPECT_EQ(mx_alerts(all, now).at(0).subject, "mx9.example.com") << "what is added by itself needs nobody";
    all.mode = mtasts::Mode::testing;
    EXPECT_EQ(said(mx_alerts(all, now)).find("reports-refused"), std::string::npos) << "in testing nothing is refused";
}

}  // namespace
}  // namespace postseal::hosting
