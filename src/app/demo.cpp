#include "app/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "app/command.h"
#include "app/demo_ca.h"
#include "app/demo_internet.h"
#include "app/demo_process.h"
#include "app/demo_product.h"
#include "app/demo_sender.h"
#include "app/demo_stage.h"
#include "app/demo_voice.h"
#include "app/json_fields.h"
#include "base/text.h"
#include "net/https_client.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

// The history: 14 days in testing, as the gate to enforce asks, and a week in enforce.
constexpr int history_days = 21;
constexpr int enforced_on_day = 14;
constexpr int old_enforced_on_day = 10;
constexpr int mishap_on_day = 17;  // for half of it, the healthy domain's MX certificate has expired
constexpr std::chrono::milliseconds look_interval{150};
constexpr std::chrono::seconds step_limit{150};
constexpr std::chrono::seconds letter_interval{4};
constexpr std::chrono::seconds owner_takes{8};  // to publish the CNAMEs of a domain that was added in the panel

const char* const healthy_domain = "harbour.test";
const char* const old_domain = "oldmill.test";

// One domain as the demo's owner and sender see it.
struct Destination {
    dns::Name domain;
    std::uint64_t delivered = 0;
    std::uint64_t waiting = 0;
    std::string last;  // how the last letter fared, in the words that are told when they change
};

class Demo {
public:
    Demo(DemoOptions options, StopWish& stop) : options_(std::move(options)), stop_(stop), voice_(options_.as_json) {}
    Demo(const Demo&) = delete;
    Demo& operator=(const Demo&) = delete;
    ~Demo() { (void)end(); }

    // Who asks goes before who answers. Error: the product did not end as it should.
    Result<void> end() {
        Result<void> ended;
        stop_.on_wish({});
        sender_.reset();
        if (product_) {
            const bool ran = product_->process().running();
            product_->process().stop();
            if (ran && !product_->process().ended_well()) {
                ended = product_->process().how_it_ended();
            }
        }
        product_.reset();
        pebble_.reset();
        https_.reset();
        internet_.reset();
        return ended;
    }

    // Success when somebody wished to stop.
    Result<void> run() {
        using Step = Result<void> (Demo::*)();
        for (const Step step : {&Demo::set_the_stage, &Demo::start_authority, &Demo::start_product, &Demo::move_in_all,
                                &Demo::live_through_history, &Demo::welcome, &Demo::go_on}) {
            Result<void> done = (this->*step)();
            if (stop_.wished()) {
                return {};
            }
            if (!done) {
                return done;
            }
        }
        return {};
    }
    [[nodiscard]] DemoVoice& voice() { return voice_; }
    [[nodiscard]] std::string kept_folder() const {
        return folder_ && !folder_->temporary() ? folder_->path() : std::string();
    }

private:
    static Error stopped() { return {Errc::unavailable, "", "stopped"}; }

    // Asks until `look` says true. `what` is for the error when that does not come.
    template <class Look>
    Result<void> wait_for(const std::string& what, Look look) {
        const auto end = std::chrono::steady_clock::now() + step_limit;
        while (true) {
            POSTSEAL_TRY(const bool there, look());
            if (there) {
                return {};
            }
            for (DemoProcess* process : {pebble_.get(), product_ ? &product_->process() : nullptr}) {
                if (process != nullptr && !process->running()) {
                    return process->how_it_ended();
                }
            }
            if (std::chrono::steady_clock::now() > end) {
                return Error{Errc::temporary, what, fmt::format("not within {} s", step_limit.count())};
            }
            if (stop_.wait(look_interval)) {
                return stopped();
            }
        }
    }

    net::HttpsResponse fetch(net::HttpsRequest request) {
        auto done = std::make_shared<std::promise<net::HttpsResponse>>();
        https_->fetch(std::move(request), [done](net::HttpsResponse answer) { done->set_value(std::move(answer)); });
        return done->get_future().get();
    }

