#include "intake/intake.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/text.h"
#include "store/testing.h"

namespace postseal::intake {
namespace {

class FixedClock : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return TimePoint(Seconds(1'800'000'000)); }
};
class NoLog : public Log {
public:
    void write(LogLevel, std::string_view, std::string_view) override {}
};

const std::string label = "abcdefghijklmnopqrstuvwx27";

std::string report(const std::string& id, const std::string& domain = "example.com") {
    return R"({"organization-name":"Sender","date-range":{"start-datetime":"2026-11-20T00:00:00Z",)"
           R"("end-datetime":"2026-11-20T23:59:59Z"},"contact-info":"tls@Sender.example","report-id":")" +
           id + R"(","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":")" +
           domain +
           R"(","mx-host":["mx.example.com"]},"summary":{"total-successful-session-count":5,)"
           R"("total-failure-session-count":0},"failure-details":[]}]})";
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

class IntakeTest : public ::testing::Test {
protected:
    IntakeTest() {
        store::Domain domain;
        domain.organisation = store_->accounts.organisation("ours", clock_.now())->id;
        domain.name = name_;
        domain.label = label;
        EXPECT_TRUE(store_->domains.add(domain));
    }
    net::HttpResponse post(const std::string& body, const std::string& type,
                           const std::string& path = "/v1/tlsrpt/" + label, const std::string& method = "POST") {
        net::HttpRequest request;
        request.method = method;
        request.path = path;
        request.target = path;
        if (!type.empty()) {
            request.headers.emplace_back("Content-Type", type);
        }
        request.body = body;
        return intake_.answer(request);
    }

