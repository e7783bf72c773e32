// The store: what goes in comes out, what must be refused is refused. On SQLite, and on PostgreSQL (store/testing.h).
#include "store/store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <random>

#include "base/testing.h"
#include "store/schema.h"
#include "store/testing.h"

namespace postseal::store {
namespace {

using testing::new_database;
using testing::new_store;

const TimePoint now{Seconds(1'790'000'000)};

dns::Name name(std::string_view text) {
    return dns::Name::parse(text).value();
}

TEST(Database, RollsBackWhatDidNotSucceed) {
    auto database = new_database();
    ASSERT_TRUE(database->query("CREATE TABLE t (n BIGINT UNIQUE)"));
    const auto outcome = database->transaction([&]() -> Result<void> {
        EXPECT_TRUE(database->query("INSERT INTO t VALUES ($1)", {value(std::int64_t{1})}));
        return Error{Errc::refused, "", "changed my mind"};
    });
    EXPECT_EQ(outcome.error().what, "changed my mind");
    EXPECT_EQ(database->query("SELECT COUNT(*) FROM t").value().at(0).number(0), 0);
}

TEST(Database, TellsAConstraintFromBrokenSql) {
    auto database = new_database();
    ASSERT_TRUE(database->query("CREATE TABLE t (n BIGINT UNIQUE)"));
    ASSERT_TRUE(database->query("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(database->query("INSERT INTO t VALUES (1)").error().code, Errc::refused);
    EXPECT_EQ(database->query("SELEKT").error().code, Errc::internal);
}

TEST(Database, KeepsEveryType) {
    auto database = new_database();
    ASSERT_TRUE(database->query(
        database->schema_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n BIGINT, s TEXT, b BLOB NOT NULL)")));
    const std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const Bytes bytes{0x00, 0xff, '\\', '\''};
    ASSERT_TRUE(
        database->query("INSERT INTO t (n, s, b) VALUES ($1, $2, $3)", {value(most), value("п'\\x41"), value(bytes)}));
    ASSERT_TRUE(
        database->query("INSERT INTO t (n, s, b) VALUES ($1, $2, $3)", {value(-most - 1), null(), value(Bytes{})}));
    ASSERT_TRUE(database->query("INSERT INTO t (n, s, b) VALUES ($1, $2, $3)", {null(), value(""), value(Bytes{1})}));
    const Rows rows = database->query("SELECT n, s, b, id FROM t ORDER BY id").value();
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].number(0), most);
    EXPECT_EQ(rows[0].text(1), "п'\\x41");
    EXPECT_EQ(rows[0].bytes(2), bytes);
    EXPECT_EQ(rows[0].number(3), 1);
    EXPECT_EQ(rows[1].number(0), -most - 1);
    EXPECT_TRUE(rows[1].is_null(1));
    EXPECT_FALSE(rows[1].is_null(2)) << "no bytes are not NULL";
    EXPECT_TRUE(rows[2].is_null(0));
    EXPECT_EQ(rows[2].maybe_text(1), "");
    EXPECT_EQ(rows[2].number(3), 3);
    EXPECT_EQ(database->query("SELECT SUM(n) FROM t WHERE id > 1").value().at(0).number(0), -most - 1);
    EXPECT_EQ(database->query("SELECT COUNT(*) FROM t").value().at(0).number(0), 3);
}

TEST(Database, ATransactionThatLostAStatementIsNotCommittedInPart) {
    auto database = new_database();
    ASSERT_TRUE(database->query("CREATE TABLE t (n BIGINT UNIQUE)"));
    const auto outcome = database->transaction([&]() -> Result<void> {
        EXPECT_TRUE(database->query("INSERT INTO t VALUES (1)"));
        const auto twice = database->query("INSERT INTO t VALUES (1)");
        EXPECT_EQ(twice.error().code, Errc::refused);
        return twice.error();
    });
    EXPECT_EQ(outcome.error().code, Errc::refused);
    EXPECT_EQ(database->query("SELECT COUNT(*) FROM t").value().at(0).number(0), 0);
    EXPECT_TRUE(database->query("INSERT INTO t VALUES (1)")) << "and the database goes on";
}

TEST(Database, HandsOutRowsOneByOne) {
    const auto database = testing::new_database();
    ASSERT_TRUE(database->query("CREATE TABLE t (a BIGINT, b TEXT)"));
    ASSERT_TRUE(database->query("INSERT INTO t VALUES (1, 'one'), (-2, ''), (3, NULL)"));
    std::string seen;
    ASSERT_TRUE(database->each("SELECT a, b FROM t ORDER BY abs(a)", [&](const RowView& row) {
        seen += std::to_string(row.number(0)) + "=" + std::string(row.text(1)) + ";";
    }));
    EXPECT_EQ(seen, "1=one;-2=;3=;");
    EXPECT_EQ(database->each("SELECT nothing FROM t", [](const RowView&) {}).error().code, Errc::internal);
    EXPECT_TRUE(database->query("INSERT INTO t VALUES (4, 'four')")) << "and the database goes on";
}

TEST(Database, TellsOtherProcessesWhereThereAreAny) {
    const std::string url = testing::new_database_url();
    if (url.starts_with("sqlite:")) {
        EXPECT_TRUE(testing::new_database()->notify("news", "to nobody"));
        EXPECT_EQ(testing::new_database()->listen("news", {}).value(), nullptr);
        return;
    }
    std::promise<std::string> first;
    std::atomic<int> heard = 0;
    auto here = open_postgres(url).value();
    const auto feed = here->listen("news", {[&](std::string_view payload) {
                                                if (heard++ == 0) {
                                                    first.set_value(std::string(payload));
                                                }
                                            },
                                            [] {}});
    ASSERT_TRUE(feed) << feed.error().message();
    auto there = open_postgres(url).value();
    const auto rolled_back = there->transaction([&]() -> Result<void> {
        EXPECT_TRUE(there->notify("news", "never happened"));
        return Error{Errc::refused, "", "changed my mind"};
    });
    EXPECT_FALSE(rolled_back);
    ASSERT_TRUE(there->notify("other", "of no interest"));
    ASSERT_TRUE(there->notify("news", "it's here"));
    EXPECT_EQ(first.get_future().get(), "it's here");
    EXPECT_EQ(heard, 1);
}

TEST(Store, SaysWhichDatabaseItCannotOpen) {
    const auto code = [](const char* url) { return Store::open(url, SecretBox::ephemeral()).error().code; };
    EXPECT_EQ(code("sqlite:/nonexistent/folder/file"), Errc::unavailable);
    EXPECT_EQ(code("mysql://localhost/postseal"), Errc::invalid_input);
    EXPECT_EQ(code("postgresql://localhost/postseal?colour=red"), Errc::invalid_input);
    EXPECT_EQ(code("postgresql:///postseal?host=/nonexistent"), Errc::unavailable);
    const auto refused = Store::open("postgresql://mail:hunter2@127.0.0.1:1/postseal", SecretBox::ephemeral());
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_EQ(refused.error().message().find("hunter2"), std::string::npos) << refused.error().message();
}

TEST(Schema, MigratesOnceAndRefusesANewerDatabase) {
    auto database = new_database();
    ASSERT_TRUE(migrate(*database));
    ASSERT_TRUE(migrate(*database));  // nothing left to do
    ASSERT_TRUE(database->query("INSERT INTO schema_version VALUES (1000)"));
    EXPECT_EQ(migrate(*database).error().code, Errc::refused);
}

TEST(SecretBox, OpensOnlyWithTheSameKeyAndContext) {
    const SecretBox box = SecretBox::ephemeral();
    const Bytes sealed = box.seal("private", "key of a");
    EXPECT_EQ(box.unseal(sealed, "key of a").value(), "private");
    EXPECT_FALSE(box.unseal(sealed, "key of b"));
    EXPECT_FALSE(SecretBox::ephemeral().unseal(sealed, "key of a"));
    Bytes damaged = sealed;
    damaged.back() ^= 1U;
    EXPECT_FALSE(box.unseal(damaged, "key of a"));
    EXPECT_FALSE(box.unseal(Bytes(5), "key of a"));
    EXPECT_EQ(as_text(sealed).find("private"), std::string_view::npos);
}

TEST(SecretBox, KeyFileIsMadeOnceAndMustBePrivate) {
    const postseal::testing::TemporaryFolder folder;
    const std::string path = folder / "master.key";
    const Bytes sealed = SecretBox::open(path).value().seal("s", "c");
    EXPECT_EQ(SecretBox::open(path).value().unseal(sealed, "c").value(), "s");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
    EXPECT_EQ(SecretBox::open(path).error().code, Errc::refused);
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    std::ofstream(path) << "not a key\n";
    EXPECT_EQ(SecretBox::open(path).error().code, Errc::invalid_input);
}

TEST(Store, SurvivesReopening) {
    const postseal::testing::TemporaryFolder folder;
    const auto box = [&] { return SecretBox::open(folder / "master.key").value(); };
    const std::string url = "sqlite:" + (folder / "postseal.db");
    {
        auto store = Store::open(url, box()).value();
        ASSERT_TRUE(store->certificates.put({name("mta-sts.example.com"), "CHAIN", "KEY", now, now + Seconds(5)}));
    }
    auto store = Store::open(url, box()).value();
    const auto certificates = store->certificates.all().value();
    ASSERT_EQ(certificates.size(), 1U);
    EXPECT_EQ(certificates[0].host, name("mta-sts.example.com"));
    EXPECT_EQ(certificates[0].key_pem, "KEY");
    EXPECT_EQ(certificates[0].not_after, now + Seconds(5));
}

TEST(Accounts, SignInLinkWorksOnceAndInTime) {
    auto store = new_store();
    Accounts& accounts = store->accounts;
    const auto organisation = accounts.organisation("Home", now).value();
    EXPECT_EQ(accounts.organisation("Home", now).value().id, organisation.id);
    const auto user = accounts.user(organisation.id, "owner", now).value();
    const auto link = accounts.make_sign_in_token(user.id, now + Seconds(60)).value();
    const auto session = accounts.sign_in(link, now, now + Seconds(3600)).value();
    EXPECT_EQ(accounts.sign_in(link, now, now + Seconds(3600)).error().code, Errc::refused);
    EXPECT_EQ(accounts.session(session, now).value().user.name, "owner");
    EXPECT_EQ(accounts.session(session, now + Seconds(3600)).error().code, Errc::not_found);
    EXPECT_EQ(accounts.session("guess", now).error().code, Errc::not_found);
    ASSERT_TRUE(accounts.sign_out(session));
    EXPECT_FALSE(accounts.session(session, now));
    const auto late = accounts.make_sign_in_token(user.id, now).value();
    EXPECT_EQ(accounts.sign_in(late, now, now + Seconds(1)).error().code, Errc::refused);
}

Domain a_domain(std::int64_t organisation, std::string_view text, std::string label) {
    Domain domain;
    domain.organisation = organisation;
    domain.name = name(text);
    domain.label = std::move(label);
    domain.added = now;
    return domain;
}

TEST(Domains, LabelIsNeverReissued) {  // rule 1
    auto store = new_store();
    const auto organisation = store->accounts.organisation("Home", now).value().id;
    Domain domain = store->domains.add(a_domain(organisation, "example.com", "l1")).value();
    EXPECT_EQ(store->domains.add(a_domain(organisation, "example.com", "l2")).error().code, Errc::refused);  // has it
    EXPECT_EQ(store->domains.add(a_domain(organisation, "example.net", "l1")).error().code,
              Errc::refused);  // label used
    domain.state = DomainState::gone;
    ASSERT_TRUE(store->domains.update(domain));
    EXPECT_FALSE(store->domains.find(organisation, name("example.com")).value());
    EXPECT_EQ(store->domains.find_by_label("l1").value()->state, DomainState::gone);
    EXPECT_EQ(store->domains.add(a_domain(organisation, "example.com", "l1")).error().code, Errc::refused);
    EXPECT_TRUE(store->domains.add(a_domain(organisation, "example.com", "l2")));
}

TEST(Domains, RetiringDomainMayComeBackUnderANewLabel) {
    auto store = new_store();
    const auto organisation = store->accounts.organisation("Home", now).value().id;
    Domain old = store->domains.add(a_domain(organisation, "example.com", "old")).value();
    old.state = DomainState::retiring;
    old.cnames_until = now + Seconds(9);
    ASSERT_TRUE(store->domains.update(old));
    ASSERT_TRUE(store->domains.add(a_domain(organisation, "example.com", "new")));
    EXPECT_EQ(store->domains.find(organisation, name("example.com")).value()->label, "new");
    EXPECT_EQ(store->domains.find_by_label("old").value()->cnames_until, now + Seconds(9));
    EXPECT_EQ(store->domains.list(organisation).value().size(), 2U);
}

TEST(Domains, KeepsWhatADomainUses) {
    const auto store = testing::new_store();
    const std::int64_t organisation = store->accounts.organisation("ours", TimePoint{}).value().id;
    Domain domain = a_domain(organisation, "example.com", "l1");
    domain.uses = Uses::tls_rpt;
    domain.own_rua = {"mailto:a@example.com", "https://b.example/x"};
    domain = store->domains.add(domain).value();
    const auto kept = [&] { return store->domains.find_by_label("l1").value().value(); };
    EXPECT_EQ(kept().uses, Uses::tls_rpt);
    EXPECT_EQ(kept().own_rua, domain.own_rua);
    EXPECT_FALSE(kept().cnames_lost);
    EXPECT_FALSE(kept().record_removed);
    domain.uses = Uses::both;
    domain.own_rua.clear();
    domain.cnames_lost = TimePoint(Seconds(7));
    domain.imported = "{}";
    domain.elsewhere = "[]";
    domain.record_removed = true;
    ASSERT_TRUE(store->domains.update(domain));
    EXPECT_EQ(kept().uses, Uses::both);
    EXPECT_TRUE(kept().own_rua.empty());
    EXPECT_EQ(kept().cnames_lost, TimePoint(Seconds(7)));
    EXPECT_EQ(kept().imported, "{}");
    EXPECT_EQ(kept().elsewhere, "[]");
    EXPECT_TRUE(kept().record_removed);
    for (const Uses uses : {Uses::both, Uses::mta_sts, Uses::tls_rpt, Uses::watch}) {
        EXPECT_EQ(uses_from_string(to_string(uses)), uses);
    }
    EXPECT_FALSE(uses_from_string("all"));
}

TEST(Domains, ListsEveryEntryOfAName) {
    const auto store = testing::new_store();
    const std::int64_t first = store->accounts.organisation("first", TimePoint{}).value().id;
    const std::int64_t second = store->accounts.organisation("second", TimePoint{}).value().id;
    Domain gone = store->domains.add(a_domain(first, "example.com", "l0")).value();
    gone.state = DomainState::gone;
    ASSERT_TRUE(store->domains.update(gone));
    ASSERT_TRUE(store->domains.add(a_domain(first, "example.com", "l1")));
    ASSERT_TRUE(store->domains.add(a_domain(second, "example.com", "l2")));
    ASSERT_TRUE(store->domains.add(a_domain(second, "other.example", "l3")));
    const auto all = store->domains.with_name(dns::Name::parse("example.com").value()).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].label, "l1");
    EXPECT_EQ(all[1].label, "l2");
}

TEST(Domains, PolicyIdIsNeverUsedForAnotherBody) {  // STS-016
    auto store = new_store();
    const auto organisation = store->accounts.organisation("Home", now).value().id;
    const auto domain = store->domains.add(a_domain(organisation, "example.com", "l1")).value().id;
    PolicyVersion version{domain, 1, mtasts::Mode::testing, 86400, "body", "id1", now, {}, {}, {}};
    ASSERT_TRUE(store->domains.add_version(version));
    version.version = 2;
    EXPECT_EQ(store->domains.add_version(version).error().code, Errc::refused);
    version.policy_id = "id2";
    ASSERT_TRUE(store->domains.add_version(version));
    version.body_live = now;
    ASSERT_TRUE(store->domains.update_version(version));
    const auto versions = store->domains.versions(domain).value();
    ASSERT_EQ(versions.size(), 2U);
    EXPECT_FALSE(versions[0].body_live);
    EXPECT_EQ(versions[1].body_live, now);
}

TEST(PolicyCache, KeepsPolicyAndFailures) {  // rule 9: a restart forgets nothing
    auto store = new_store();
    PolicyCache::Entry entry{
        name("example.com"), std::nullopt, {"id2", now, {{"id1", now - Seconds(5)}, {"id2", now}}}, now + Seconds(60)};
    entry.policy = mtasts::CachedPolicy{
        *mtasts::judge_policy("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 86400\n").policy,
        "id1",
        now,
        now,
        now,
        300};
    ASSERT_TRUE(store->policy_cache.put(entry));
    const auto all = store->policy_cache.all().value();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].policy, entry.policy);
    EXPECT_EQ(all[0].failures, entry.failures);
    EXPECT_EQ(all[0].answer_until, entry.answer_until);
    EXPECT_EQ(store->policy_cache.size().value(), 1U);
    ASSERT_TRUE(store->policy_cache.erase(entry.domain));
    EXPECT_TRUE(store->policy_cache.all().value().empty());
    EXPECT_FALSE(store->policy_cache.find(entry.domain).value());
}

TEST(LogPositions, AreKeptByHostAndFile) {
    const auto store = new_store();
    ASSERT_TRUE(store->log_positions.put("a", "/var/log/mail.log", "1"));
    ASSERT_TRUE(store->log_positions.put("b", "/var/log/mail.log", "2"));
    ASSERT_TRUE(store->log_positions.put("a", "/var/log/mail.log", "3"));
    EXPECT_EQ(store->log_positions.find("a", "/var/log/mail.log").value(), "3");
    EXPECT_EQ(store->log_positions.find("b", "/var/log/mail.log").value(), "2");
    EXPECT_FALSE(store->log_positions.find("a", "/var/log/other").value());
}

TEST(AcmeLedger, KeepsOrdersEventsAndOneClaim) {
    const auto store = new_store();
    CertificateOrder order;
    order.host = name("mta-sts.example.com");
    order.directory = "https://ca.test/dir";
    order.failures = 3;
    order.failing_since = now;
    order.next_try = now + Seconds(60);
    order.last_error = "port 80 cannot be reached";
    order.window_start = now + Seconds(100);
    order.window_end = now + Seconds(200);
    order.explanation_url = "https://ca.test/why";
    ASSERT_TRUE(store->acme_ledger.put(order));
    EXPECT_EQ(store->acme_ledger.all().value(), std::vector{order});
    order.failures = 0;
    order.next_try.reset();
    ASSERT_TRUE(store->acme_ledger.put(order));
    EXPECT_EQ(store->acme_ledger.all().value(), std::vector{order});

    // One process orders for a name; another one only after the claim was given back or has run out.
    EXPECT_TRUE(store->acme_ledger.claim(order.host, now, now + Seconds(180)).value());
    EXPECT_FALSE(store->acme_ledger.claim(order.host, now + Seconds(179), now + Seconds(400)).value());
    EXPECT_TRUE(store->acme_ledger.claim(name("other.test"), now, now + Seconds(180)).value());
    EXPECT_TRUE(store->acme_ledger.claim(order.host, now + Seconds(180), now + Seconds(400)).value());
    ASSERT_TRUE(store->acme_ledger.release(order.host));
    EXPECT_TRUE(store->acme_ledger.claim(order.host, now, now + Seconds(180)).value());
    ASSERT_TRUE(store->acme_ledger.release_all());
    EXPECT_TRUE(store->acme_ledger.claim(order.host, now, now + Seconds(180)).value());

    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(store->acme_ledger.add({order.directory, "order", order.host, now + Seconds(i)}));
    }
    EXPECT_EQ(store->acme_ledger.events_since(now + Seconds(1)).value().size(), 2U);
    ASSERT_TRUE(store->acme_ledger.drop_events_before(now + Seconds(2)));
    const auto kept = store->acme_ledger.events_since(now).value();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].at, now + Seconds(2));
    EXPECT_EQ(kept[0].kind, "order");
    ASSERT_TRUE(store->acme_ledger.erase(order.host));
    EXPECT_TRUE(store->acme_ledger.all().value().empty());
}

