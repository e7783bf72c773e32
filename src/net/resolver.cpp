// libunbound, asynchronously: a thread of its own does the work, its answers come through a pipe that the loop watches.
#include "net/resolver.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <deque>
#include <unordered_map>

#include "base/bytes.h"
#include "base/text.h"
#include "net/asio.h"

namespace postseal::net {

std::string_view to_string(DnsStatus status) {
    switch (status) {
        case DnsStatus::secure:
            return "secure";
        case DnsStatus::insecure:
            return "insecure";
        case DnsStatus::bogus:
            return "bogus";
        case DnsStatus::failed:
            return "failed";
    }
    return "";
}

std::string_view to_string(DnsContent content) {
    switch (content) {
        case DnsContent::data:
            return "data";
        case DnsContent::nodata:
            return "nodata";
        case DnsContent::nxdomain:
            return "nxdomain";
        case DnsContent::none:
            return "none";
    }
    return "";
}

namespace {

// libunbound logs to one FILE of the whole process. Ours keeps what the thread that is setting up a context says, for
// the error message, and drops the rest.
thread_local std::string* captured_log = nullptr;

ssize_t write_log(void* /*cookie*/, const char* text, std::size_t size) {
    if (captured_log != nullptr && captured_log->size() < 4096) {
        captured_log->append(text, size);
    }
    return static_cast<ssize_t>(size);
}

FILE* log_file() {
    static FILE* const file = [] {
        cookie_io_functions_t functions{};
        functions.write = write_log;
        FILE* opened = ::fopencookie(nullptr, "w", functions);
        if (opened != nullptr) {
            std::setvbuf(opened, nullptr, _IONBF, 0);
        }
        return opened;
    }();
    return file;
}

class LogCapture {
public:
    LogCapture() { captured_log = &text_; }
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;
    ~LogCapture() { captured_log = nullptr; }
    // "[1700000000] libunbound[1:0] error: something is wrong" → "something is wrong"
    [[nodiscard]] std::string first_error() const {
        const std::size_t begin = text_.find("error: ");
        if (begin == std::string::npos) {
            return "";
        }
        return printable(text_.substr(begin + 7, text_.find('\n', begin) - begin - 7), 300);
    }

private:
    std::string text_;
};

std::string rcode_text(int rcode) {
    switch (rcode) {
        case 1:
            return "FORMERR";
        case 2:
            return "SERVFAIL";
        case 4:
            return "NOTIMP";
        case 5:
            return "REFUSED";
        default:
            return "RCODE " + std::to_string(rcode);
    }
}

DnsAnswer failed(const dns::Name& name, dns::Type type, std::string error) {
    DnsAnswer answer;
    answer.name = answer.canonical_name = name;
    answer.type = type;
    answer.error = std::move(error);
    return answer;
}

void read_records(const ub_result& result, DnsAnswer& answer) {
    for (std::size_t i = 0; result.data != nullptr && result.data[i] != nullptr; ++i) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(result.data[i]);
        auto data = dns::data_from_wire(answer.type, ByteView(bytes, static_cast<std::size_t>(result.len[i])));
        if (!data) {
            ++answer.unreadable;
            continue;
        }
        answer.records.push_back({answer.canonical_name, answer.type, answer.ttl_s, std::move(*data)});
    }
}

DnsAnswer to_answer(const dns::Name& name, dns::Type type, const ub_result& result) {
    DnsAnswer answer = failed(name, type, "");
    if (result.bogus != 0) {  // first: libunbound hands out the data of a bogus answer as well
        answer.status = DnsStatus::bogus;
        const std::string why = result.why_bogus != nullptr ? printable(result.why_bogus, 500) : "";
        answer.error = why.empty() ? "DNSSEC validation failed" : why;
        return answer;
    }
    if (result.rcode != 0 && result.rcode != 3) {
        answer.error = rcode_text(result.rcode);
        return answer;
    }
    answer.status = result.secure != 0 ? DnsStatus::secure : DnsStatus::insecure;
    answer.ttl_s = static_cast<std::uint32_t>(std::max(0, result.ttl));
    if (result.canonname != nullptr) {
        if (const auto canonical = dns::Name::parse(result.canonname)) {
            answer.canonical_name = *canonical;
        }
    }
    if (result.nxdomain != 0 || result.rcode == 3) {
        answer.content = DnsContent::nxdomain;
        return answer;
    }
    answer.content = result.havedata != 0 ? DnsContent::data : DnsContent::nodata;
    read_records(result, answer);
    return answer;
}

class UnboundResolver final : public Resolver {
public:
    static Result<std::unique_ptr<Resolver>> make(Loop& loop, const ResolverSettings& settings);
    ~UnboundResolver() override {
        loop_.sync([this] {
            core_->drop_everything();  // core_ lives on for a moment when this happens inside a callback
            core_.reset();
        });
    }

