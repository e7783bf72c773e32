// The collector on a real socket and a real database: every session that was sent is counted once, under its day.
#include "sender/collector.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"
#include "base/text.h"
#include "net/socket_group.h"
#include "net/testing.h"
#include "sender/testing.h"

namespace postseal::sender {
namespace {

using net::testing::name;
using testing::open_store;
using testing::some_noon;

const Day day = std::chrono::floor<std::chrono::days>(some_noon);

// As libtlsrpt writes them; `f` is the final result.
std::string datagram(const std::string& domain, bool failed, const std::string& record = "v=TLSRPTv1;rua=mailto:r@a") {
    const std::string details =
        failed ? R"(,"failure-details":[{"c":201,"s":"192.0.2.7","n":"mx.example.com","r":"198.51.100.2"}],"t":1,"f":1)"
               : R"(,"t":0,"f":0)";
    return R"({"dpv":"1","d":")" + domain + R"(","pr":")" + record +
           R"(","policies":[{"policy-type":2,"policy-domain":")" + domain + R"(","policy-string":["version: STSv1"])" +
           details + "}]}";
}

class CollectorTest : public ::testing::Test {
protected:
    void start() {
        auto started = Collector::start(settings_, *store_, clock_, log_);
        ASSERT_TRUE(started) << started.error().message();
        collector_ = std::move(*started);
        mta_ = std::make_unique<net::testing::Client>(net::ListenAddress::unix_path(settings_.socket), SOCK_DGRAM);
        ASSERT_TRUE(mta_->connected());
    }
    tlsrpt::Count only_count() {
        const auto counts = store_->session_counts.of_day(day);
        EXPECT_TRUE(counts);
        EXPECT_EQ(counts->size(), 1U);
        return counts->size() == 1 ? counts->front() : tlsrpt::Count{};
    }

    postseal::testing::TemporaryFolder folder_;
    CollectorSettings settings_{.socket = folder_ / "tlsrpt.sock"};
    testing::TestClock clock_;
    testing::TestLog log_;
    std::unique_ptr<store::Store> store_ = open_store();
    std::unique_ptr<Collector> collector_;
    std::unique_ptr<net::testing::Client> mta_;  // blocking, unlike Postfix: nothing is lost on a short queue
};

TEST_F(CollectorTest, CountsWhatWasSentBeforeAFlush) {
    start();
    constexpr int sessions = 1000;
    for (int i = 0; i < sessions; ++i) {
        mta_->send(datagram("example.com", i % 4 == 0));
    }
    ASSERT_TRUE(collector_->flush());
    const tlsrpt::Count count = only_count();
    EXPECT_EQ(count.domain, name("example.com"));
    EXPECT_EQ(count.policy.policy_type, "sts");
    EXPECT_EQ(count.policy.successful, 750U);
    EXPECT_EQ(count.policy.failed, 250U);
    ASSERT_EQ(count.policy.failures.size(), 1U);
    EXPECT_EQ(count.policy.failures[0].result_type, "starttls-not-supported");
    EXPECT_EQ(count.policy.failures[0].sessions, 250U);
    EXPECT_EQ(collector_->counters().received, 1000U);
    EXPECT_EQ(collector_->counters().sessions, 1000U);

    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush()) << "a second flush adds to the first";
    EXPECT_EQ(only_count().policy.successful, 751U);
    ASSERT_TRUE(collector_->flush()) << "with nothing new";
    EXPECT_EQ(only_count().policy.successful, 751U);
}

// RPT-014, design rule 15: one session for each report that was handed over, whoever brings it.
TEST_F(CollectorTest, DoesNotCountTheSessionThatCarriedAReport) {
    start();
    for (int i = 0; i < 4; ++i) {  // known byte for byte by now
        mta_->send(datagram("example.com", false));
    }
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 4U);
    ASSERT_TRUE(store_->handed_reports.put("1", name("example.com"), clock_.now()));
    for (int i = 0; i < 3; ++i) {
        mta_->send(datagram("example.com", false));
    }
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 6U) << "one of the three is kept back";
    EXPECT_EQ(collector_->counters().kept_back, 1U);

    tlsrpt::Session plain;
    plain.domain = name("example.com");
    plain.policies.emplace_back();
    plain.policies[0].policy.policy_type = "no-policy-found";
    ASSERT_TRUE(collector_->add({plain}));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 7U) << "this one carried it, under no policy: that one was ordinary";
    EXPECT_EQ(collector_->counters().report_sessions, 1U);
    EXPECT_EQ(collector_->counters().kept_back, 0U);
    EXPECT_EQ(collector_->counters().sessions, 7U);

    ASSERT_TRUE(store_->handed_reports.put("2", name("other.example"), clock_.now()));
    mta_->send(datagram("other.example", true));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 7U) << "a domain with nothing but a report has no count at all";
}