TEST(PolicyCache, FindsPagesAndForgets) {
    auto store = new_store();
    const auto policy =
        *mtasts::judge_policy("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 100\n").policy;
    const auto put = [&](const std::string& domain, TimePoint fetched, mtasts::FetchFailures failures) {
        ASSERT_TRUE(store->policy_cache.put({name(domain), mtasts::CachedPolicy{policy, "1", fetched, now, now, 300},
                                             std::move(failures), now + Seconds(60)}));
    };
    for (int i = 0; i < 20; ++i) {
        put("d" + std::to_string(i) + ".example", now, {});
    }
    put("old.example", now - Seconds(100), {});
    put("failing.example", now - Seconds(100), {"1", now, {{"1", now}}});
    EXPECT_EQ(store->policy_cache.size().value(), 22U);
    ASSERT_TRUE(store->policy_cache.find(name("d7.example")).value());
    EXPECT_EQ(store->policy_cache.find(name("d7.example")).value()->policy->policy, policy);
    EXPECT_FALSE(store->policy_cache.find(name("d77.example")).value());

    std::vector<std::string> seen;
    for (PolicyCache::Page page{"", "d1", 4};; page.after = seen.back()) {
        const auto entries = store->policy_cache.page(page).value();
        for (const auto& entry : entries) {
            seen.push_back(entry.domain.text());
        }
        if (entries.size() < page.limit) {
            break;
        }
    }
    ASSERT_EQ(seen.size(), 11U) << "d1 and d10 to d19";
    EXPECT_TRUE(std::ranges::is_sorted(seen));

    ASSERT_TRUE(store->policy_cache.erase_expired(now));
    EXPECT_FALSE(store->policy_cache.find(name("old.example")).value());
    EXPECT_TRUE(store->policy_cache.find(name("failing.example")).value()) << "its failed fetch still counts";
    ASSERT_TRUE(store->policy_cache.forget_answers());
    EXPECT_EQ(store->policy_cache.find(name("d7.example")).value()->answer_until, TimePoint{});
    ASSERT_TRUE(store->policy_cache.erase_all());
    EXPECT_EQ(store->policy_cache.size().value(), 0U);
}