    // ---- the stage

    Result<void> set_the_stage() {
        voice_.line("Postseal on loopback, with a small internet of its own");
        POSTSEAL_TRY(folder_, DemoFolder::make(options_.data));
        if (auto chosen = choose_ports(plan_, options_.port); !chosen) {
            return chosen;
        }
        POSTSEAL_TRY(DemoCa ca, DemoCa::make());
        ca_ = std::make_unique<DemoCa>(std::move(ca));
        if (auto written = folder_->write("ca.pem", ca_->root_pem()); !written) {
            return written;
        }
        // Added to: what an earlier demo on this folder issued stays valid.
        if (auto written = folder_->add_to("roots.pem", ca_->root_pem()); !written) {
            return written;
        }
        POSTSEAL_TRY(internet_, SmallInternet::start(plan_, *ca_));
        net::HttpsClient::Settings client;
        POSTSEAL_TRY(client.trust, net::TrustStore::from_pem(ca_->root_pem()));
        client.guard = net::AddressGuard(net::NonGlobal::allow);
        https_ = std::make_unique<net::HttpsClient>(internet_->loop(), std::move(client));
        voice_.done(fmt::format("name server of the small internet  {}:{}, resolver {}:{}", plan_.name_server,
                                plan_.dns_port, plan_.resolver, plan_.dns_port));
        voice_.done(fmt::format("two mail receivers                 {}:{} with TLS, {}:{} without STARTTLS",
                                plan_.good_mx, plan_.smtp_port, plan_.old_mx, plan_.smtp_port));
        return {};
    }

    Result<void> start_authority() {
        POSTSEAL_TRY(pebble_, start_pebble(plan_, *folder_, *ca_));
        std::string root;
        auto fetched = wait_for("Pebble answers", [&]() -> Result<bool> {
            net::HttpsRequest request;
            request.url = fmt::format("https://localhost:{}/roots/0", plan_.acme_admin_port);
            request.target = net::HttpsRequest::Target::configured;
            const net::HttpsResponse answer = fetch(std::move(request));
            root = answer.body;
            return answer.ok() && answer.status == 200;
        });
        if (!fetched) {
            return fetched;
        }
        voice_.done(fmt::format("certificate authority (Pebble)     https://localhost:{}/dir", plan_.acme_port));
        return folder_->add_to("roots.pem", root);
    }

    // ---- the product

    Result<void> start_product() {
        POSTSEAL_TRY(product_,
                     DemoProduct::start(plan_, folder_->path(), folder_->path() + "/roots.pem", clock_offset(0)));
        stop_.on_wish([this] { product_->process().signal(SIGTERM); });
        voice_.done(fmt::format("postseal serve, all roles          configuration {}", product_->config_file()));
        DemoSenderSettings settings;
        POSTSEAL_TRY(settings.policyd, net::parse_listen_address(fmt::format("127.0.0.1:{}", plan_.policyd_port)));
        settings.collector_socket = product_->collector_socket();
        settings.smtp_port = plan_.smtp_port;
        settings.host = dns::Name::parse("mail." + plan_.operator_domain).value();
        POSTSEAL_TRY(settings.trust, net::TrustStore::load(folder_->path() + "/roots.pem"));
        sender_ = std::make_unique<DemoSender>(internet_->loop(), internet_->resolver(), std::move(settings));
        return wait_for_intake();
    }

