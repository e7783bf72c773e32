#include "sender/socketmap.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "base/text.h"
#include "verdict/key.h"

namespace postseal::sender {

namespace {

// One request taken off the front of the input.
struct Taken {
    enum class State { whole, partial, broken } state = State::partial;
    std::size_t consumed = 0;
    std::string_view key;
    std::string_view mx;  // of the line protocol's MX: "10 mx.example.com 20 mx.example.net"
    Form form = Form::plain;
    std::string_view error;  // to be sent before the connection is closed
};

// "19:QUERY example.com,". Leading zeros and other liberties end the connection: nobody sends them.
Taken take_netstring(std::string_view input) {
    Taken taken;
    const std::size_t colon = input.find(':');
    constexpr std::size_t length_digits_max = 5;
    if (colon == std::string_view::npos) {
        const bool digits = input.size() <= length_digits_max && (input.empty() || parse_decimal(input));
        taken.state = digits ? Taken::State::partial : Taken::State::broken;
        return taken;
    }
    const auto length = parse_decimal(input.substr(0, colon));
    if (!length || colon > length_digits_max || *length > request_bytes_max || (input[0] == '0' && colon > 1)) {
        taken.state = Taken::State::broken;
        return taken;
    }
    const std::size_t end = colon + 1 + *length;
    if (input.size() <= end) {
        return taken;
    }
    if (input[end] != ',') {
        taken.state = Taken::State::broken;
        return taken;
    }
    const std::string_view payload = input.substr(colon + 1, *length);
    const std::size_t blank = payload.find(' ');
    taken.state = Taken::State::whole;
    taken.consumed = end + 1;
    taken.form = payload.substr(0, blank) == "QUERYwithTLSRPT" ? Form::with_tlsrpt : Form::plain;
    taken.key = blank == std::string_view::npos ? std::string_view() : payload.substr(blank + 1);
    return taken;
}

Taken take_line(std::string_view input) {
    Taken taken;
    taken.form = Form::line;
    const std::size_t end = input.find('\n');
    if (end == std::string_view::npos) {
        taken.state = input.size() > request_bytes_max ? Taken::State::broken : Taken::State::partial;
        taken.error = "error=\"the line is too long\"\n";
        return taken;
    }
    std::string_view line = input.substr(0, end);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    taken.consumed = end + 1;
    if (istarts_with(line, "GET ")) {
        taken.key = trim_wsp(line.substr(4));
    } else if (istarts_with(line, "MX ")) {
        const std::string_view rest = trim_wsp(line.substr(3));
        const std::size_t blank = std::min(rest.find(' '), rest.size());
        taken.key = rest.substr(0, blank);
        taken.mx = rest.substr(blank);
        taken.form = Form::mx_line;
    } else {
        taken.state = Taken::State::broken;
        taken.error = "error=\"the request must be: GET DOMAIN, or MX DOMAIN [PREFERENCE] HOST ...\"\n";
        return taken;
    }
    taken.state = Taken::State::whole;
    return taken;
}

// RFC 5321 §5.1: the lowest preference first, hosts of the same preference in random order.
std::vector<std::string> in_order_of_preference(std::string_view mx) {
    std::vector<std::pair<std::uint64_t, std::string>> hosts;
    const std::vector<std::string_view> words = split(mx, ' ');
    hosts.reserve(words.size());
    std::uint64_t preference = 0;
    for (const std::string_view word : words) {
        if (const auto number = parse_decimal(word)) {
            preference = *number;
        } else if (!word.empty()) {
            hosts.emplace_back(preference, word);
        }
    }
    thread_local std::minstd_rand random{std::random_device{}()};
    std::ranges::shuffle(hosts, random);
    std::ranges::stable_sort(hosts, {}, &std::pair<std::uint64_t, std::string>::first);
    std::vector<std::string> names;
    names.reserve(hosts.size());
    for (auto& [number, name] : hosts) {
        names.push_back(std::move(name));
    }
    return names;
}

std::string mx_answer(const Answer& answer, std::string_view key, std::string_view mx) {
    return verdict::mx_line_reply(answer.decision, verdict::parse_key(key).name, in_order_of_preference(mx)) + "\n";
}

constexpr std::uint32_t requests_per_timing = 64;  // two looks at the clock for each would be felt
thread_local std::uint32_t requests_of_this_thread = 0;

template <Taken (*take)(std::string_view)>
class Protocol final : public net::StreamProtocol {
public:
    explicit Protocol(PolicyDaemon& daemon) : daemon_(daemon) {}

    Progress receive(std::string_view input, std::string& out, const net::StreamResume& resume) override {
        Progress progress;
        const TimePoint now = daemon_.clock().now();  // of all that has come together
        while (true) {
            const Taken taken = take(input.substr(progress.consumed));
            if (taken.state == Taken::State::partial) {
                return progress;
            }
            if (taken.state == Taken::State::broken) {
                out += taken.error;
                progress.next = Next::close;
                return progress;
            }
            progress.consumed += taken.consumed;
            const bool timed = ++requests_of_this_thread % requests_per_timing == 0;
            const auto begun = timed ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
            bool known = false;
            if (taken.form == Form::mx_line) {
                const auto answer = daemon_.known(taken.key);
                known = answer != nullptr;
                out += known ? mx_answer(*answer, taken.key, taken.mx) : "";
            } else {
                known = daemon_.reply(taken.key, taken.form, now, out);
            }
            if (known) {
                if (timed) {
                    daemon_.time_hit(std::chrono::steady_clock::now() - begun);
                }
                continue;
            }
            if (taken.form == Form::mx_line) {
                daemon_.ask(taken.key,
                            [resume, key = std::string(taken.key), mx = std::string(taken.mx)](
                                const std::shared_ptr<const Answer>& answer) { resume(mx_answer(*answer, key, mx)); });
                progress.next = Next::later;
                return progress;
            }
            daemon_.ask(taken.key, [resume, form = taken.form](const std::shared_ptr<const Answer>& answer) {
                resume(answer->in(form));
            });
            progress.next = Next::later;
            return progress;
        }
    }

private:
    PolicyDaemon& daemon_;
};

}  // namespace

std::unique_ptr<net::StreamProtocol> make_socketmap_protocol(PolicyDaemon& daemon) {
    return std::make_unique<Protocol<take_netstring>>(daemon);
}

std::unique_ptr<net::StreamProtocol> make_line_protocol(PolicyDaemon& daemon) {
    return std::make_unique<Protocol<take_line>>(daemon);
}

net::StreamServerSettings policy_server_settings() {
    net::StreamServerSettings settings;
    settings.connections_max = std::numeric_limits<std::size_t>::max();  // the limit on files is the only one
    settings.input_bytes_max = 64 * 1024;
    settings.idle_timeout = std::chrono::seconds(130);
    settings.later_timeout = std::chrono::seconds(95);
    return settings;
}

}  // namespace postseal::sender