TEST(AddedOverrides, AreKeptByDomain) {  // rule 14
    auto store = new_store();
    ASSERT_TRUE(
        store->added_overrides.put({"example.org", "secure", {"mx.example.org", ".b.test"}, now, "cli:local", "x"}));
    ASSERT_TRUE(store->added_overrides.put({".a.example", "may", {}, now, "user:ann", ""}));
    ASSERT_TRUE(store->added_overrides.put({"example.org", "secure", {"mx.example.org"}, now, "cli:local", "new"}));
    const auto all = store->added_overrides.all().value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].domain, ".a.example");
    EXPECT_TRUE(all[0].match.empty());
    EXPECT_EQ(all[1].match, std::vector<std::string>{"mx.example.org"});
    EXPECT_EQ(all[1].reason, "new");
    EXPECT_EQ(all[1].added, now);
    EXPECT_TRUE(store->added_overrides.erase("example.org").value());
    EXPECT_FALSE(store->added_overrides.erase("example.org").value());
}

// A database of schema version 1 kept each entry as JSON.
TEST(PolicyCache, TakesOverTheRowsOfAnOlderPostseal) {
    const postseal::testing::TemporaryFolder folder;
    const std::string path = folder / "postseal.db";
    {
        const auto database = open_sqlite(path).value();
        for (const char* statement :
             {"CREATE TABLE schema_version (version BIGINT NOT NULL)", "INSERT INTO schema_version VALUES (1)",
              "CREATE TABLE domain (id INTEGER PRIMARY KEY, organisation BIGINT NOT NULL, name TEXT NOT NULL, label "
              "TEXT "
              "NOT NULL UNIQUE, state TEXT NOT NULL, wanted_mode TEXT NOT NULL, added BIGINT NOT NULL, verified "
              "BIGINT, "
              "testing_since BIGINT, cnames_until BIGINT, verification TEXT NOT NULL, mx_watch TEXT NOT NULL, "
              "last_error "
              "TEXT NOT NULL)",
              "CREATE TABLE report (id INTEGER PRIMARY KEY)",
              "CREATE TABLE policy_cache (domain TEXT PRIMARY KEY, entry TEXT NOT NULL)",
              "INSERT INTO policy_cache VALUES ('example.com', '{\"policy\":{\"lines\":[\"version: STSv1\","
              "\"mode: enforce\",\"mx: *.example.com\",\"max_age: 86400\"],\"id\":\"id1\",\"fetched\":1000,"
              "\"last_used\":1001,\"id_checked\":1002,\"id_ttl_s\":300},\"failures\":{\"id\":\"\",\"at\":0,"
              "\"recent\":[]}}')",
              "INSERT INTO policy_cache VALUES ('example.net', '{\"failures\":{\"id\":\"7\",\"at\":5,"
              "\"recent\":[{\"id\":\"7\",\"at\":5}]}}')"}) {
            ASSERT_TRUE(database->query(statement)) << statement;
        }
    }
    for (int run = 0; run < 2; ++run) {  // the second start finds them as its own
        const auto store = Store::open("sqlite:" + path, SecretBox::ephemeral()).value();
        const auto all = store->policy_cache.all().value();
        ASSERT_EQ(all.size(), 2U);
        const auto& com = all[0].domain == name("example.com") ? all[0] : all[1];
        const auto& net = all[0].domain == name("example.com") ? all[1] : all[0];
        ASSERT_TRUE(com.policy);
        EXPECT_EQ(com.policy->policy.mode, mtasts::Mode::enforce);
        EXPECT_EQ(com.policy->policy.lines.size(), 4U);
        EXPECT_EQ(com.policy->id, "id1");
        EXPECT_EQ(com.policy->fetched, TimePoint(Seconds(1000)));
        EXPECT_EQ(com.policy->last_used, TimePoint(Seconds(1001)));
        EXPECT_EQ(com.policy->id_checked, TimePoint(Seconds(1002)));
        EXPECT_EQ(com.policy->id_ttl_s, 300U);
        EXPECT_FALSE(net.policy);
        EXPECT_EQ(net.failures.recent.size(), 1U);
    }
}