    [[nodiscard]] Seconds clock_offset(int day) const { return Seconds(-86'400LL * (history_days - day)); }

    Result<void> wait_for_intake() {
        POSTSEAL_TRY(const auto address, dns::IpAddress::parse(plan_.intake_host));
        POSTSEAL_TRY(const auto trust, net::TrustStore::load(folder_->path() + "/roots.pem"));
        auto answered = wait_for("the intake has its certificate", [&]() -> Result<bool> {
            net::HttpsRequest request;
            request.url = fmt::format("https://{}:{}/", plan_.intake_name, plan_.https_port);
            request.addresses = {address};
            request.trust = trust;
            return fetch(std::move(request)).ok();
        });
        if (answered) {
            voice_.done(fmt::format("certificate by ACME                {} (takes reports in)", plan_.intake_name));
        }
        return answered;
    }

    // ---- domains move in

    Result<void> move_in_all() {
        POSTSEAL_TRY(const json::object list, product_->call("GET", "/api/v1/domains?limit=500"));
        for (const json::object* known : objects_field(list, "domains")) {
            resumed_ = true;
            POSTSEAL_TRY(const dns::Name domain, dns::Name::parse(text_field(*known, "domain")));
            if (auto opened = open_zone(domain); !opened) {
                return opened;
            }
            if (auto there = take_up(domain); !there) {
                return there;
            }
        }
        if (resumed_) {
            voice_.done("the domains of this folder are published again");
            return {};
        }
        for (const char* name : {healthy_domain, old_domain}) {
            POSTSEAL_TRY(const dns::Name domain, dns::Name::parse(name));
            // First: what does not exist when Postseal looks is remembered by its resolver as not existing.
            if (auto opened = open_zone(domain); !opened) {
                return opened;
            }
            POSTSEAL_TRY(const json::object added, product_->call("POST", "/api/v1/domains", {{"domain", name}}));
            if (auto there = take_up(domain); !there) {
                return there;
            }
        }
        for (const Destination& destination : destinations_) {
            if (auto moved = move_in(destination.domain); !moved) {
                return moved;
            }
        }
        return {};
    }

    static std::string path_of(const dns::Name& domain, std::string_view below = "") {
        return "/api/v1/domains/" + domain.text() + std::string(below);
    }

    // What there is before anybody thinks of Postseal: the domain's zone and its MX hosts.
    Result<void> open_zone(const dns::Name& domain) {
        return domain.text() == old_domain ? internet_->add_old_domain(domain) : internet_->add_domain(domain);
    }

    // What the owner does: he publishes the three CNAMEs that Postseal asks for. From now on he gets letters.
    Result<void> take_up(const dns::Name& domain) {
        POSTSEAL_TRY(const json::object shown, product_->call("GET", path_of(domain)));
        for (const json::object* record : objects_field(shown, "records")) {
            POSTSEAL_TRY(const dns::Name owner, dns::Name::parse(text_field(*record, "name")));
            POSTSEAL_TRY(const dns::Name target, dns::Name::parse(text_field(*record, "value")));
            if (auto published = internet_->publish_cname(owner, target); !published) {
                return published;
            }
        }
        destinations_.push_back({domain, 0, 0, ""});
        return {};
    }

    Result<void> move_in(const dns::Name& domain) {
        auto seen = wait_for(domain.text() + ": its CNAMEs are seen", [&]() -> Result<bool> {
            POSTSEAL_TRY(const json::object shown, product_->call("POST", path_of(domain, "/verify")));
            const auto records = objects_field(shown, "records");
            return std::ranges::all_of(records, [](const json::object* one) { return flag_field(*one, "seen"); });
        });
        if (!seen) {
            return seen;
        }
        voice_.done(fmt::format("{:<34} three CNAMEs published and seen", domain.text()));
        std::string state;
        auto moved = wait_for(domain.text() + ": its policy is served", [&]() -> Result<bool> {
            POSTSEAL_TRY(const json::object shown, product_->call("GET", path_of(domain)));
            state = text_field(shown, "state");
            return (state == "testing" || state == "ready") && text_field(shown, "policy_id") != "–";
        });
        if (moved) {
            voice_.done(fmt::format("certificate by ACME                mta-sts.{}", domain.text()));
            voice_.done(fmt::format("{:<34} policy served, id in DNS: testing", domain.text()));
        } else if (!stop_.wished()) {
            moved.error().what += ", state " + state;
        }
        return moved;
    }

    // ---- two weeks in half a minute

    Result<void> live_through_history() {
        if (resumed_) {
            return product_->set_clock(Seconds(0));
        }
        voice_.line(
            fmt::format("\nThe last {} days, in fast motion: the installation's clock ([lab] clock_offset_s) began {} "
                        "days back and\n"
                        "is put on by a day at a time. The letters, the sessions and the reports are real; only the "
                        "dates are not.\n",
                        history_days, history_days));
        for (int day = 0; day < history_days; ++day) {
            for (const auto step : {&Demo::change_modes, &Demo::send_letters_of, &Demo::report}) {
                Result<void> done = (this->*step)(day);
                if (!done || stop_.wished()) {
                    return done;
                }
            }
        }
        // A fresh look, so that the panel begins with what is so now.
        for (const Destination& destination : destinations_) {
            POSTSEAL_TRY(const json::object looked, product_->call("POST", path_of(destination.domain, "/verify")));
        }
        return {};
    }

    Result<void> change_modes(int day) {
        if (day == old_enforced_on_day) {
            voice_.line(fmt::format("  {}: its owner switches to enforce, against the gate's advice", old_domain));
            return set_mode(old_domain, {{"mode", "enforce"},
                                         {"override_reason", "demo: shows what enforce does with a broken MX"}});
        }
        if (day != enforced_on_day) {
            return {};
        }
        auto entered = set_mode(healthy_domain, {{"mode", "enforce"}});
        if (entered) {
            voice_.line(
                fmt::format("  {}: 14 days in testing, every MX clean: the gate opens, enforce", healthy_domain));
        } else if (!stop_.wished()) {
            voice_.line(fmt::format("  {}: the gate stays shut ({})", healthy_domain, entered.error().what));
            return set_mode(healthy_domain,
                            {{"mode", "enforce"}, {"override_reason", "demo: the gate stayed shut in fast motion"}});
        }
        return entered;
    }

    Result<void> set_mode(const std::string& domain, const json::object& body) {
        const std::string path = "/api/v1/domains/" + domain;
        POSTSEAL_TRY(const json::object accepted, product_->call("PUT", path + "/mode", body));
        return wait_for(domain + ": enforce is served", [&]() -> Result<bool> {
            POSTSEAL_TRY(const json::object shown, product_->call("GET", path));
            return text_field(shown, "mode") == "enforce" && text_field(shown, "pending_mode") == "–";
        });
    }

    Result<void> send_letters_of(int day) {
        for (const Destination& destination : destinations_) {
            const bool old = destination.domain.text() == old_domain;
            // As weeks go: fewer letters on two days in seven.
            const int letters = (old ? 4 : 14) + (day * 5) % (old ? 3 : 9) - (day % 7 >= 5 ? (old ? 2 : 8) : 0);
            const bool mishap = !old && day == mishap_on_day;
            for (int i = 0; i < letters; ++i) {
                if (mishap && (i == 0 || i == letters / 2)) {
                    const auto validity = i == 0 ? DemoCa::Validity::over : DemoCa::Validity::now;
                    if (auto certified = internet_->certify(destination.domain, validity); !certified) {
                        return certified;
                    }
                }
                (void)sender_->send(destination.domain);
                if (stop_.wished()) {
                    return stopped();
                }
            }
        }
        if (day == mishap_on_day) {
            voice_.line(
                fmt::format("  {}: the certificate of its MX expires, and is renewed the same day", healthy_domain));
        }
        // Before the day ends, all its sessions are counted.
        return wait_for("the collector has counted every session", [&]() -> Result<bool> {
            POSTSEAL_TRY(const std::uint64_t counted, collected());
            return counted >= sender_->sessions_told();
        });
    }

    Result<std::uint64_t> collected() {
        net::HttpsRequest request;
        request.url = fmt::format("http://127.0.0.1:{}/metrics", plan_.metrics_port);
        request.target = net::HttpsRequest::Target::configured;
        request.scheme = net::HttpsRequest::Scheme::allow_http;
        const net::HttpsResponse answer = fetch(std::move(request));
        constexpr std::string_view name = "postseal_collector_sessions_total ";
        for (const std::string_view line : split(answer.body, '\n')) {
            if (line.starts_with(name)) {
                return parse_decimal(line.substr(name.size())).value_or(0);
            }
        }
        return Error{Errc::unavailable, "/metrics", answer.ok() ? "no figure of the collector" : answer.error};
    }

    // The day ends, and what `postseal reporter run --day` does is done for it.
    Result<void> report(int day) {
        const std::string ended = to_iso_day(std::chrono::floor<std::chrono::days>(product_->now()));
        if (auto put = product_->set_clock(clock_offset(day + 1)); !put) {
            return put;
        }
        POSTSEAL_TRY(const json::object ran, product_->call("POST", "/api/v1/reporter/run", {{"day", ended}}));
        std::string told;
        for (const json::object* one : objects_field(ran, "reports")) {
            told += fmt::format("   {}: report {}", text_field(*one, "domain"), text_field(*one, "result"));
        }
        voice_.line(fmt::format("  {}{}", ended, told));
        return {};
    }

    // ---- the present

    Result<void> welcome() {
        POSTSEAL_TRY(const json::object link, product_->call("POST", "/api/v1/sign-in-links"));
        const std::string panel = fmt::format("http://127.0.0.1:{}", plan_.panel_port);
        if (options_.as_json) {
            json::array domains;
            for (const Destination& destination : destinations_) {
                domains.emplace_back(destination.domain.text());
            }
            fmt::print("{}\n", json::serialize(json::object{{"panel", panel},
                                                            {"sign_in", text_field(link, "url")},
                                                            {"expires", text_field(link, "expires")},
                                                            {"config", product_->config_file()},
                                                            {"folder", folder_->path()},
                                                            {"domains", domains}}));
            std::fflush(stdout);
            return {};
        }
        voice_.line(fmt::format(R"(
The demo is running.

  Panel     {panel}
  Sign in   {link}
            (works once, until {expires}; another: postseal user link --config {config})

  harbour.test   healthy: 14 days in testing, a week in enforce; its mail travels over verified TLS.
  oldmill.test   enforced too early. mx1 has no STARTTLS, the certificate of mx2 is for another name: its mail waits
                 at the sender. Switch it to testing in the panel; the sender sees that when the _mta-sts record's TTL
                 (5 min) has passed, and delivers.
  yours.test     add any domain under .test in the panel: its owner publishes the three CNAMEs {owner} seconds later.

  A letter to every domain each {interval} s; today's sessions are reported after midnight (UTC). Logs: {folder}
  Ctrl-C ends everything{removes}.
)",
                                fmt::arg("panel", panel), fmt::arg("link", text_field(link, "url")),
                                fmt::arg("expires", text_field(link, "expires")),
                                fmt::arg("config", product_->config_file()), fmt::arg("owner", owner_takes.count()),
                                fmt::arg("interval", letter_interval.count()), fmt::arg("folder", folder_->path()),
                                fmt::arg("removes", folder_->temporary() ? " and removes that folder" : "")));
        return {};
    }

    Result<void> go_on() {
        while (true) {
            for (DemoProcess* process : {pebble_.get(), &product_->process()}) {
                if (!process->running() && !stop_.wished()) {
                    return process->how_it_ended();
                }
            }
            for (Destination& destination : destinations_) {
                write_to(destination);
            }
            look_for_newcomers();
            show_status();
            if (stop_.wait(letter_interval)) {
                return {};
            }
        }
    }

    // One more letter, and those that wait if it got through.
    void write_to(Destination& destination) {
        constexpr std::uint64_t waiting_max = 200;  // the sender's users give up some time
        destination.waiting = std::min(destination.waiting + 1, waiting_max);
        while (destination.waiting > 0 && !stop_.wished()) {
            const LetterOutcome outcome = sender_->send(destination.domain);
            const std::string words =
                fmt::format("{} (policyd: {})", outcome.delivered ? "mail is delivered" : "mail waits",
                            outcome.policy.empty() ? "no answer" : outcome.policy);
            if (words != destination.last && !stop_.wished()) {
                destination.last = words;
                voice_.line(fmt::format("  {:<14} {}; {}", destination.domain.unicode(), words, outcome.how));
            }
            if (!outcome.delivered) {
                return;
            }
            --destination.waiting;
            ++destination.delivered;
        }
    }

    // Domains that somebody added in the panel: their owners need a moment, then publish.
    void look_for_newcomers() {
        const auto list = product_->call("GET", "/api/v1/domains?limit=500");
        if (!list) {
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        for (const json::object* shown : objects_field(*list, "domains")) {
            const auto domain = dns::Name::parse(text_field(*shown, "domain"));
            const bool known = domain && std::ranges::any_of(destinations_, [&](const Destination& one) {
                                   return one.domain == *domain;
                               });
            if (!domain || known) {
                continue;
            }
            const auto [first_seen, is_new] = newcomers_.try_emplace(*domain, now);
            const bool of_the_demo = domain->is_under(dns::Name::parse("test").value());
            if (is_new) {
                const auto opened = of_the_demo ? open_zone(*domain) : Result<void>();
                voice_.line(fmt::format("  {:<14} {}", domain->unicode(),
                                        !opened       ? opened.error().message()
                                        : of_the_demo ? "was added; its owner will publish the CNAMEs"
                                                      : "was added; but this internet has names under .test only"));
            } else if (of_the_demo && now - first_seen->second >= owner_takes) {
                if (const auto taken = take_up(*domain); !taken) {
                    voice_.line(fmt::format("  {:<14} {}", domain->unicode(), taken.error().message()));
                    continue;
                }
                (void)product_->call("POST", path_of(*domain, "/verify"));
                voice_.line(fmt::format("  {:<14} its owner has published the CNAMEs", domain->unicode()));
            }
        }
    }

    void show_status() {
        std::string text;
        for (const Destination& destination : destinations_) {
            text += fmt::format("{}: {} delivered", destination.domain.unicode(), destination.delivered);
            text += destination.waiting > 0 ? fmt::format(", {} waiting · ", destination.waiting) : " · ";
        }
        voice_.status(text + fmt::format("{} sessions", sender_->sessions_told()));
    }

    DemoOptions options_;
    StopWish& stop_;
    DemoVoice voice_;
    DemoPlan plan_;
    std::unique_ptr<DemoFolder> folder_;
    std::unique_ptr<DemoCa> ca_;
    std::unique_ptr<SmallInternet> internet_;
    std::unique_ptr<net::HttpsClient> https_;
    std::unique_ptr<DemoProcess> pebble_;
    std::unique_ptr<DemoProduct> product_;
    std::unique_ptr<DemoSender> sender_;
    std::vector<Destination> destinations_;
    std::map<dns::Name, std::chrono::steady_clock::time_point> newcomers_;
    bool resumed_ = false;  // the folder had domains already
};

}  // namespace

int demo(const DemoOptions& options) {
    StopWish stop;
    std::string kept;
    {
        Demo play(options, stop);
        const Result<void> played = play.run();
        if (!played) {
            play.voice().line("");
            complain(played.error().message());
            return exit_usage;
        }
        play.voice().line("\nStopping.");
        if (const auto ended = play.end(); !ended) {
            complain(ended.error().message());
            return exit_problems;
        }
        kept = play.kept_folder();
    }
    fmt::print(options.as_json ? stderr : stdout, "Everything has ended{}.\n",
               kept.empty() ? ", and its folder is gone" : "; " + kept + " stays");
    return exit_fine;
}

}  // namespace postseal::app
