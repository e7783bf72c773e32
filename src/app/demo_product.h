// The product inside the demo: a configuration file as an operator would write it, `postseal serve` running on it, and
// what the command line would ask it, by the same local socket.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "app/api_client.h"
#include "app/demo_internet.h"
#include "app/demo_process.h"
#include "base/result.h"
#include "base/time.h"

namespace postseal::app {

class DemoProduct {
public:
    // `folder`: the state, the configuration file and the log go there; `roots_file`: what everybody trusts.
    static Result<std::unique_ptr<DemoProduct>> start(const DemoPlan& plan, const std::string& folder,
                                                      const std::string& roots_file, Seconds clock_offset);
    DemoProduct(const DemoProduct&) = delete;
    DemoProduct& operator=(const DemoProduct&) = delete;

    [[nodiscard]] DemoProcess& process() { return *process_; }
    [[nodiscard]] const std::string& config_file() const { return target_.config_file; }
    [[nodiscard]] std::string collector_socket() const { return folder_ + "/tlsrpt.sock"; }

    // Puts the installation's clock: a new [lab] clock_offset_s and SIGHUP; returns when it has been read.
    Result<void> set_clock(Seconds clock_offset);
    [[nodiscard]] TimePoint now() const;  // by the installation's clock

    // An answer's object; an answer that says no is an error with its reason.
    [[nodiscard]] Result<boost::json::object> call(const std::string& method, const std::string& path,
                                                   const boost::json::object& body = {}) const;

private:
    DemoProduct(const DemoPlan& plan, std::string folder, std::string roots_file, ReadySocket ready)
        : plan_(plan), folder_(std::move(folder)), roots_file_(std::move(roots_file)), ready_(std::move(ready)) {}
    [[nodiscard]] Result<void> write_config() const;

    const DemoPlan plan_;
    std::string folder_;
    std::string roots_file_;
    ReadySocket ready_;
    Seconds clock_offset_{0};
    ApiTarget target_;
    std::unique_ptr<DemoProcess> process_;
};

}  // namespace postseal::app