tlsrpt::PolicyResult sts_result(std::uint64_t successful, std::uint64_t failed) {
    tlsrpt::PolicyResult policy{"sts", "example.com", {"version: STSv1"}, {"mx.example.com"}, successful, failed, {}};
    if (failed > 0) {
        policy.failures.push_back(
            {"certificate-expired", "192.0.2.1", "mx.example.com", {}, "192.0.2.2", failed, {}, {}});
    }
    return policy;
}

TEST(SessionCounts, SumsWhatIsTheSame) {
    auto store = new_store();
    const Day day = std::chrono::floor<std::chrono::days>(now);
    ASSERT_TRUE(store->session_counts.add({{day, name("example.com"), "old record", sts_result(3, 1)}}));
    ASSERT_TRUE(store->session_counts.add({{day, name("example.com"), "new record", sts_result(2, 2)}}));
    ASSERT_TRUE(store->session_counts.add({{day + std::chrono::days(1), name("example.com"), "r", sts_result(1, 0)}}));
    const auto counts = store->session_counts.of_day(day).value();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].record, "new record");
    EXPECT_EQ(counts[0].policy, sts_result(5, 3));
    EXPECT_EQ(store->session_counts.days().value().size(), 2U);
    ASSERT_TRUE(store->session_counts.erase_before(day + std::chrono::days(1)));
    EXPECT_TRUE(store->session_counts.of_day(day).value().empty());
}

