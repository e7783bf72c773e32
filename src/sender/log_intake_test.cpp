// A mail log that grows, rotates, is emptied and comes late: every session of it is counted once, over restarts too,
// under the policy that applied. RPT-036, RPT-038.
#include "sender/log_intake.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/testing.h"
#include "base/text.h"
#include "net/testing.h"
#include "sender/testing.h"
#include "store/sqlite.h"

namespace postseal::sender {
namespace {

using net::testing::name;
using testing::open_store;
using testing::some_noon;

const Day today = std::chrono::floor<std::chrono::days>(some_noon);

// Answers at once, on the thread that asks.
class TestResolver final : public net::Resolver {
public:
    void add(std::string_view owner, dns::Type type, dns::Data data, bool secure = true) {
        net::DnsAnswer& answer = answers_[{name(owner), type}];
        answer.status = secure ? net::DnsStatus::secure : net::DnsStatus::insecure;
        answer.content = net::DnsContent::data;
        answer.records.push_back({name(owner), type, 60, std::move(data)});
    }
    void resolve(const dns::Name& asked, dns::Type type, std::function<void(net::DnsAnswer)> done) override {
        net::DnsAnswer answer;
        answer.status = net::DnsStatus::insecure;
        answer.content = net::DnsContent::nxdomain;
        if (const auto known = answers_.find({asked, type}); known != answers_.end()) {
            answer = known->second;
        }
        answer.name = asked;
        answer.type = type;
        answer.canonical_name = asked;
        done(answer);
    }

private:
    std::map<std::pair<dns::Name, dns::Type>, net::DnsAnswer> answers_;
};

std::string line(TimePoint at, const std::string& said, int pid = 7) {
    return to_rfc3339(at) + " mail postfix/smtp[" + std::to_string(pid) + "]: " + said + "\n";
}
std::string handshake(TimePoint at, const std::string& word = "Verified", const std::string& domain = "example.com") {
    return line(at, word + " TLS connection established to mx." + domain + "[192.0.2.1]:25: TLSv1.3 with cipher");
}
std::string end_of(TimePoint at, const std::string& domain = "example.com",
                   const std::string& how = "status=sent (250 ok)") {
    return line(at, "4F3A17D2: to=<b@" + domain + ">, relay=mx." + domain + "[192.0.2.1]:25, delay=1, " + how);
}
std::string session(TimePoint at = some_noon, const std::string& word = "Verified",
                    const std::string& domain = "example.com") {
    return handshake(at, word, domain) + end_of(at, domain);
}

class LogIntakeTest : public ::testing::Test {
protected:
    void start() {
        intake_.reset();
        auto started = LogIntake::start(settings_, *store_, resolver_, clock_, log_);
        ASSERT_TRUE(started) << started.error().message();
        intake_ = std::move(*started);
    }
    void append(const std::string& text) const {
        std::ofstream(settings_.file, std::ios::app | std::ios::binary) << text;
    }
    // Sessions counted so far, of any policy; "" in `domain`: of all domains.
    std::uint64_t counted(const std::string& domain = "", Day day = today) {
        EXPECT_TRUE(intake_->flush());
        std::uint64_t sum = 0;
        const auto counts = store_->session_counts.of_day(day);
        EXPECT_TRUE(counts);
        for (const tlsrpt::Count& count : *counts) {
            sum += domain.empty() || count.domain.text() == domain ? count.policy.successful + count.policy.failed : 0;
        }
        return sum;
    }
    tlsrpt::PolicyResult policy_of(const std::string& domain) {
        EXPECT_TRUE(intake_->flush());
        for (const tlsrpt::Count& count : *store_->session_counts.of_day(today)) {
            if (count.domain.text() == domain) {
                return count.policy;
            }
        }
        ADD_FAILURE() << "nothing counted of " << domain;
        return {};
    }
    void cache_policy(const std::string& domain, const std::string& mode) {
        store::PolicyCache::Entry entry{name(domain), mtasts::CachedPolicy(), {}};
        entry.policy->policy =
            *mtasts::judge_policy("version: STSv1\nmode: " + mode + "\nmx: mx." + domain + "\nmax_age: 86400\n").policy;
        entry.policy->fetched = some_noon - Seconds(60);
        ASSERT_TRUE(store_->policy_cache.put(entry));
    }
    void sign(const std::string& domain) {
        resolver_.add(domain, dns::Type::mx, net::testing::mx(10, "mx." + domain));
        add_tlsa(domain);
    }
    void add_tlsa(const std::string& domain) {
        resolver_.add("mx." + domain, dns::Type::a, net::testing::address("192.0.2.1"));
        resolver_.add("_25._tcp.mx." + domain, dns::Type::tlsa, dns::TlsaData{3, 1, 1, Bytes(32, 0xab)});
    }

