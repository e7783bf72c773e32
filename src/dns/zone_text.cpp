#include "dns/zone_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/text.h"

namespace postseal::dns {

namespace {

struct Word {
    std::string text;
    bool quoted = false;
};

// The words of one record and where they began.
struct Entry {
    int line = 1;
    bool owner_omitted = false;
    std::vector<Word> words;
};

// RFC 1035 §5.1 as characters: words, quotes, escapes, comments, parentheses.
class Lexer {
public:
    explicit Lexer(std::string_view text) : rest_(text) {}

    [[nodiscard]] int line() const { return line_; }

    // The next record; nothing at the end.
    Result<std::optional<Entry>> next() {
        Entry entry;
        int open = 0;
        bool at_line_start = true;
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '\n') {
                drop();
                if (open == 0 && !entry.words.empty()) {
                    return std::optional(std::move(entry));
                }
                at_line_start = at_line_start || open == 0;
                continue;
            }
            if (entry.words.empty() && open == 0 && at_line_start) {
                entry.line = line_;
                entry.owner_omitted = is_wsp(c);
            }
            at_line_start = false;
            if (is_wsp(c) || c == '\r') {
                drop();
            } else if (c == ';') {
                skip_comment();
            } else if (c == '(') {
                drop();
                ++open;
            } else if (c == ')') {
                drop();
                if (--open < 0) {
                    return invalid_input("", "a closing parenthesis without an opening one");
                }
            } else {
                POSTSEAL_TRY(auto word, c == '"' ? quoted() : plain());
                entry.words.push_back(std::move(word));
            }
        }
        if (open > 0) {
            return invalid_input("", "a parenthesis that is never closed");
        }
        return entry.words.empty() ? std::optional<Entry>() : std::optional(std::move(entry));
    }

private:
    void drop() {
        line_ += rest_.front() == '\n' ? 1 : 0;
        rest_.remove_prefix(1);
    }

    void skip_comment() {
        while (!rest_.empty() && rest_.front() != '\n') {
            drop();
        }
    }

    // `\X` is X, `\DDD` the octet with that decimal number.
    Result<char> escaped() {
        drop();
        if (rest_.empty() || rest_.front() == '\n') {
            return invalid_input("", "a backslash at the end of the line");
        }
        if (!is_digit(rest_.front())) {
            const char c = rest_.front();
            drop();
            return c;
        }
        const auto number = rest_.size() < 3 ? std::nullopt : parse_decimal(rest_.substr(0, 3));
        if (!number || *number > 255) {
            return invalid_input("", "a backslash before what is not three digits up to 255");
        }
        rest_.remove_prefix(3);
        return static_cast<char>(*number);
    }

    Result<Word> quoted() {
        Word word{"", true};
        drop();
        while (!rest_.empty() && rest_.front() != '\n') {
            if (rest_.front() == '"') {
                drop();
                return word;
            }
            if (rest_.front() == '\\') {
                POSTSEAL_TRY(const char c, escaped());
                word.text += c;
            } else {
                word.text += rest_.front();
                drop();
            }
        }
        return invalid_input("", "a quotation mark that is not closed on its line");
    }

    Result<Word> plain() {
        Word word;
        while (!rest_.empty() && std::string_view(" \t\r\n;()\"").find(rest_.front()) == std::string_view::npos) {
            if (rest_.front() == '\\' && !(word.text.empty() && rest_.starts_with("\\#"))) {
                POSTSEAL_TRY(const char c, escaped());
                word.text += c;
            } else {
                word.text += rest_.front();
                drop();
            }
        }
        return word;
    }

    std::string_view rest_;
    int line_ = 1;
};

// Takes the words of one record's data in order; remembers what went wrong first.
class Words {
public:
    explicit Words(const std::vector<std::string>& words) : words_(words) {}

    Result<std::string> text(std::string_view what) {
        if (at_ == words_.size()) {
            return invalid_input(std::string(what), "missing");
        }
        return words_[at_++];
    }
    template <class T>
    Result<T> number(std::string_view what) {
        constexpr std::uint64_t max = static_cast<T>(-1);
        POSTSEAL_TRY(const auto word, text(what));
        const auto value = parse_decimal(word);
        if (!value || *value > max) {
            return invalid_input(std::string(what), fmt::format("not a number from 0 to {}", max));
        }
        return static_cast<T>(*value);
    }
    Result<Name> name(std::string_view what) {
        POSTSEAL_TRY(const auto word, text(what));
        auto parsed = Name::parse_ascii(word);
        if (!parsed) {
            return invalid_input(std::string(what), parsed.error().message());
        }
        return parsed;
    }
    // All that is left, joined: hexadecimal and base64 may be broken anywhere.
    std::string joined_rest() {
        std::string out;
        while (at_ < words_.size()) {
            out += words_[at_++];
        }
        return out;
    }
    Result<Bytes> hex(std::string_view what) {
        auto bytes = from_hex(joined_rest());
        if (!bytes) {
            return invalid_input(std::string(what), bytes.error().what);
        }
        return bytes;
    }
    Result<Bytes> base64(std::string_view what) {
        auto bytes = from_base64(joined_rest());
        if (!bytes) {
            return invalid_input(std::string(what), bytes.error().what);
        }
        return bytes;
    }
    [[nodiscard]] bool empty() const { return at_ == words_.size(); }

private:
    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
};