TEST_F(CollectorTest, FlushesByItself) {
    settings_.flush_interval = std::chrono::milliseconds(20);
    start();
    mta_->send(datagram("example.com", false));
    // Design §6: what the socket took more than a second before a crash is counted. Patience for a busy machine.
    for (int i = 0; i < 500 && store_->session_counts.of_day(day)->empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(only_count().policy.successful, 1U);
}

TEST_F(CollectorTest, CountsWhatTheSocketTookBeforeItStopsAndRefusesWhatComesLater) {
    start();
    for (int i = 0; i < 10; ++i) {
        mta_->send(datagram("example.com", false));
    }
    collector_->stop();
    EXPECT_EQ(only_count().policy.successful, 10U);
    const std::string late = datagram("example.com", false);
    EXPECT_LT(::send(mta_->fd(), late.data(), late.size(), MSG_NOSIGNAL), 0) << "the sender learns of it";
    EXPECT_FALSE(std::filesystem::exists(settings_.socket));
    EXPECT_TRUE(collector_->flush()) << "nothing is left to flush, and nobody waits";
}

TEST_F(CollectorTest, RejectsDatagramsAndGoesOn) {
    start();
    const std::string bad[] = {
        "not JSON",
        datagram("example..com", false),                                                    // `d` is no name
        datagram("example.com", false, "v=spf1 -all"),                                      // `pr` is no TLSRPT record
        R"({"dpv":"1","d":"example.com","pr":"v=TLSRPTv1;rua=mailto:r@a","policies":[]})",  // at least one policy
        R"({"dpv":"1","d":"example.com","pr":"v=TLSRPTv1;rua=mailto:r@a","policies":[{"policy-type":2,"f":2}]})",
        "{\"d\":\"\xff",
    };
    for (const std::string& text : bad) {
        mta_->send(text);
    }
    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(collector_->counters().rejected, std::size(bad));
    EXPECT_EQ(collector_->counters().sessions, 1U);
    EXPECT_EQ(only_count().policy.successful, 1U);
    EXPECT_EQ(log_.warnings("a datagram was rejected"), 1U) << "a flood of them does not fill the log";
}

TEST_F(CollectorTest, WarnsOnceAboutAnUnknownProtocolVersionAndCounts) {
    start();
    for (int i = 0; i < 3; ++i) {
        std::string text = datagram("example.com", false);
        text.replace(text.find(R"("dpv":"1")"), 9, R"("dpv":"2")");
        mta_->send(text);
    }
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 3U);
    EXPECT_EQ(log_.warnings("unknown protocol version"), 1U);
}

TEST_F(CollectorTest, TakesDatagramsWithoutAProtocolVersionSilently) {  // of libtlsrpt before 0.5
    start();
    std::string text = datagram("example.com", false);
    text.erase(text.find(R"("dpv":"1",)"), 10);
    mta_->send(text);
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 1U);
    EXPECT_EQ(log_.warnings("unknown protocol version"), 0U);
}

TEST_F(CollectorTest, CountsUnderTheUtcDayOfArrival) {  // RFC 8460 §4.1
    start();
    clock_.set(TimePoint(day) + Seconds(86'399));
    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush());
    clock_.pass(Seconds(1));
    mta_->send(datagram("example.com", true));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 1U);
    const auto next = store_->session_counts.of_day(day + std::chrono::days(1));
    ASSERT_EQ(next->size(), 1U);
    EXPECT_EQ(next->front().policy.failed, 1U);
}

