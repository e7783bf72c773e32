#include "console/domain_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace postseal::console {
namespace {

namespace json = boost::json;
using store::DomainState;

const TimePoint now{Seconds(1'790'000'000)};

hosting::DomainView view_in(DomainState state) {
    hosting::DomainView view;
    view.domain.name = *dns::Name::parse("example.com");
    view.domain.state = state;
    view.domain.added = now;
    return view;
}

json::object shown(const hosting::DomainView& view) {
    return to_json(DomainFacts{view, {}}, Detail::full, now);
}

std::string attention_code(const hosting::DomainView& view) {
    const json::value attention = shown(view).at("attention");
    return attention.is_null() ? "" : std::string(attention.at("code").as_string());
}

TEST(DomainJson, says_which_step_it_is_that_fails) {
    hosting::DomainView view = view_in(DomainState::certificate);
    EXPECT_EQ(attention_code(view), "");
    view.domain.last_error = "it did not work";
    EXPECT_EQ(attention_code(view), "issuance-failing");
    view.certificate = store::Certificate{};
    EXPECT_EQ(attention_code(view), "no-mx") << "a certificate, and no policy to serve";
    view.versions.emplace_back();
    EXPECT_EQ(attention_code(view), "read-back-failing");
    EXPECT_TRUE(shown(view).at("certificate").at("renewal_problem").is_null()) << "nothing is wrong with it";
    view.versions.back().body_live = now;
    EXPECT_EQ(attention_code(view), "renewal-failing");
    EXPECT_EQ(shown(view).at("certificate").at("renewal_problem"), "it did not work");
    view.domain.state = DomainState::retiring;
    EXPECT_EQ(attention_code(view), "label-replaced");
    view.domain.state = DomainState::pending;
    EXPECT_EQ(attention_code(view), "") << "the records speak for themselves";
}

TEST(DomainJson, asks_for_a_person_when_a_record_went_but_not_when_nobody_answers) {
    const struct {
        std::string problem_code;
        std::string attention;
    } cases[] = {{"not-found", "cname-missing"},
                 {"wrong-target", "cname-missing"},
                 {"other-record", "cname-conflict"},
                 {"servfail", ""},
                 {"timeout", ""},
                 {"resolver-stale", ""}};
    for (const auto& one : cases) {
        hosting::DomainView view = view_in(DomainState::enforce);
        hosting::SeenRecord& record = view.records.emplace_back();
        record.problem = "a sentence";
        record.problem_code = one.problem_code;
        EXPECT_EQ(attention_code(view), one.attention) << one.problem_code;
        view.domain.state = DomainState::pending;
        EXPECT_EQ(attention_code(view), "") << "it has not been there yet";
    }
}

TEST(DomainJson, asks_for_a_person_only_while_the_policy_counts) {
    hosting::DomainView view = view_in(DomainState::enforce);
    view.mode = mtasts::Mode::enforce;
    hosting::MxHost& host = view.mx.hosts.emplace_back();
    host.host = *dns::Name::parse("mx.example.com");
    host.problem = "it does not offer STARTTLS";
    host.problem_code = "starttls-missing";
    EXPECT_EQ(attention_code(view), "mx-starttls-missing");
    EXPECT_EQ(shown(view).at("attention").at("severity"), "error");
    view.mode = mtasts::Mode::testing;
    EXPECT_EQ(shown(view).at("attention").at("severity"), "warning") << "mail arrives all the same";
    view.mode = mtasts::Mode::none;
    EXPECT_EQ(attention_code(view), "");
    view.mode = mtasts::Mode::enforce;
    view.domain.state = DomainState::retiring;
    EXPECT_EQ(attention_code(view), "") << "the day until which the CNAMEs must stay is what matters now";
}

TEST(DomainJson, shows_a_record_with_what_is_in_its_place) {
    hosting::DomainView view = view_in(DomainState::pending);
    hosting::SeenRecord& record = view.records.emplace_back();
    EXPECT_TRUE(shown(view).at("records").at(0).at("checked").is_null());
    record.problem = "there is a TXT record";
    record.problem_code = "other-record";
    record.observed = {"TXT \"old\""};
    record.ttl_s = 300;
    record.checked = now;
    const json::value one = shown(view).at("records").at(0);
    EXPECT_EQ(one.at("problem_code"), "other-record");
    EXPECT_EQ(one.at("observed"), (json::array{"TXT \"old\""}));
    EXPECT_EQ(one.at("ttl_s"), 300);
    EXPECT_EQ(one.at("checked").as_string(), to_rfc3339(now));
}

TEST(DomainJson, names_the_events) {
    const store::Domain domain = view_in(DomainState::testing).domain;
    const NamedEvent changed = to_event(hosting::DomainEvent::changed, domain, mtasts::Mode::testing);
    EXPECT_EQ(changed.name, "domain-changed");
    EXPECT_EQ(changed.data, (json::object{{"domain", "example.com"}, {"state", "testing"}, {"mode", "testing"}}));
    EXPECT_EQ(to_event(hosting::DomainEvent::added, domain, std::nullopt).name, "domain-added");
    EXPECT_EQ(to_event(hosting::DomainEvent::gone, domain, std::nullopt).name, "domain-gone");
}

}  // namespace
}  // namespace postseal::console