Result<Data> address(Words& words, Type type) {
    POSTSEAL_TRY(const auto word, words.text("address"));
    POSTSEAL_TRY(const auto parsed, IpAddress::parse(word));
    if (parsed.is_v4() != (type == Type::a)) {
        return invalid_input("address", type == Type::a ? "not IPv4" : "not IPv6");
    }
    return Data(AddressData{parsed});
}

// DS: tag, algorithm, digest type, digest (RFC 4034 §5.3). DNSKEY: flags, protocol, algorithm, key (RFC 4034 §2.2).
Result<Data> key_material(Words& words, Type type) {
    const bool ds = type == Type::ds;
    Bytes wire;
    POSTSEAL_TRY(const auto first, words.number<std::uint16_t>(ds ? "key tag" : "flags"));
    POSTSEAL_TRY(const auto second, words.number<std::uint8_t>(ds ? "algorithm" : "protocol"));
    POSTSEAL_TRY(const auto third, words.number<std::uint8_t>(ds ? "digest type" : "algorithm"));
    append_u16(wire, first);
    wire.push_back(second);
    wire.push_back(third);
    if (words.empty()) {
        return invalid_input(ds ? "digest" : "public key", "missing");
    }
    POSTSEAL_TRY(const auto rest, ds ? words.hex("digest") : words.base64("public key"));
    append(wire, rest);
    return Data(OtherData{std::move(wire)});
}

// RFC 3597 §5: `\# LENGTH HEX`.
Result<Data> generic(Words& words, Type type) {
    POSTSEAL_TRY(const auto mark, words.text("data"));
    if (mark != "\\#") {
        return invalid_input("data", "a type that is only read as \\# LENGTH HEX");
    }
    POSTSEAL_TRY(const auto length, words.number<std::uint16_t>("length"));
    POSTSEAL_TRY(const auto wire, words.hex("data"));
    if (wire.size() != length) {
        return invalid_input("length", fmt::format("{} announced, {} there", length, wire.size()));
    }
    return data_from_wire(type, wire);
}

Result<Data> typed(Words& words, Type type) {
    switch (type) {
        case Type::a:
        case Type::aaaa:
            return address(words, type);
        case Type::ns: {
            POSTSEAL_TRY(auto host, words.name("host"));
            return Data(NsData{std::move(host)});
        }
        case Type::cname: {
            POSTSEAL_TRY(auto target, words.name("target"));
            return Data(CnameData{std::move(target)});
        }
        case Type::ptr: {
            POSTSEAL_TRY(auto host, words.name("host"));
            return Data(PtrData{std::move(host)});
        }
        case Type::mx: {
            MxData out;
            POSTSEAL_TRY(out.preference, words.number<std::uint16_t>("preference"));
            POSTSEAL_TRY(out.exchange, words.name("exchange"));
            return Data(std::move(out));
        }
        case Type::soa: {
            SoaData out;
            POSTSEAL_TRY(out.mname, words.name("mname"));
            POSTSEAL_TRY(out.rname, words.name("rname"));
            POSTSEAL_TRY(out.serial, words.number<std::uint32_t>("serial"));
            POSTSEAL_TRY(out.refresh, words.number<std::uint32_t>("refresh"));
            POSTSEAL_TRY(out.retry, words.number<std::uint32_t>("retry"));
            POSTSEAL_TRY(out.expire, words.number<std::uint32_t>("expire"));
            POSTSEAL_TRY(out.minimum, words.number<std::uint32_t>("minimum"));
            return Data(std::move(out));
        }
        case Type::txt: {
            TxtData out;
            do {
                POSTSEAL_TRY(auto string, words.text("string"));
                if (string.size() > 255) {
                    return invalid_input("string", "longer than 255 octets");
                }
                out.strings.push_back(std::move(string));
            } while (!words.empty());
            return Data(std::move(out));
        }
        case Type::caa: {
            CaaData out;
            POSTSEAL_TRY(out.flags, words.number<std::uint8_t>("flags"));
            POSTSEAL_TRY(out.tag, words.text("tag"));
            POSTSEAL_TRY(out.value, words.text("value"));
            return data_from_wire(Type::caa, data_to_wire(out));
        }
        case Type::tlsa: {
            TlsaData out;
            POSTSEAL_TRY(out.usage, words.number<std::uint8_t>("usage"));
            POSTSEAL_TRY(out.selector, words.number<std::uint8_t>("selector"));
            POSTSEAL_TRY(out.matching_type, words.number<std::uint8_t>("matching type"));
            POSTSEAL_TRY(out.association, words.hex("association"));
            return Data(std::move(out));
        }
        case Type::ds:
        case Type::dnskey:
            return key_material(words, type);
        default:
            return generic(words, type);
    }
}

}  // namespace