TEST_F(CollectorTest, KeepsTheNewestRecordOfADomainsDay) {
    start();
    mta_->send(datagram("example.com", false, "v=TLSRPTv1;rua=mailto:old@a"));
    std::string other_policy = datagram("example.com", false, "v=TLSRPTv1;rua=mailto:old@a");
    other_policy.replace(other_policy.find(R"("policy-type":2)"), 15, R"("policy-type":9)");
    mta_->send(other_policy);
    ASSERT_TRUE(collector_->flush());
    mta_->send(datagram("example.com", false, "v=TLSRPTv1;rua=mailto:new@a"));
    ASSERT_TRUE(collector_->flush());
    const auto counts = store_->session_counts.of_day(day);
    ASSERT_EQ(counts->size(), 2U);
    for (const tlsrpt::Count& count : *counts) {
        EXPECT_EQ(count.record, "v=TLSRPTv1;rua=mailto:new@a") << count.policy.policy_type;
    }
}

TEST_F(CollectorTest, DropsWhatItCannotHold) {
    settings_.queue_bytes_max = 1;
    start();
    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(collector_->counters().received, 1U);
    EXPECT_EQ(collector_->counters().dropped, 1U);
    EXPECT_EQ(collector_->counters().sessions, 0U);
}

TEST_F(CollectorTest, KeepsInMemoryWhatTheStoreDoesNotTake) {
    store_ = open_store("sqlite:" + (folder_ / "counts.db"));
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "counts.db").c_str(), &other), SQLITE_OK);
    const auto run = [&](const char* sql) { return sqlite3_exec(other, sql, nullptr, nullptr, nullptr); };
    start();
    ASSERT_EQ(run("ALTER TABLE session_count RENAME TO away"), SQLITE_OK);
    mta_->send(datagram("example.com", true));
    EXPECT_FALSE(collector_->flush());
    EXPECT_GE(log_.warnings("kept in memory"), 1U);
    ASSERT_EQ(run("ALTER TABLE away RENAME TO session_count"), SQLITE_OK);
    mta_->send(datagram("example.com", true));
    EXPECT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.failed, 2U) << "both, each once";
    EXPECT_EQ(only_count().policy.failures.at(0).sessions, 2U);
    sqlite3_close(other);
}

TEST_F(CollectorTest, TheSocketIsWritableAsConfiguredAndTakesOverOnlyAStaleOne) {
    settings_.socket_mode = 0622;
    start();
    struct stat status {};
    ASSERT_EQ(::stat(settings_.socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0622U);
    const auto second = Collector::start(settings_, *store_, clock_, log_);
    ASSERT_FALSE(second) << "somebody reads it";
    EXPECT_NE(second.error().message().find(settings_.socket), std::string::npos) << second.error().message();

    collector_.reset();
    {
        // What a killed collector leaves behind.
        net::Socket killed = *net::bind_datagram(net::ListenAddress::unix_path(settings_.socket));
        ::close(killed.release());
    }
    ASSERT_TRUE(std::filesystem::exists(settings_.socket));
    start();
    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 1U);
}

TEST_F(CollectorTest, ReadsOnlyOnceWhatComesAgainAndCountsItEachTime) {
    settings_.flush_interval = std::chrono::milliseconds(20);  // flushes in between
    start();
    constexpr int rounds = 300;
    for (int i = 0; i < rounds; ++i) {
        for (int domain = 0; domain < 5; ++domain) {
            mta_->send(datagram("d" + std::to_string(domain) + ".example.com", domain == 0));
        }
    }
    ASSERT_TRUE(collector_->flush());
    const auto counts = store_->session_counts.of_day(day);
    ASSERT_EQ(counts->size(), 5U);
    for (const tlsrpt::Count& count : *counts) {
        const bool fails = count.domain == name("d0.example.com");
        EXPECT_EQ(count.policy.failed, fails ? 300U : 0U) << count.domain.text();
        EXPECT_EQ(count.policy.successful, fails ? 0U : 300U) << count.domain.text();
        ASSERT_EQ(count.policy.failures.size(), fails ? 1U : 0U);
        EXPECT_TRUE(!fails || count.policy.failures[0].sessions == 300U);
    }
    EXPECT_EQ(collector_->counters().sessions, 1500U);
    EXPECT_EQ(collector_->counters().waiting, 0U);
}