TEST(SessionCounts, SumsManyAtOnce) {
    auto store = new_store();
    const Day day = std::chrono::floor<std::chrono::days>(now);
    std::vector<tlsrpt::Count> counts;
    counts.reserve(152);
    for (int i = 0; i < 150; ++i) {  // more than go into one statement, and not a multiple of it
        counts.push_back({day, name(fmt::format("d{:03}.example", i)), "old", sts_result(1, 1)});
    }
    counts.push_back({day, name("d000.example"), "", sts_result(1, 0)});     // the same row twice, without a record
    counts.push_back({day, name("d001.example"), "new", sts_result(0, 2)});  // and with a newer one
    tlsrpt::PolicyResult other = sts_result(4, 0);
    other.policy_strings = {"version: STSv1", "mode: none"};
    counts.push_back({day, name("d002.example"), "newest", other});  // another policy of a domain
    for (int round = 1; round <= 2; ++round) {
        ASSERT_TRUE(store->session_counts.add(counts));
        const auto rows = store->session_counts.of_day(day).value();
        ASSERT_EQ(rows.size(), 151U);
        const auto sum = static_cast<std::uint64_t>(round);
        EXPECT_EQ(rows[0].policy, sts_result(2 * sum, sum));
        EXPECT_EQ(rows[0].record, "old");
        EXPECT_EQ(rows[1].policy, sts_result(sum, 3 * sum));
        EXPECT_EQ(rows[1].record, "new");
        EXPECT_EQ(rows[2].record, "newest") << "every policy of the domain's day knows it";
        EXPECT_EQ(rows[3].record, "newest");
        EXPECT_EQ(rows[150].policy, sts_result(sum, sum));
    }
}