Result<Data> data_from_text(Type type, const std::vector<std::string>& words) {
    Words reader(words);
    const bool is_generic = !words.empty() && words[0] == "\\#";
    auto data = is_generic ? generic(reader, type) : typed(reader, type);
    if (data && !reader.empty()) {
        return invalid_input(to_string(type), "more words than the type has");
    }
    if (!data) {
        return Error{data.error().code, to_string(type), data.error().message()};
    }
    return data;
}

namespace {

// Owner, TTL, class and type off the front of an entry.
Result<Record> read_record(const Entry& entry, const std::optional<Name>& owner_before) {
    const auto& words = entry.words;
    Record out;
    std::size_t at = 0;
    if (entry.owner_omitted) {
        if (!owner_before) {
            return invalid_input("", "a line without a name, and none before it");
        }
        out.name = *owner_before;
    } else {
        if (words[0].text.starts_with('$')) {
            return invalid_input("", "directives such as $ORIGIN and $TTL are not read here: write names and TTLs out");
        }
        POSTSEAL_TRY(out.name, Name::parse_ascii(words[0].text));
        at = 1;
    }
    bool ttl_seen = false;
    bool class_seen = false;
    for (; at < words.size(); ++at) {
        const auto& word = words[at].text;
        if (!ttl_seen && !word.empty() && is_digit(word[0])) {
            const auto ttl = parse_decimal(word);
            if (!ttl || *ttl > 0x7fffffffU) {
                return invalid_input("TTL", "not a number from 0 to 2147483647");
            }
            out.ttl_s = static_cast<std::uint32_t>(*ttl);
            ttl_seen = true;
        } else if (!class_seen && iequals(word, "IN")) {
            class_seen = true;
        } else {
            break;
        }
    }
    if (at == words.size()) {
        return invalid_input("", "the type is missing");
    }
    POSTSEAL_TRY(out.type, parse_type(words[at].text));
    std::vector<std::string> data;
    for (++at; at < words.size(); ++at) {
        data.push_back(words[at].text);
    }
    POSTSEAL_TRY(out.data, data_from_text(out.type, data));
    return out;
}

}  // namespace

Result<std::vector<Record>> parse_zone_text(std::string_view text, std::string_view file) {
    if (text.size() > zone_text_bytes_max) {
        return Error{Errc::limit_exceeded, std::string(file), "larger than 1 MiB"};
    }
    const auto at_line = [file](int line, const Error& error) {
        return Error{error.code, fmt::format("{}:{}", file, line), error.message()};
    };
    std::vector<Record> records;
    std::optional<Name> owner;
    Lexer lexer(text);
    while (true) {
        const auto entry = lexer.next();
        if (!entry) {
            return at_line(lexer.line(), entry.error());
        }
        if (!*entry) {
            return records;
        }
        auto record = read_record(**entry, owner);
        if (!record) {
            return at_line((*entry)->line, record.error());
        }
        if (records.size() == zone_text_records_max) {
            return at_line((*entry)->line, {Errc::limit_exceeded, "", "more than 10,000 records"});
        }
        owner = record->name;
        records.push_back(std::move(*record));
    }
}

Result<std::vector<IpAddress>> parse_root_hints(std::string_view text, std::string_view file) {
    POSTSEAL_TRY(const auto records, parse_zone_text(text, file));
    std::unordered_set<Name> hosts;
    for (const auto& record : records) {
        if (const auto* ns = std::get_if<NsData>(&record.data); ns != nullptr && record.name.is_root()) {
            hosts.insert(ns->host);
        }
    }
    std::vector<IpAddress> addresses;
    for (const auto& record : records) {
        if (const auto* data = std::get_if<AddressData>(&record.data); data != nullptr && hosts.contains(record.name)) {
            addresses.push_back(data->address);
        }
    }
    if (addresses.empty()) {
        return invalid_input(std::string(file), "no address of a name server of the root");
    }
    return addresses;
}

Result<std::vector<Record>> parse_trust_anchors(std::string_view text, std::string_view file) {
    POSTSEAL_TRY(auto records, parse_zone_text(text, file));
    for (const auto& record : records) {
        if (record.type != Type::ds && record.type != Type::dnskey) {
            return invalid_input(std::string(file), fmt::format("{} {}: a trust anchor is a DS or DNSKEY record",
                                                                record.name.fqdn(), to_string(record.type)));
        }
    }
    if (records.empty()) {
        return invalid_input(std::string(file), "no trust anchor");
    }
    return records;
}

}  // namespace postseal::dns