    postseal::testing::TemporaryFolder folder_;
    LogIntakeSettings settings_{.file = folder_ / "mail.log",
                                .host = "mail",
                                .lock_dir = folder_ / ".",
                                .look_again = std::chrono::milliseconds(5),
                                .flush_interval = std::chrono::milliseconds(20)};
    testing::TestClock clock_;
    testing::TestLog log_;
    TestResolver resolver_;
    std::unique_ptr<store::Store> store_ = open_store();
    std::unique_ptr<LogIntake> intake_;
};

// RPT-014, design rule 15: a log names the message, so every try to deliver a report is left out.
TEST_F(LogIntakeTest, DoesNotCountSessionsThatCarriedAReport) {
    const std::string report = "1790000000." + std::string(16, 'a') + "." + std::string(32, 'b') + "@sender.test";
    const auto cleanup = [](const std::string& id) {
        return to_rfc3339(some_noon) + " mail postfix/cleanup[3]: 4F3A17D2: message-id=<" + id + ">\n";
    };
    const std::string deferred =
        handshake(some_noon, "Trusted") + end_of(some_noon, "example.com", "status=deferred (greylisted)");
    ASSERT_TRUE(store_->handed_reports.put(report, name("example.com"), some_noon));
    append(cleanup(report) + deferred + session());
    start();
    EXPECT_EQ(counted(), 0U);
    EXPECT_EQ(intake_->counters().reports, 2U);
    EXPECT_EQ(store_->handed_reports.claim_of(report).value(), store::ReportClaim::certain)
        << "no session is looked for among those of datagrams";
    append(cleanup("someone@else.test") + session());
    EXPECT_EQ(counted(), 1U) << "another message under the same queue id";
    append(cleanup("1790000000." + std::string(16, 'a') + "." + std::string(32, 'c') + "@sender.test") + session());
    EXPECT_EQ(counted(), 2U) << "it only looks like a report of ours";
    append(cleanup(report));
    EXPECT_EQ(counted(), 2U);
    start();  // what it knows of the queue is kept with its place in the file
    append(session());
    EXPECT_EQ(counted(), 2U);
    EXPECT_EQ(intake_->counters().reports, 1U);
}

TEST_F(LogIntakeTest, CountsWhatIsThereAndWhatComes) {
    append(session());
    start();
    EXPECT_EQ(counted(), 1U);
    append(session() + handshake(some_noon));
    EXPECT_EQ(counted(), 2U);
    const std::string end = end_of(some_noon);
    append(end.substr(0, 40));
    EXPECT_EQ(counted(), 2U) << "a line that is not whole yet";
    append(end.substr(40));
    EXPECT_EQ(counted(), 3U);
    EXPECT_EQ(intake_->counters().sessions, 3U);
    EXPECT_EQ(intake_->counters().lines, 6U);
}

TEST_F(LogIntakeTest, FlushesByItself) {
    append(session());
    start();
    for (int i = 0; i < 500 && store_->session_counts.of_day(today)->empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(store_->session_counts.of_day(today)->size(), 1U);
}

TEST_F(LogIntakeTest, AFileThatComesLater) {
    start();
    EXPECT_EQ(counted(), 0U);
    EXPECT_EQ(log_.warnings("waiting for it"), 1U);
    append(session());
    EXPECT_EQ(counted(), 1U);
}

TEST_F(LogIntakeTest, RotationByRename) {
    constexpr int other = 8;
    append(session() +
           line(some_noon, "Verified TLS connection established to mx.example.com[192.0.2.1]:25: TLSv1.3", other));
    start();
    EXPECT_EQ(counted(), 1U);
    std::filesystem::rename(settings_.file, settings_.file + ".1");
    EXPECT_EQ(counted(), 1U);
    // The syslog daemon writes to the old file until it is told; the next one is there already.
    append(session());
    EXPECT_EQ(counted(), 2U);
    std::ofstream(settings_.file + ".1", std::ios::app)
        << line(some_noon, "4F3A17D2: to=<b@example.com>, relay=mx.example.com[192.0.2.1]:25, status=sent (ok)", other);
    EXPECT_EQ(counted(), 3U) << "the session that began before the rotation";
    append(session());
    EXPECT_EQ(counted(), 4U);
}

TEST_F(LogIntakeTest, RotationByCopyAndTruncation) {
    append(session() + session());
    start();
    EXPECT_EQ(counted(), 2U);
    std::filesystem::resize_file(settings_.file, 0);
    EXPECT_EQ(counted(), 2U);
    append(session());
    EXPECT_EQ(counted(), 3U);
    // Emptied and grown beyond where it was before we looked: its beginning tells.
    {
        std::ofstream file(settings_.file, std::ios::trunc);
        for (int i = 0; i < 5; ++i) {
            file << session(some_noon + Seconds(60));
        }
    }
    EXPECT_EQ(counted(), 8U);
}

TEST_F(LogIntakeTest, GoesOnAfterARestart) {
    const std::string end = end_of(some_noon);
    append(session() + handshake(some_noon) + end.substr(0, 30));
    start();
    EXPECT_EQ(counted(), 1U);
    start();
    EXPECT_EQ(counted(), 1U) << "nothing twice";
    intake_.reset();
    append(end.substr(30) + session());
    start();
    EXPECT_EQ(counted(), 3U) << "the session under way, and what was written meanwhile";
    // Rotated while nobody looked: the rest of the old file, then the new one.
    intake_.reset();
    append(session() + handshake(some_noon, "Trusted", "example.net"));
    std::filesystem::rename(settings_.file, settings_.file + ".1");
    append(end_of(some_noon, "example.net"));
    start();
    EXPECT_EQ(counted("example.com"), 4U);
    EXPECT_EQ(counted("example.net"), 1U);
    // And once more, the old one being gone.
    intake_.reset();
    std::filesystem::remove(settings_.file + ".1");
    std::filesystem::remove(settings_.file);
    append(session(some_noon + Seconds(1)));
    start();
    EXPECT_EQ(counted("example.com"), 5U);
    EXPECT_GE(log_.warnings("is gone"), 1U);
}

TEST_F(LogIntakeTest, TheRestIsInTheCopy) {
    const std::string copy = settings_.file + ".1";
    append(session() + session() + handshake(some_noon));
    start();
    EXPECT_EQ(counted(), 2U);
    intake_.reset();
    append(end_of(some_noon) + session());
    std::filesystem::copy_file(settings_.file, copy);
    std::filesystem::resize_file(settings_.file, 0);
    append(session(some_noon + Seconds(60)));
    start();
    EXPECT_EQ(counted(), 5U) << "the session under way, the next one, and the one in the emptied file";
    EXPECT_EQ(log_.warnings("is gone"), 0U);
    start();
    EXPECT_EQ(counted(), 5U);
    // A copy that somebody made of a file which is still there is nothing to read.
    std::filesystem::copy_file(settings_.file, settings_.file + ".bak");
    start();
    EXPECT_EQ(counted(), 5U);
}

TEST_F(LogIntakeTest, AFileThatGetsItsNameBack) {
    settings_.rotated_grace = std::chrono::milliseconds(50);
    append(session());
    start();
    EXPECT_EQ(counted(), 1U);
    const std::string away = settings_.file + ".1";
    std::filesystem::rename(settings_.file, away);
    append(session(some_noon + Seconds(60)));
    EXPECT_EQ(counted(), 2U);
    std::filesystem::rename(away, settings_.file);
    EXPECT_EQ(counted(), 2U);
    std::this_thread::sleep_for(4 * settings_.rotated_grace);
    append(session());
    EXPECT_EQ(counted(), 3U) << "not from its beginning";
}

TEST_F(LogIntakeTest, AStoreThatDoesNotTakeTheCounts) {
    const std::string database = folder_ / "postseal.db";
    store_ = open_store("sqlite:" + database);
    const auto rename = [&](const std::string& from, const std::string& to) {
        ASSERT_TRUE(store::open_sqlite(database).value()->query("ALTER TABLE " + from + " RENAME TO " + to));
    };
    append(session());
    start();
    EXPECT_EQ(counted(), 1U);
    rename("log_position", "elsewhere");
    append(session());
    EXPECT_FALSE(intake_->flush());
    append(session());
    EXPECT_FALSE(intake_->flush());
    EXPECT_EQ(intake_->counters().sessions, 2U) << "nothing is read on";
    EXPECT_EQ(log_.warnings("cannot be stored"), 1U);
    EXPECT_EQ(store_->session_counts.of_day(today)->at(0).policy.successful, 1U) << "no counts without their place";
    rename("elsewhere", "log_position");
    EXPECT_TRUE(intake_->flush());
    EXPECT_EQ(counted(), 3U);
    start();
    EXPECT_EQ(counted(), 3U);
}

TEST_F(LogIntakeTest, OfDaysBeforeOnlyWhatCanStillBeReported) {
    const auto day = std::chrono::days(1);
    append(session(some_noon - day) + session());
    start();
    EXPECT_EQ(counted(), 1U) << "the day on which it was first followed";
    EXPECT_EQ(counted("", today - day), 0U);
    EXPECT_EQ(intake_->counters().late, 1U);
    intake_.reset();
    append(session(some_noon + Seconds(3600)));
    clock_.pass(day);
    start();
    EXPECT_EQ(counted(), 2U) << "yesterday's, written before midnight";
    intake_.reset();
    append(session(some_noon + Seconds(7200)));
    clock_.pass(2 * day);
    start();
    EXPECT_EQ(counted(), 2U);
    EXPECT_EQ(intake_->counters().late, 1U);
}

TEST_F(LogIntakeTest, CountsWhatIsBeyondTheCaps) {
    settings_.caps.rows_max = 4;
    for (int i = 0; i < 10; ++i) {
        append(session(some_noon, "Untrusted", "d" + std::to_string(i) + ".example"));
    }
    start();
    EXPECT_EQ(counted(), 4U);
    EXPECT_EQ(intake_->counters().over_cap_domains, 6U);
    EXPECT_EQ(log_.warnings("more domains, policies or failures than are kept"), 1U);
}

TEST_F(LogIntakeTest, HostileLinesAreSkipped) {
    append(std::string("a\0b\n", 4) + "\xff\xfe\n" + std::string(std::size_t{1} << 20, 'a') + "\n" + session());
    start();
    EXPECT_EQ(counted(), 1U);
    EXPECT_EQ(intake_->counters().rejected, 3U);
    append(std::string(std::size_t{1} << 20, 'b'));
    EXPECT_EQ(counted(), 1U);
    append("\n" + session());
    EXPECT_EQ(counted(), 2U);
    EXPECT_EQ(intake_->counters().rejected, 4U);
}

TEST_F(LogIntakeTest, OneFollowerOfAFile) {
    start();
    auto second = LogIntake::start(settings_, *store_, resolver_, clock_, log_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message().find("another postseal"), std::string::npos);
}

TEST_F(LogIntakeTest, StandardInputToItsEnd) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    settings_.file = "-";
    settings_.standard_input = ends[0];
    start();
    ::close(ends[0]);
    const std::string text = session() + handshake(some_noon - std::chrono::days(5)) +
                             end_of(some_noon - std::chrono::days(5)).substr(0, end_of(some_noon).size() - 1);
    ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    for (int i = 0; i < 500 && !intake_->ended(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(intake_->ended());
    EXPECT_EQ(counted(), 1U);
    EXPECT_EQ(counted("", today - std::chrono::days(5)), 1U) << "whoever pipes an old log in wants it counted";
}

TEST_F(LogIntakeTest, EximsLogInTheSameWay) {
    settings_.format = LogFormat::exim;
    cache_policy("sts.test", "enforce");
    add_tlsa("dane.test");
    const auto told = [](const std::string& domain, const std::string& asked, const std::string& event,
                         const std::string& end) {
        return "2026-09-21 12:00:00 1xW26k-00006S-1o postseal-session: at=" +
               std::to_string(some_noon.time_since_epoch().count()) + " event=" + event + " domain=" + domain +
               " host=mx." + domain + " ip=192.0.2.1 port=25 from=198.51.100.7 " + asked + " dane=no notafter= " + end +
               "\n";
    };
    const std::string good = told("sts.test", "level=secure source=sts", "smtp:ehlo", "error=0 why=");
    append(good + session());
    start();
    EXPECT_EQ(counted(), 1U) << "what Postfix writes is nothing here";
    std::filesystem::rename(settings_.file, settings_.file + ".1");
    append(good + told("dane.test", "level=dane-only source=dane", "msg:host:defer", "error=-38 why=no STARTTLS") +
           told("none.test", "level=none source=", "smtp:ehlo", "error=0 why="));
    start();
    EXPECT_EQ(counted(), 4U);
    const tlsrpt::PolicyResult sts = policy_of("sts.test");
    EXPECT_EQ(sts.policy_type, "sts");
    EXPECT_EQ(sts.successful, 2U);
    const tlsrpt::PolicyResult dane = policy_of("dane.test");
    EXPECT_EQ(dane.policy_domain, "mx.dane.test");
    ASSERT_EQ(dane.failures.size(), 1U);
    EXPECT_EQ(dane.failures[0].result_type, "starttls-not-supported");
    EXPECT_EQ(dane.failures[0].sending_mta_ip, "198.51.100.7");
    EXPECT_EQ(policy_of("none.test").policy_type, "no-policy-found");
}

TEST_F(LogIntakeTest, ThePolicyThatApplied) {
    cache_policy("sts.test", "enforce");
    cache_policy("testing.test", "testing");
    cache_policy("both.test", "enforce");
    cache_policy("hosted.test", "enforce");
    sign("dane.test");
    sign("both.test");
    add_tlsa("hosted.test");  // the MX records of hosted.test are not signed
    const std::string text =
        session(some_noon, "Verified", "sts.test") + session(some_noon, "Trusted", "testing.test") +
        session(some_noon, "Verified", "both.test") + session(some_noon, "Verified", "hosted.test") +
        session(some_noon, "Verified", "dane.test") + session(some_noon, "Untrusted", "none.test") +
        session(some_noon, "Verified", "own.test");
    append(text);
    start();
    EXPECT_EQ(counted(), 7U);
    const tlsrpt::PolicyResult sts = policy_of("sts.test");
    EXPECT_EQ(sts.policy_type, "sts");
    EXPECT_EQ(sts.policy_domain, "sts.test");
    EXPECT_EQ(sts.mx_hosts, std::vector<std::string>{"mx.sts.test"});
    EXPECT_EQ(sts.policy_strings,
              (std::vector<std::string>{"version: STSv1", "mode: enforce", "mx: mx.sts.test", "max_age: 86400"}));
    EXPECT_EQ(sts.successful, 1U);
    const tlsrpt::PolicyResult dane = policy_of("dane.test");
    EXPECT_EQ(dane.policy_type, "tlsa");
    EXPECT_EQ(dane.policy_domain, "mx.dane.test");
    std::string hex;
    for (int i = 0; i < 32; ++i) {
        hex += "ab";
    }
    EXPECT_EQ(dane.policy_strings, std::vector<std::string>{"3 1 1 " + hex});
    EXPECT_EQ(policy_of("both.test").policy_type, "tlsa") << "design rule 12";
    EXPECT_EQ(policy_of("hosted.test").policy_type, "sts") << "insecure MX records";
    for (const char* domain : {"testing.test", "none.test", "own.test"}) {
        EXPECT_EQ(policy_of(domain).policy_type, "no-policy-found") << domain;
        EXPECT_EQ(policy_of(domain).policy_domain, domain);
    }
}

TEST_F(LogIntakeTest, FailuresUnderThePolicyThatTheyBroke) {
    cache_policy("both.test", "enforce");
    sign("both.test");
    sign("dane.test");
    const auto fails = [](const std::string& domain, const std::string& why) {
        return line(some_noon, "server certificate verification failed for mx." + domain + "[192.0.2.1]:25: " + why) +
               handshake(some_noon, "Untrusted", domain) +
               end_of(some_noon, domain, "status=deferred (Server certificate not verified)");
    };
    append(fails("both.test", "certificate has expired") + fails("dane.test", "num=65:no matching DANE TLSA records") +
           fails("gone.test", "num=65:no matching DANE TLSA records") +
           line(some_noon, "warning: TLS policy lookup for none.test/mx.none.test: no TLSA records found"));
    start();
    EXPECT_EQ(counted(), 4U);
    const tlsrpt::PolicyResult both = policy_of("both.test");
    EXPECT_EQ(both.policy_type, "sts") << "TLSA records know no such fault here";
    EXPECT_EQ(both.failures.at(0).result_type, "certificate-expired");
    EXPECT_EQ(both.failures.at(0).receiving_mx_hostname, "mx.both.test");
    EXPECT_EQ(both.failed, 1U);
    EXPECT_EQ(policy_of("dane.test").policy_type, "tlsa");
    EXPECT_EQ(policy_of("dane.test").failures.at(0).result_type, "tlsa-invalid");
    const tlsrpt::PolicyResult gone = policy_of("gone.test");
    EXPECT_EQ(gone.policy_type, "tlsa") << "the log says so, whatever DNS says by now";
    EXPECT_EQ(gone.policy_domain, "mx.gone.test");
    EXPECT_EQ(policy_of("none.test").policy_type, "no-policy-found");
    EXPECT_EQ(policy_of("none.test").failures.at(0).result_type, "dane-required");
}

}  // namespace
}  // namespace postseal::sender