    void resolve(const dns::Name& name, dns::Type type, std::function<void(DnsAnswer)> done) override {
        // By post() also on the loop's own thread: never calls back before it has returned.
        loop_.post([core = std::weak_ptr(core_), name, type, done = std::move(done)]() mutable {
            if (const auto alive = core.lock()) {
                alive->start(name, type, std::move(done));
            }
        });
    }

private:
    struct Query {
        dns::Name name;
        dns::Type type = dns::Type::a;
        std::function<void(DnsAnswer)> done;
        Timer timer;
        int async_id = 0;
        bool sent = false;
    };

    // What lives on the loop.
    struct Core : std::enable_shared_from_this<Core> {
        Core(Loop& its_loop, const ResolverSettings& its_settings)
            : loop(its_loop), settings(its_settings), descriptor(its_loop.context()), context(ub_ctx_create()) {}
        Core(const Core&) = delete;
        Core& operator=(const Core&) = delete;
        ~Core() {
            queries.clear();
            if (context != nullptr) {
                ub_ctx_delete(context);  // ends the thread; no callback comes any more
            }
        }

        void start(const dns::Name& name, dns::Type type, std::function<void(DnsAnswer)> done) {
            const std::uint64_t id = ++last_id;
            Query& query = queries[id];
            query.name = name;
            query.type = type;
            query.done = std::move(done);
            query.timer = loop.after(settings.timeout, [this, id] { time_out(id); });
            if (in_flight < settings.in_flight_max) {
                send(id);
            } else {
                waiting.push_back(id);
            }
        }

        void send(std::uint64_t id) {
            Query& query = queries.at(id);
            // The number itself is the user pointer: an answer that comes after its query has gone finds nothing.
            const int error = ub_resolve_async(context, query.name.fqdn().c_str(), static_cast<int>(query.type), 1,
                                               std::bit_cast<void*>(id), &Core::on_result, &query.async_id);
            if (error != 0) {
                finish(id, failed(query.name, query.type, ub_strerror(error)));
                return;
            }
            query.sent = true;
            ++in_flight;
        }

        void time_out(std::uint64_t id) {
            Query& query = queries.at(id);
            DnsAnswer answer = failed(query.name, query.type, "timed out");
            if (query.sent) {
                ub_cancel(context, query.async_id);
                --in_flight;
            }
            finish(id, std::move(answer));
        }

        void finish(std::uint64_t id, DnsAnswer answer) {
            auto node = queries.extract(id);
            node.mapped().timer.cancel();
            node.mapped().done(std::move(answer));
        }

        void send_waiting() {
            while (in_flight < settings.in_flight_max && !waiting.empty()) {
                const std::uint64_t id = waiting.front();
                waiting.pop_front();
                if (queries.contains(id)) {  // else it has timed out
                    send(id);
                }
            }
        }

        static thread_local Core* processing;  // on_result() gets one pointer, and that is the query's number

        static void on_result(void* user, int error, ub_result* result) {
            Core& core = *processing;
            const auto id = std::bit_cast<std::uint64_t>(user);
            const auto found = core.queries.find(id);
            if (found != core.queries.end()) {
                const Query& query = found->second;
                --core.in_flight;
                core.ready.emplace_back(id, error != 0 || result == nullptr
                                                ? failed(query.name, query.type, ub_strerror(error))
                                                : to_answer(query.name, query.type, *result));
            }
            ub_resolve_free(result);
        }

