#include "app/config_section.h"

namespace postseal::app {

namespace {

// RFC 5322 §3.2.3: what may stand in front of the "@" in a header field and on the wire without quotes.
bool is_dot_atom(std::string_view text) {
    const auto atoms = split(text, '.');
    return std::ranges::all_of(atoms, [](std::string_view atom) {
        return !atom.empty() && std::ranges::all_of(atom, [](char c) {
            return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
        });
    });
}

}  // namespace

std::string join_words(const std::vector<std::string_view>& words) {
    std::string out;
    for (const std::string_view word : words) {
        out += (out.empty() ? "" : ", ") + std::string(word);
    }
    return out;
}

void Section::take_mode(std::string_view key, unsigned& into) {
    std::string text;
    if (const toml::node* node = take_text(key, text)) {
        const Result<unsigned> mode = net::parse_socket_mode(text);
        if (mode) {
            into = *mode;
        } else {
            fail(*node, key, mode.error().message());
        }
    }
}

const toml::node* Section::take_name(std::string_view key, std::string& into) {
    std::string text;
    const toml::node* node = take_text(key, text);
    if (node == nullptr || text.empty()) {
        return node;
    }
    const Result<dns::Name> name = dns::Name::parse(text);
    if (name && !name->is_root()) {
        into = name->text();
    } else {
        fail(*node, key, name ? "the root cannot be used here" : name.error().message());
    }
    return node;
}

void Section::take_mailbox(std::string_view key, std::string& into) {
    const toml::node* node = take_text(key, into);
    if (node == nullptr || into.empty()) {
        return;
    }
    const auto at = into.rfind('@');
    const auto domain = dns::Name::parse(into.substr(at + 1));
    if (at == std::string::npos || !is_dot_atom(into.substr(0, at)) || !domain || domain->is_root()) {
        fail(*node, key, "must be a mailbox such as tls-reports@example.com");
        return;
    }
    into.replace(at + 1, std::string::npos, domain->text());
}

void Section::finish() {
    for (const auto& [key, node] : *table_) {
        if (std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
            fail(node, printable(key.str()), "unknown key");
        }
    }
}

}  // namespace postseal::app