TEST_F(CollectorTest, RejectsWhatIsEmptyAndCountsWhatIsTooLarge) {
    start();
    mta_->send("");
    mta_->send("{}");
    mta_->send("[]");
    mta_->send(std::string(1000, '\0'));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(collector_->counters().rejected, 4U);
    // libtlsrpt cannot send more than 208 KiB. Who may pass wmem_max can: that is lost, and said.
    constexpr int send_buffer_bytes = 4 << 20;
    if (::setsockopt(mta_->fd(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof send_buffer_bytes) == 0) {
        std::string large = datagram("example.com", false);
        large.insert(large.size() - 1, 300'000, ' ');
        mta_->send(large);
        mta_->send(datagram("example.com", false));
        ASSERT_TRUE(collector_->flush());
        EXPECT_EQ(collector_->counters().truncated, 1U);
        EXPECT_EQ(log_.warnings("1 datagrams were lost: larger than 262144 bytes"), 1U);
        EXPECT_EQ(collector_->counters().sessions, 1U);
    }
    std::string spacious = datagram("example.com", false);
    spacious.insert(spacious.size() - 1, 190'000, ' ');
    mta_->send(spacious);
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, collector_->counters().sessions) << "what fits is counted";
}

TEST_F(CollectorTest, TakesSessionsOfOtherIntakes) {
    settings_.socket = "";
    settings_.queue_sessions_max = 3;
    auto started = Collector::start(settings_, *store_, clock_, log_);
    ASSERT_TRUE(started) << started.error().message();
    collector_ = std::move(*started);
    const auto session = [](bool failed) { return *tlsrpt::parse_datagram(as_bytes(datagram("example.com", failed))); };
    EXPECT_TRUE(collector_->add({session(false), session(true)}));
    EXPECT_FALSE(collector_->add({session(false), session(true)})) << "all or none: there is room for one";
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 1U);
    EXPECT_EQ(only_count().policy.failed, 1U);
    EXPECT_TRUE(collector_->add({session(false), session(true)})) << "there is room again";
    collector_->stop();
    EXPECT_EQ(only_count().policy.successful, 2U) << "what was taken before the end is stored";
    EXPECT_FALSE(collector_->add({session(false)})) << "afterwards the sender is told";
}

TEST_F(CollectorTest, LeavesTheSocketOfSystemdToTheNextProcess) {
    auto bound = net::bind_datagram(net::ListenAddress::unix_path(settings_.socket));
    ASSERT_TRUE(bound);
    const int fd = bound->fd();
    mta_ = std::make_unique<net::testing::Client>(net::ListenAddress::unix_path(settings_.socket), SOCK_DGRAM);
    const auto start_with_it = [&] {
        auto started = Collector::start(settings_, *store_, clock_, log_, net::Socket(::dup(fd)));
        ASSERT_TRUE(started) << started.error().message();
        collector_ = std::move(*started);
    };
    mta_->send(datagram("example.com", false));  // before there was anybody to read it
    start_with_it();
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 1U);
    collector_.reset();
    mta_->send(datagram("example.com", false));  // between two processes
    start_with_it();
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(only_count().policy.successful, 2U) << "nothing is lost while nobody runs";
    EXPECT_TRUE(std::filesystem::exists(settings_.socket));
}