TEST(SessionCounts, KnowsWhoIsToBeTriedAgain) {
    auto store = new_store();
    const Day day = std::chrono::floor<std::chrono::days>(now);
    const auto put = [&](const char* domain, DeliveryState state, std::optional<TimePoint> next) {
        ASSERT_TRUE(store->session_counts.put_delivery({day, name(domain), "r", state, 1, now, next, "", "{}"}));
    };
    put("a.test", DeliveryState::retry, now);
    put("b.test", DeliveryState::retry, now + Seconds(1));
    put("c.test", DeliveryState::sent, {});
    put("d.test", DeliveryState::failed, {});
    EXPECT_EQ(store->session_counts.to_be_retried(day, now).value(), std::set<dns::Name>{name("a.test")});
    EXPECT_EQ(store->session_counts.to_be_retried(day, {}).value(),
              (std::set<dns::Name>{name("a.test"), name("b.test")}));
    EXPECT_TRUE(store->session_counts.to_be_retried(day - std::chrono::days(1), {}).value().empty());
    const auto lean = store->session_counts.deliveries(day, ReportTexts::unfinished).value();
    ASSERT_EQ(lean.size(), 4U);
    EXPECT_EQ(lean[0].report_json, "{}");
    EXPECT_EQ(lean[2].report_json, "") << "it is not sent again";
    EXPECT_EQ(store->session_counts.deliveries(day, name("c.test")).value().at(0).report_json, "{}");
}

