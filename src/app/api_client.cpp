#include "app/api_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "app/command.h"
#include "app/config.h"
#include "base/text.h"

namespace postseal::app {

namespace {

constexpr std::size_t answer_bytes_max = 256U << 20;

struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
    auto* body = static_cast<std::string*>(into);
    if (body->size() + size * count > answer_bytes_max) {
        return 0;
    }
    body->append(data, size * count);
    return size * count;
}

Result<std::string> read_token(const std::string& path) {
    constexpr std::size_t token_bytes_max = 4096;
    POSTSEAL_TRY(const Bytes bytes, read_file(path, token_bytes_max));
    std::string_view text = as_text(bytes);
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    return std::string(trim_wsp(text));
}

}  // namespace

void add_api_options(CLI::App& command, ApiTarget& target) {
    auto* config = command.add_option("--config", target.config_file,
                                      "The configuration of the server on this machine: asks it by its local socket");
    auto* url = command.add_option("--api", target.url, "The URL of a server elsewhere");
    command.add_option("--token-file", target.token_file, "A file that holds the API token for --api")->needs(url);
    url->excludes(config);
}

std::string ApiAnswer::problem() const {
    if (const auto* object = body.if_object()) {
        for (const char* key : {"detail", "title"}) {
            const auto* text = object->if_contains(key);
            if (text != nullptr && text->is_string()) {
                return std::string(text->get_string());
            }
        }
    }
    return fmt::format("the server answered {}", status);
}

Result<ApiAnswer> call_api(const ApiTarget& target, const std::string& method, const std::string& path,
                           const std::string& body) {
    const std::unique_ptr<CURL, FreeHandle> handle(curl_easy_init());
    std::unique_ptr<curl_slist, FreeList> headers(curl_slist_append(nullptr, "Accept: application/json"));
    const auto add_header = [&](const std::string& header) {
        headers.reset(curl_slist_append(headers.release(), header.c_str()));
    };
    std::string where = target.url;
    std::string base = target.url;
    if (target.url.empty()) {
        if (target.config_file.empty()) {
            return invalid_input("", "say which server: --config FILE, or --api URL with --token-file FILE");
        }
        auto config = load_config(target.config_file);
        if (!config) {
            return config.error().front();
        }
        where = config->api_socket();
        base = "http://localhost";
        curl_easy_setopt(handle.get(), CURLOPT_UNIX_SOCKET_PATH, where.c_str());
    } else if (!target.token_file.empty()) {
        POSTSEAL_TRY(const std::string token, read_token(target.token_file));
        add_header("Authorization: Bearer " + token);
    }
    if (!body.empty()) {
        add_header("Content-Type: application/json");
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, body.c_str());
    } else if (method == "POST") {
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(0));
        curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, "");
    }
    std::string answer;
    curl_easy_setopt(handle.get(), CURLOPT_URL, (base + path).c_str());
    curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, target.patience_s);
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
    const CURLcode done = curl_easy_perform(handle.get());
    if (done == CURLE_OPERATION_TIMEDOUT) {
        return Error{Errc::unavailable, where, fmt::format("no answer within {} s", target.patience_s)};
    }
    if (done != CURLE_OK) {
        return Error{Errc::unavailable, where, fmt::format("the server does not answer: {}", curl_easy_strerror(done))};
    }
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    ApiAnswer out;
    out.status = static_cast<int>(status);
    if (!answer.empty()) {
        boost::system::error_code error;
        out.body = boost::json::parse(answer, error);
        if (error) {
            return invalid_input(where, fmt::format("the answer ({}) is not JSON", status));
        }
    }
    return out;
}

Asked ask_api(const ApiTarget& target, const std::string& method, const std::string& path, const std::string& body) {
    constexpr int first_failure = 300;
    constexpr int server_error = 500;
    const auto answer = call_api(target, method, path, body);
    if (!answer) {
        complain(answer.error().message());
        return {{}, exit_usage};
    }
    if (answer->status >= first_failure) {
        complain(answer->problem());
        return {{}, answer->status >= server_error ? exit_usage : exit_problems};
    }
    return {answer->body.is_object() ? answer->body.get_object() : boost::json::object(), exit_fine};
}

}  // namespace postseal::app