TEST_F(CollectorTest, SaysThatTheLastRunWasCutOff) {
    settings_.running_file = folder_ / "collector.running";
    start();
    EXPECT_EQ(collector_->counters().unclean_end, 0U);
    mta_->send(datagram("example.com", false));
    ASSERT_TRUE(collector_->flush());
    ASSERT_TRUE(std::filesystem::exists(settings_.running_file));
    std::filesystem::copy_file(settings_.running_file, folder_ / "as-killed");
    collector_.reset();
    EXPECT_FALSE(std::filesystem::exists(settings_.running_file)) << "a clean end";
    start();
    EXPECT_EQ(log_.warnings("did not end cleanly"), 0U);
    collector_.reset();

    std::filesystem::rename(folder_ / "as-killed", settings_.running_file);
    start();
    EXPECT_EQ(log_.warnings("did not end cleanly: sessions of its last 500 ms"), 1U);
    EXPECT_EQ(collector_->counters().unclean_end, 1U);
    collector_.reset();
    start();
    EXPECT_EQ(log_.warnings("did not end cleanly"), 1U) << "it is said once";
}

TEST_F(CollectorTest, SaysWhatIsBeyondTheCaps) {
    settings_.caps.rows_max = 4;
    start();
    for (int i = 0; i < 10; ++i) {
        mta_->send(datagram("d" + std::to_string(i) + ".example.com", false));
    }
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(store_->session_counts.of_day(day)->size(), 4U);
    EXPECT_EQ(collector_->counters().over_cap_domains, 6U);
    EXPECT_EQ(log_.warnings("6 sessions are of domains beyond 4 rows"), 1U);
    mta_->send(datagram("d0.example.com", false));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(store_->session_counts.of_day(day)->front().policy.successful, 2U) << "who is known is counted on";
    clock_.pass(std::chrono::days(1));
    mta_->send(datagram("d9.example.com", false));
    ASSERT_TRUE(collector_->flush());
    EXPECT_EQ(collector_->counters().over_cap_domains, 6U);
    EXPECT_EQ(store_->session_counts.of_day(day + std::chrono::days(1))->size(), 1U) << "a day has all its room";
}

TEST_F(CollectorTest, SaysWhatItLosesWhenTheStoreIsDownAtItsEnd) {
    store_ = open_store("sqlite:" + (folder_ / "counts.db"));
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "counts.db").c_str(), &other), SQLITE_OK);
    start();
    ASSERT_EQ(sqlite3_exec(other, "ALTER TABLE session_count RENAME TO away", nullptr, nullptr, nullptr), SQLITE_OK);
    mta_->send(datagram("example.com", true));
    EXPECT_FALSE(collector_->flush());
    EXPECT_FALSE(collector_->flush());
    EXPECT_EQ(log_.warnings("kept in memory"), 1U) << "once, not with each flush";
    EXPECT_GE(collector_->counters().flush_failures, 2U);
    EXPECT_EQ(collector_->counters().waiting, 1U);
    collector_->stop();
    EXPECT_EQ(log_.warnings("1 sessions are lost"), 1U);
    sqlite3_close(other);
}

TEST_F(CollectorTest, BelongsToAGroupAndSaysWhenThereIsNone) {
    settings_.socket_group = "no-such-group-here";
    const auto refused = Collector::start(settings_, *store_, clock_, log_);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("no-such-group-here"), std::string::npos) << refused.error().message();
    if (const auto group = net::group_id("nogroup"); group && ::geteuid() == 0) {
        settings_.socket_group = "nogroup";
        start();
        struct stat status {};
        ASSERT_EQ(::stat(settings_.socket.c_str(), &status), 0);
        EXPECT_EQ(status.st_gid, *group);
    }
}

TEST_F(CollectorTest, SaysWhyItCannotStart) {
    settings_.socket = folder_ / "absent/tlsrpt.sock";
    EXPECT_FALSE(Collector::start(settings_, *store_, clock_, log_));
    settings_.socket = folder_ / std::string(110, 'x');
    const auto too_long = Collector::start(settings_, *store_, clock_, log_);
    ASSERT_FALSE(too_long);
    EXPECT_NE(too_long.error().message().find("107"), std::string::npos) << too_long.error().message();
}

}  // namespace
}  // namespace postseal::sender