TEST(HandedReports, AreClaimedOnceAndForCertainOverAGuess) {  // design rule 15
    auto store = new_store();
    HandedReports& reports = store->handed_reports;
    ASSERT_TRUE(reports.put("1@a", name("a.test"), now));
    ASSERT_TRUE(reports.put("1@a", name("a.test"), now)) << "another try of the same mail";
    ASSERT_TRUE(reports.put("2@a", name("b.test"), now + std::chrono::days(1)));
    const auto open = reports.open_after(0).value();
    ASSERT_EQ(open.size(), 2U);
    EXPECT_EQ(open[0].message_id, "1@a");
    EXPECT_EQ(open[0].domain, name("a.test"));
    EXPECT_EQ(open[0].at, now);
    EXPECT_EQ(reports.open_after(open[0].number).value().size(), 1U);
    EXPECT_TRUE(reports.claim("1@a", ReportClaim::guessed).value());
    EXPECT_FALSE(reports.claim("1@a", ReportClaim::guessed).value());
    EXPECT_EQ(reports.open_after(0).value().size(), 2U) << "a guess can be bettered";
    EXPECT_TRUE(reports.claim("1@a", ReportClaim::certain).value());
    EXPECT_FALSE(reports.claim("1@a", ReportClaim::certain).value());
    EXPECT_EQ(reports.open_after(0).value().size(), 1U);
    EXPECT_EQ(reports.claim_of("1@a").value(), ReportClaim::certain);
    EXPECT_EQ(reports.claim_of("2@a").value(), ReportClaim::none);
    EXPECT_EQ(reports.claim_of("3@a").value(), std::nullopt);
    EXPECT_FALSE(reports.claim("3@a", ReportClaim::certain).value());
    const Day day = std::chrono::floor<std::chrono::days>(now);
    EXPECT_EQ(reports.domains_on(day).value(), std::set<dns::Name>{name("a.test")});
    ASSERT_TRUE(reports.erase("2@a"));
    ASSERT_TRUE(reports.erase_before(now + Seconds(1)));
    EXPECT_EQ(reports.claim_of("1@a").value(), std::nullopt);
    EXPECT_TRUE(reports.open_after(0).value().empty());
}

TEST(SessionCounts, RemembersDeliveries) {
    auto store = new_store();
    const Day day = std::chrono::floor<std::chrono::days>(now);
    Delivery delivery{day, name("example.com"), "https://r.example/", DeliveryState::retry, 1, now, now, "503", "{}"};
    ASSERT_TRUE(store->session_counts.put_delivery(delivery));
    delivery.state = DeliveryState::sent;
    ASSERT_TRUE(store->session_counts.put_delivery(delivery));
    const auto deliveries = store->session_counts.deliveries(day).value();
    ASSERT_EQ(deliveries.size(), 1U);
    EXPECT_EQ(deliveries[0].state, DeliveryState::sent);
    EXPECT_EQ(deliveries[0].next_attempt, now);
}

TEST(SessionCounts, RemembersSuppressions) {
    auto store = new_store();
    ASSERT_TRUE(store->session_counts.put_suppression({"tls@a.test", {}, now, "cli:local", "gone"}));
    ASSERT_TRUE(store->session_counts.put_suppression({"tls@a.test", now + Seconds(60), now, "cli:local", "full"}));
    ASSERT_TRUE(store->session_counts.put_suppression({"b.test", {}, now, "", ""}));
    const auto suppressions = store->session_counts.suppressions().value();
    ASSERT_EQ(suppressions.size(), 2U) << "replaced, not added";
    EXPECT_EQ(suppressions[0].until, std::nullopt);
    EXPECT_EQ(suppressions[1].until, now + Seconds(60));
    EXPECT_EQ(suppressions[1].reason, "full");
    EXPECT_TRUE(store->session_counts.erase_suppression("b.test").value());
    EXPECT_FALSE(store->session_counts.erase_suppression("b.test").value());
}

NewReport a_report(std::string id) {
    NewReport report;
    report.received = now;
    report.via = "https";
    report.domain = name("example.com");
    report.raw = Bytes{1, 2, 3};
    report.submitter = "sender.example";
    report.report.report_id = std::move(id);
    report.report.begin = now;
    report.report.end = now + Seconds(86399);
    report.report.policies = {sts_result(10, 2)};
    return report;
}

TEST(Reports, CountsEachReportOnce) {  // RPT-048: the same report resent is dropped
    auto store = new_store();
    EXPECT_EQ(store->reports.add(a_report("r1")).value(), Reports::Added::stored);
    NewReport again = a_report("r1");
    again.via = "import";
    EXPECT_EQ(store->reports.add(again).value(), Reports::Added::duplicate);
    EXPECT_EQ(store->reports.add(a_report("r2")).value(), Reports::Added::stored);
    const auto totals = store->reports.totals(name("example.com")).value();
    EXPECT_EQ(totals.received, 2);
    EXPECT_EQ(totals.sessions_ok, 20);
    EXPECT_EQ(totals.sessions_failed, 4);
    EXPECT_EQ(totals.last, now);
}

