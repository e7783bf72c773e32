#include "app/demo_product.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/text.h"

namespace postseal::app {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds ready_limit{60};

std::string config_text(const DemoPlan& plan, const std::string& folder, const std::string& roots_file,
                        Seconds clock_offset) {
    return fmt::format(
        R"(# Written by `postseal demo`: every role on one machine, on loopback. Where an installation would have its usual
# ports, [lab] names others, so that no root is needed.
state_dir = "{folder}/state"

[resolver]
root_hints = ""
trust_anchor_file = ""
stub_zones = [
    {{ zone = ".", servers = ["{name_server}@{dns_port}"] }},
    {{ zone = "{zone}.", servers = ["{zone_server}@{dns_port}"] }},
]

[tls]
ca_file = "{roots_file}"

[lab]
allow_non_global_addresses = true
https_port = {https_port}
http_port = {http_port}
smtp_port = {smtp_port}
rua_port = {https_port}
clock_offset_s = {clock_offset}

[policyd]
listen = ["127.0.0.1:{policyd_port}"]
id_recheck_min_s = 10

[collector]
socket = "{folder}/tlsrpt.sock"

[reporter]
organization_name = "Demo sender"
contact = "tls-reports@{operator_domain}"
spread_s = 0
verify_https_rua = true

[hosting]
zone = "{zone}"
name_servers = ["ns1.{operator_domain}"]
addresses = ["{policy_host}"]

[dns]
listen = ["{zone_server}:{dns_port}"]

[policy_host]
https_listen = ["{policy_host}:{https_port}"]
http_listen = ["{policy_host}:{http_port}", "{intake_host}:{http_port}"]

[[acme]]
directory = "https://localhost:{acme_port}/dir"
ca_file = "{folder}/ca.pem"
contact = "mailto:admin@{operator_domain}"
accept_terms = true
caa_issuer = "pebble.test"

[intake]
host = "{intake_name}"
https_listen = ["{intake_host}:{https_port}"]

[console]
listen = ["127.0.0.1:{panel_port}"]
public_url = "http://127.0.0.1:{panel_port}"

[metrics]
listen = ["127.0.0.1:{metrics_port}"]
)",
        fmt::arg("folder", folder), fmt::arg("roots_file", roots_file), fmt::arg("name_server", plan.name_server),
        fmt::arg("zone_server", plan.zone_server), fmt::arg("zone", plan.zone),
        fmt::arg("operator_domain", plan.operator_domain), fmt::arg("intake_name", plan.intake_name),
        fmt::arg("policy_host", plan.policy_host), fmt::arg("intake_host", plan.intake_host),
        fmt::arg("dns_port", plan.dns_port), fmt::arg("smtp_port", plan.smtp_port),
        fmt::arg("https_port", plan.https_port), fmt::arg("http_port", plan.http_port),
        fmt::arg("acme_port", plan.acme_port), fmt::arg("panel_port", plan.panel_port),
        fmt::arg("policyd_port", plan.policyd_port), fmt::arg("metrics_port", plan.metrics_port),
        fmt::arg("clock_offset", clock_offset.count()));
}

}  // namespace

Result<std::unique_ptr<DemoProduct>> DemoProduct::start(const DemoPlan& plan, const std::string& folder,
                                                        const std::string& roots_file, Seconds clock_offset) {
    POSTSEAL_TRY(ReadySocket ready, ReadySocket::make(folder + "/ready.sock"));
    std::unique_ptr<DemoProduct> product(new DemoProduct(plan, folder, roots_file, std::move(ready)));
    product->target_.config_file = folder + "/postseal.toml";
    product->clock_offset_ = clock_offset;
    if (auto written = product->write_config(); !written) {
        return written.error();
    }
    std::error_code error;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (error) {
        return Error{Errc::unavailable, "/proc/self/exe", error.message()};
    }
    POSTSEAL_TRY(product->process_, DemoProcess::start({"postseal serve",
                                                        program,
                                                        {"serve", "--config", product->config_file()},
                                                        {product->ready_.environment()},
                                                        folder + "/postseal.log"}));
    const auto end = std::chrono::steady_clock::now() + ready_limit;
    while (!product->ready_.wait(std::chrono::milliseconds(200))) {
        if (!product->process_->running()) {
            return product->process_->how_it_ended();
        }
        if (std::chrono::steady_clock::now() > end) {
            return Error{Errc::unavailable, "postseal serve", "is not ready after a minute; see postseal.log"};
        }
    }
    return product;
}

Result<void> DemoProduct::write_config() const {
    // In one step, so that a reload never reads half a file.
    const std::string fresh = config_file() + ".new";
    std::ofstream out(fresh, std::ios::trunc);
    out << config_text(plan_, folder_, roots_file_, clock_offset_);
    out.close();
    std::error_code error;
    std::filesystem::rename(fresh, config_file(), error);
    if (!out || error) {
        return Error{Errc::unavailable, config_file(), "cannot be written"};
    }
    return {};
}

Result<void> DemoProduct::set_clock(Seconds clock_offset) {
    clock_offset_ = clock_offset;
    if (auto written = write_config(); !written) {
        return written;
    }
    process_->signal(SIGHUP);
    if (!ready_.wait(ready_limit)) {
        return process_->running() ? Error{Errc::unavailable, "postseal serve", "did not reload its configuration"}
                                   : process_->how_it_ended();
    }
    return {};
}

TimePoint DemoProduct::now() const {
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now()) + clock_offset_;
}

Result<json::object> DemoProduct::call(const std::string& method, const std::string& path,
                                       const json::object& body) const {
    POSTSEAL_TRY(const ApiAnswer answer,
                 call_api(target_, method, path, body.empty() ? std::string() : json::serialize(body)));
    constexpr int first_failure = 300;
    if (answer.status >= first_failure || !answer.body.is_object()) {
        std::string why = answer.problem();
        const json::value* reasons =
            answer.body.is_object() ? answer.body.get_object().if_contains("reasons") : nullptr;
        if (reasons != nullptr && reasons->is_array()) {
            why += " " + json::serialize(*reasons);
        }
        return Error{Errc::refused, method + " " + path, printable(why)};
    }
    return answer.body.get_object();
}

}  // namespace postseal::app
