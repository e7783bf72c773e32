// One table of the configuration file while it is read: what is there is taken key by key, what nobody took is unknown.
// The readers of the sections (config_readers.h) know this; who uses a configuration does not.
#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/config.h"
#include "base/text.h"

namespace postseal::app {

std::string join_words(const std::vector<std::string_view>& words);

// Where a listener stands in the file.
struct ListenKey {
    std::string section;
    std::string key;    // with its section
    std::string where;  // FILE:LINE: KEY
    toml::source_index line = 0;
    net::ListenAddress address;
};

// One table of the file: each take_… reads a key if it is there and notes that it is known; finish() complains about
// the keys that nobody took.
class Section {
public:
    Section(const std::string& file, const toml::table& table, std::string prefix, ConfigErrors& errors)
        : file_(&file), table_(&table), prefix_(std::move(prefix)), errors_(&errors) {}

    [[nodiscard]] std::string where(const toml::node& node, std::string_view key) const {
        return fmt::format("{}:{}: {}{}", *file_, node.source().begin.line, prefix_, key);
    }
    void fail(const toml::node& node, std::string_view key, std::string what) {
        errors_->push_back(invalid_input(where(node, key), std::move(what)));
    }

    const toml::node* take(std::string_view key) {
        known_.emplace_back(key);
        return table_->get(key);
    }

    template <class T>
    const toml::node* take_value(std::string_view key, T& into, std::string_view wanted) {
        const toml::node* node = take(key);
        if (node == nullptr) {
            return nullptr;
        }
        const auto value = node->value_exact<T>();
        if (!value) {
            fail(*node, key, fmt::format("must be {}", wanted));
            return nullptr;
        }
        into = *value;
        return node;
    }
    const toml::node* take_text(std::string_view key, std::string& into) {
        return take_value<std::string>(key, into, "a text in quotes");
    }
    void take_flag(std::string_view key, bool& into) { take_value<bool>(key, into, "true or false"); }

    template <class Integer>
    const toml::node* take_number(std::string_view key, Integer& into, std::int64_t min, std::int64_t max) {
        std::int64_t number = 0;
        const toml::node* node = take_value<std::int64_t>(key, number, "a whole number");
        if (node != nullptr && (number < min || number > max)) {
            fail(*node, key, fmt::format("must be from {} to {}", min, max));
            return nullptr;
        }
        if (node != nullptr) {
            into = static_cast<Integer>(number);
        }
        return node;
    }

    template <class T>
    void take_word(std::string_view key, T& into, const std::vector<std::pair<std::string_view, T>>& words) {
        std::string text;
        const toml::node* node = take_text(key, text);
        if (node == nullptr) {
            return;
        }
        std::vector<std::string_view> known;
        for (const auto& [word, meaning] : words) {
            if (word == text) {
                into = meaning;
                return;
            }
            known.push_back(word);
        }
        fail(*node, key, fmt::format("must be one of {}; \"{}\" is none of them", join_words(known), printable(text)));
    }

    // A text or an array of texts; each goes through `parse`, whose error is reported at its own line.
    template <class Parse, class T>
    void take_list(std::string_view key, std::vector<T>& into, Parse parse) {
        const toml::node* node = take(key);
        if (node == nullptr) {
            return;
        }
        into.clear();
        const auto add = [&](const toml::node& element) {
            const auto text = element.value_exact<std::string>();
            if (!text) {
                fail(element, key, "must be a text in quotes, or an array of such");
                return;
            }
            Result<T> parsed = parse(*text);
            if (parsed) {
                if constexpr (std::is_same_v<T, net::ListenAddress>) {
                    listeners_.push_back({std::string(prefix_.substr(0, prefix_.find('.'))), prefix_ + std::string(key),
                                          where(element, key), element.source().begin.line, *parsed});
                }
                into.push_back(std::move(*parsed));
            } else {
                fail(element, key, parsed.error().message());
            }
        };
        if (const toml::array* array = node->as_array()) {
            for (const toml::node& element : *array) {
                add(element);
            }
        } else {
            add(*node);
        }
    }
    void take_listen(std::string_view key, ListenAddresses& into) { take_list(key, into, net::parse_listen_address); }
    void take_mode(std::string_view key, unsigned& into);
    // A domain name or "".
    const toml::node* take_name(std::string_view key, std::string& into);
    // "local@domain" with the domain in A-labels, as mail needs it; or "".
    void take_mailbox(std::string_view key, std::string& into);

    void finish();

    [[nodiscard]] const std::string& file() const { return *file_; }
    [[nodiscard]] ConfigErrors& errors() { return *errors_; }
    [[nodiscard]] const std::vector<ListenKey>& listeners() const { return listeners_; }

private:
    const std::string* file_;
    const toml::table* table_;
    std::string prefix_;
    ConfigErrors* errors_;
    std::vector<std::string> known_;
    std::vector<ListenKey> listeners_;
};

}  // namespace postseal::app