        void drop_everything() {
            queries.clear();
            waiting.clear();
            ready.clear();
        }

        void watch() {
            descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                  [core = std::weak_ptr(shared_from_this())](boost::system::error_code error) {
                                      const auto alive = core.lock();
                                      if (!error && alive) {
                                          alive->process();
                                          alive->watch();
                                      }
                                  });
        }

        void process() {
            processing = this;
            const int error = ub_process(context);
            processing = nullptr;
            // Called only now: a callback may well ask the next question, and libunbound is not in the middle of
            // anything.
            for (auto& [id, answer] : std::exchange(ready, {})) {
                if (queries.contains(id)) {
                    finish(id, std::move(answer));
                }
            }
            if (error != 0) {  // the thread behind the pipe has died: nothing sent will be answered
                std::vector<std::uint64_t> lost;
                for (const auto& [id, query] : queries) {
                    lost.push_back(id);
                }
                for (const std::uint64_t id : lost) {
                    if (const auto found = queries.find(id); found != queries.end()) {
                        finish(id, failed(found->second.name, found->second.type, ub_strerror(error)));
                    }
                }
                in_flight = 0;
            }
            send_waiting();
        }

        Loop& loop;
        ResolverSettings settings;
        asio::posix::stream_descriptor descriptor;
        ub_ctx* context;
        std::unordered_map<std::uint64_t, Query> queries;
        std::deque<std::uint64_t> waiting;
        std::vector<std::pair<std::uint64_t, DnsAnswer>> ready;
        std::uint64_t last_id = 0;
        std::size_t in_flight = 0;
    };

    UnboundResolver(Loop& loop, std::shared_ptr<Core> core) : loop_(loop), core_(std::move(core)) {}

    Loop& loop_;
    std::shared_ptr<Core> core_;
};

thread_local UnboundResolver::Core* UnboundResolver::Core::processing = nullptr;

// ub_ctx_config() reads a file; this one has no name.
Result<void> configure(ub_ctx* context, const std::string& text) {
    const int fd = ::memfd_create("unbound.conf", MFD_CLOEXEC);
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        ::close(fd);
        return Error{Errc::unavailable, "resolver", "cannot write its configuration"};
    }
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int error = ub_ctx_config(context, path.c_str());
    ::close(fd);
    if (error != 0) {
        return Error{Errc::internal, "resolver",
                     std::string("libunbound refuses its configuration: ") + ub_strerror(error)};
    }
    return {};
}

Result<std::unique_ptr<Resolver>> UnboundResolver::make(Loop& loop, const ResolverSettings& settings) {
    POSTSEAL_TRY(const std::string configuration, unbound_configuration(settings));
    const LogCapture log;
    auto core = std::make_shared<Core>(loop, settings);
    if (core->context == nullptr) {
        return Error{Errc::unavailable, "resolver", "libunbound cannot be initialised"};
    }
    ub_ctx_debugout(core->context, log_file());
    if (const auto configured = configure(core->context, configuration); !configured) {
        return configured.error();
    }
    ub_ctx_async(core->context, 1);
    // The first question makes libunbound read trust anchors and hints; "localhost" it answers without asking anybody.
    int id = 0;
    const int error = ub_resolve_async(
        core->context, "localhost.", 1, 1, nullptr, [](void*, int, ub_result* result) { ub_resolve_free(result); },
        &id);
    if (error != 0) {
        const std::string detail = log.first_error();
        return invalid_input("resolver", detail.empty() ? ub_strerror(error) : detail);
    }
    const int fd = ::fcntl(ub_fd(core->context), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return Error{Errc::unavailable, "resolver", "cannot watch libunbound's pipe"};
    }
    core->descriptor.assign(fd);
    loop.dispatch([core] { core->watch(); });
    return std::unique_ptr<Resolver>(new UnboundResolver(loop, std::move(core)));
}

}  // namespace

Result<std::unique_ptr<Resolver>> make_unbound_resolver(Loop& loop, const ResolverSettings& settings) {
    return UnboundResolver::make(loop, settings);
}

}  // namespace postseal::net