// Rule 18: report-ids can be guessed; who posts a forged one first must not keep the real one out.
TEST(Reports, MoreTrustTakesThePlaceOfLess) {
    auto store = new_store();
    NewReport forged = a_report("r1");
    forged.report.policies = {sts_result(1'000'000, 900'000)};
    forged.raw = Bytes{9};
    ASSERT_EQ(store->reports.add(forged).value(), Reports::Added::stored);
    NewReport real = a_report("r1");
    real.trust = Trust::known;
    real.signature = "d=sender.example s=s1";
    EXPECT_EQ(store->reports.add(real).value(), Reports::Added::stored);
    EXPECT_EQ(store->reports.add(forged).value(), Reports::Added::duplicate);
    const auto totals = store->reports.totals(name("example.com")).value();
    EXPECT_EQ(totals.received, 1);
    EXPECT_EQ(totals.sessions_ok, 10);
    EXPECT_EQ(totals.sessions_failed, 2);
    const auto listed = store->reports.list(name("example.com"), 10).value().at(0);
    EXPECT_EQ(listed.trust, Trust::known);
    EXPECT_EQ(listed.signature, real.signature);
    EXPECT_EQ(store->reports.raw(listed.id).value(), (Bytes{1, 2, 3}));
}

// Property: the sums that grow with each arrival are what counting everything anew gives.
TEST(Reports, RollupsAreARecount) {
    auto store = new_store();
    std::seed_seq always_the_same{8460};
    std::mt19937 random(always_the_same);
    const auto below = [&](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
    const std::vector<std::string> domains = {"example.com", "example.org"};
    const std::vector<std::string> types = {"sts", "tlsa", "no-policy-found"};
    const std::vector<std::string> results = {"certificate-expired", "validation-failure", "starttls-not-supported"};
    const std::vector<Trust> trusts = {Trust::unverified, Trust::aligned, Trust::known, Trust::operator_};
    for (int i = 0; i < 400; ++i) {
        NewReport report = a_report("r" + std::to_string(below(60)));
        report.domain = name(domains[below(2)]);
        report.submitter = below(2) == 0 ? "a.example" : "b.example";
        report.trust = trusts[below(4)];
        report.report.begin = now + Seconds(86'400 * static_cast<std::int64_t>(below(3)));
        report.report.policies.clear();
        for (std::uint32_t policies = below(4); policies > 0; --policies) {
            tlsrpt::PolicyResult policy = sts_result(below(100), below(20));
            policy.policy_type = types[below(3)];
            policy.failures.clear();
            for (std::uint32_t failures = below(4); failures > 0; --failures) {
                tlsrpt::FailureDetail detail;
                detail.result_type = results[below(3)];
                detail.sessions = below(9);
                if (below(2) == 0) {
                    detail.receiving_mx_hostname = "mx" + std::to_string(below(2)) + ".example.com";
                }
                policy.failures.push_back(detail);
            }
            report.report.policies.push_back(policy);
        }
        ASSERT_TRUE(store->reports.add(report));
    }
    const auto sums = [&] {
        std::vector<std::string> out;
        const Day day = std::chrono::floor<std::chrono::days>(now);
        for (const std::string& domain : domains) {
            for (const Rollup& one : store->reports.rollups(name(domain), day, day + std::chrono::days(9)).value()) {
                out.push_back(domain + " " + to_iso_day(one.day) + " " + one.policy_type + " " + one.submitter + " " +
                              std::to_string(one.successful) + "/" + std::to_string(one.failed));
            }
            for (const FailureRollup& one :
                 store->reports.failure_rollups(name(domain), day, day + std::chrono::days(9)).value()) {
                out.push_back(domain + " " + to_iso_day(one.day) + " " + one.policy_type + " " + one.submitter + " " +
                              one.result_type + " " + one.mx_host + " " + std::to_string(one.sessions));
            }
        }
        return out;
    };
    const auto grown = sums();
    EXPECT_GT(grown.size(), 50U);
    ASSERT_TRUE(store->reports.recount());
    EXPECT_EQ(sums(), grown);
}

TEST(Reports, NeverSumsTwoPolicyTypes) {  // rule 19
    auto store = new_store();
    NewReport report = a_report("r1");
    tlsrpt::PolicyResult tlsa = sts_result(10, 2);
    tlsa.policy_type = "tlsa";
    report.report.policies.push_back(tlsa);
    ASSERT_TRUE(store->reports.add(report));
    const auto totals = store->reports.totals(name("example.com")).value();
    EXPECT_EQ(totals.sessions_ok, 10);
    EXPECT_EQ(totals.sessions_failed, 2);
    const Day day = std::chrono::floor<std::chrono::days>(now);
    EXPECT_EQ(store->reports.rollups(name("example.com"), day, day).value().size(), 2U);
    const auto failures = store->reports.failure_rollups(name("example.com"), day, day).value();
    ASSERT_EQ(failures.size(), 2U);
    EXPECT_EQ(failures[0].result_type, "certificate-expired");
    EXPECT_EQ(failures[0].mx_host, "mx.example.com");
}

TEST(Reports, KeepsRawBytesAndContent) {  // rule 17
    auto store = new_store();
    NewReport report = a_report("r1");
    report.deviations = {{"contact-info-null", "contact-info is null"}};
    ASSERT_TRUE(store->reports.add(report));
    const auto listed = store->reports.list(name("example.com"), 10).value();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].report, report.report);
    EXPECT_EQ(listed[0].deviations, report.deviations);
    EXPECT_EQ(store->reports.raw(listed[0].id).value(), (Bytes{1, 2, 3}));
    EXPECT_EQ(store->reports.raw(999).error().code, Errc::not_found);
    EXPECT_FALSE(store->reports.find(999).value());
}

TEST(Audit, ListsNewestFirst) {
    auto store = new_store();
    ASSERT_TRUE(store->audit.add({now, 1, "user:owner", "domain.add", "example.com", "", "pending", ""}));
    ASSERT_TRUE(store->audit.add({now, 1, "user:owner", "domain.mode", "example.com", "testing", "enforce", "tested"}));
    ASSERT_TRUE(store->audit.add({now, 2, "user:other", "domain.add", "example.org", "", "pending", ""}));
    const auto entries = store->audit.list(1, "", 10).value();
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].action, "domain.mode");
    EXPECT_EQ(store->audit.list(1, "example.org", 10).value().size(), 0U);
}

}  // namespace
}  // namespace postseal::store