    const dns::Name name_ = *dns::Name::parse("example.com");
    FixedClock clock_;
    NoLog log_;
    std::unique_ptr<store::Store> store_ = store::testing::new_store();
    net::WorkPool pool_{"test", 1};
    Intake intake_{*store_, pool_, clock_, log_};
};

// RFC 8460 §5.4; RPT-050; RPT-051: in the store when the status is there.
TEST_F(IntakeTest, new_then_duplicate_whatever_the_wrapping) {
    EXPECT_EQ(post(report("1"), "application/tlsrpt+json").status, 201);
    EXPECT_EQ(post(report("1"), "application/tlsrpt+json; charset=utf-8").status, 200);
    EXPECT_EQ(post(gzip(report("1")), "application/tlsrpt+gzip").status, 200);
    EXPECT_EQ(post(gzip(report("2")), "application/tlsrpt+gzip").status, 201);
    EXPECT_EQ(post(gzip(report("3")), "application/tlsrpt+json").status, 201) << "gzip labelled as JSON";
    EXPECT_EQ(post(report("4"), "application/tlsrpt+gzip").status, 201) << "JSON labelled as gzip";
    EXPECT_EQ(post(report("5"), "").status, 201) << "no media type at all";
    const auto totals = *store_->reports.totals(name_);
    EXPECT_EQ(totals.received, 5);
    EXPECT_EQ(totals.sessions_ok, 25);
    const auto stored = *store_->reports.list(name_, 10);
    EXPECT_EQ(stored.front().trust, store::Trust::unverified) << "the path proves nothing (rule 18)";
    EXPECT_EQ(stored.front().submitter, "sender.example");
    const std::string text = report("5");
    EXPECT_EQ(as_text(*store_->reports.raw(stored.front().id)), text) << "raw bytes are kept";
}

TEST_F(IntakeTest, tells_of_what_is_new) {
    std::vector<std::string> told;
    intake_.observe([&](const store::Domain& domain) { told.push_back(domain.name.text()); });
    EXPECT_EQ(post(report("1"), "application/tlsrpt+json").status, 201);
    EXPECT_EQ(told, std::vector<std::string>{"example.com"});
    EXPECT_EQ(post(report("1"), "application/tlsrpt+json").status, 200);
    EXPECT_EQ(post("{}", "application/tlsrpt+json").status, 400);
    EXPECT_EQ(told.size(), 1U) << "a duplicate and what is no report change nothing";
}

// RFC 8460 §5.4; RPT-050
TEST_F(IntakeTest, refuses_what_is_no_report) {
    struct Case {
        std::string body, type, path;
        int status;
        const char* why;
    };
    const std::string json = "application/tlsrpt+json";
    const std::string path = "/v1/tlsrpt/" + label;
    const std::vector<Case> cases = {
        {"", json, path, 400, "nothing"},
        {"hello", json, path, 400, "not JSON"},
        {"{}", json, path, 400, "no report"},
        {"[1,2]", json, path, 400, "an array of numbers"},
        {gzip(report("1")).substr(0, 40), "application/tlsrpt+gzip", path, 400, "gzip cut off"},
        {report("1"), "text/html", path, 415, "another media type"},
        {report("1"), "multipart/report", path, 415, "mail belongs to the mail intake"},
        {report("1"), json, "/v1/tlsrpt/bbbbbbbbbbbbbbbbbbbbbbbbbb", 404, "an unknown label"},
        {report("1"), json, "/v1/tlsrpt/", 404, "no label"},
        {report("1"), json, "/v1/tlsrpt/" + label + "/x", 404, "more than a label"},
        {report("1"), json, "/", 404, "another path"},
        {gzip(std::string(30U << 20U, ' ')), "application/tlsrpt+gzip", path, 413, "a bomb"},
        {std::string(body_bytes_max + 1, ' '), json, path, 413, "too large"},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(post(one.body, one.type, one.path).status, one.status) << one.why;
    }
    EXPECT_EQ(post("", "", "/v1/tlsrpt/" + label, "GET").status, 405);
    EXPECT_EQ(store_->reports.totals(name_)->received, 0);
}

TEST_F(IntakeTest, a_gone_domain_takes_no_reports) {
    auto domain = **store_->domains.find_by_label(label);
    domain.state = store::DomainState::gone;
    ASSERT_TRUE(store_->domains.update(domain));
    EXPECT_EQ(post(report("1"), "application/tlsrpt+json").status, 404);
}

TEST_F(IntakeTest, what_is_said_of_other_domains_counts_for_nobody) {
    EXPECT_EQ(post(report("1", "other.example"), "application/tlsrpt+json").status, 201);
    EXPECT_EQ(store_->reports.totals(name_)->sessions_ok, 0);
    EXPECT_EQ(store_->reports.totals(*dns::Name::parse("other.example"))->received, 0);
    EXPECT_EQ(store_->reports.list(name_, 1)->front().deviations.back().code, "policy-domain-elsewhere");
}

// A report of DANE alone: its policy-domain is the MX host.
std::string dane_report(const std::string& id, const std::string& more = "") {
    return R"({"organization-name":"Sender","date-range":{"start-datetime":"2026-11-20T00:00:00Z",)"
           R"("end-datetime":"2026-11-20T23:59:59Z"},"contact-info":"tls@sender.example","report-id":")" +
           id +
           R"(","policies":[{"policy":{"policy-type":"tlsa","policy-string":[],"policy-domain":"mx.provider.example"},)"
           R"("summary":{"total-successful-session-count":3,"total-failure-session-count":1}})" +
           more + "]}";
}

TEST_F(IntakeTest, a_tlsa_policy_names_the_mx_host_and_counts_for_the_domain) {
    EXPECT_EQ(post(dane_report("1"), "application/tlsrpt+json").status, 201);
    EXPECT_EQ(store_->reports.totals(name_)->sessions_ok, 3);
    EXPECT_EQ(store_->reports.totals(name_)->sessions_failed, 1);
    const store::StoredReport stored = store_->reports.list(name_, 1)->front();
    for (const tlsrpt::Deviation& deviation : stored.deviations) {
        EXPECT_NE(deviation.code, "policy-domain-elsewhere");
    }
    EXPECT_EQ(stored.report.policies.front().policy_domain, "mx.provider.example");
}

TEST_F(IntakeTest, imported_tlsa_policies_count_for_the_domain_that_the_report_is_to) {
    const dns::Name host = *dns::Name::parse("mx.provider.example");
    const std::string no_policy = R"(,{"policy":{"policy-type":"no-policy-found","policy-domain":"example.com"},)"
                                  R"("summary":{"total-successful-session-count":1,"total-failure-session-count":0}})";
    const std::string elsewhere = R"(,{"policy":{"policy-type":"no-policy-found","policy-domain":"example.org"},)"
                                  R"("summary":{"total-successful-session-count":1,"total-failure-session-count":0}})";
    const std::string mail_head =
        "From: tls@sender.example\r\nTLS-Report-Domain: example.com\r\nSubject: Report Domain: example.com\r\n"
        "MIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n";
    struct Case {
        std::string input;
        std::string name;
        std::int64_t
            domain;  // successful sessions of DANE that it adds; those of another type are not summed (rule 19)
        std::int64_t host;
        const char* why;
    };
    const Case cases[] = {
        {mail_head + dane_report("1"), "1", 3, 0, "its mail names the domain"},
        {dane_report("2"), "sender.example!example.com!1795132800!1795219199.json", 3, 0, "its file does"},
        {dane_report("3", no_policy), "3.json", 3, 0, "its other policy is about the domain"},
        {dane_report("4"), "4.json", 0, 3, "nothing says whose host it is"},
        {dane_report("5", no_policy + elsewhere), "5.json", 0, 3, "two domains may have that host"},
    };
    for (const Case& one : cases) {
        const auto before = store_->reports.totals(name_)->sessions_ok;
        const auto before_host = store_->reports.totals(host)->sessions_ok;
        EXPECT_EQ(intake_.import_file(as_bytes(one.input), one.name).stored, 1U) << one.why;
        EXPECT_EQ(store_->reports.totals(name_)->sessions_ok - before, one.domain) << one.why;
        EXPECT_EQ(store_->reports.totals(host)->sessions_ok - before_host, one.host) << one.why;
    }
}

TEST_F(IntakeTest, imports_have_the_operators_trust_and_share_the_memory_of_duplicates) {
    const std::string one = report("1");
    const auto first = intake_.import_file(as_bytes(one), "one.json");
    EXPECT_EQ(first.stored, 1U);
    EXPECT_EQ(store_->reports.list(name_, 1)->front().trust, store::Trust::operator_);
    EXPECT_EQ(post(one, "application/tlsrpt+json").status, 200) << "judged against everything received";
    const auto second = intake_.import_file(as_bytes(gzip(one)), "one.json.gz");
    EXPECT_EQ(second.stored, 0U);
    EXPECT_EQ(second.duplicates, 1U);
    const auto bad = intake_.import_file(as_bytes("garbage"), "bad.json");
    EXPECT_EQ(bad.rejected.size(), 1U);
}

TEST(Submitter, is_the_domain_of_the_contact) {
    tlsrpt::Report report;
    report.organization_name = "Sender Ltd";
    EXPECT_EQ(submitter_of(report), "sender ltd");
    report.contact_info = "TLS <tls@Sender.Example>";
    EXPECT_EQ(submitter_of(report), "sender.example");
    report.contact_info = "mailto:a@b.example";
    EXPECT_EQ(submitter_of(report), "b.example");
    report.contact_info = "call us";
    EXPECT_EQ(submitter_of(report), "sender ltd");
}

}  // namespace
}  // namespace postseal::intake
