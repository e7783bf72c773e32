#include "tlsrpt/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"

namespace postseal::tlsrpt {

namespace {

constexpr std::size_t entries_looked_at_max = 1000;

struct Close {
    void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, Close>;

std::string name_of(archive_entry* entry) {
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) {
        name = archive_entry_pathname(entry);
    }
    return to_valid_utf8(name == nullptr ? "" : name);
}

bool is_mac_companion(std::string_view name) {
    const auto slash = name.rfind('/');
    const std::string_view base = slash == std::string_view::npos ? name : name.substr(slash + 1);
    return name.starts_with("__MACOSX/") || base.starts_with("._") || base == ".DS_Store";
}

// The other methods that libarchive knows want memory by the sender's word; mail software does not use them.
bool is_common_method(archive* a) {
    const char* text = archive_format_name(a);
    const std::string_view format = text == nullptr ? "" : text;
    return format.find("(deflation)") != std::string_view::npos ||
           format.find("(uncompressed)") != std::string_view::npos;
}

Error error_of(archive* a) {
    const char* text = archive_error_string(a);
    return invalid_input("zip", text == nullptr ? "damaged" : printable(text, 200));
}

Result<Bytes> contents_of(archive* a, archive_entry* entry, const ReadLimits& limits, std::size_t& bytes_left) {
    if (archive_entry_is_encrypted(entry) != 0) {
        return invalid_input("zip", "encrypted");
    }
    if (!is_common_method(a)) {
        return invalid_input("zip", "packed by a method other than deflate");
    }
    const std::size_t bytes_max = std::min(limits.json_bytes_max, bytes_left);
    Bytes bytes;
    std::array<std::uint8_t, 64 * 1024> chunk{};
    while (true) {
        const la_ssize_t count = archive_read_data(a, chunk.data(), chunk.size());
        if (count < 0) {
            return error_of(a);
        }
        if (count == 0) {
            return bytes;
        }
        const auto size = static_cast<std::size_t>(count);
        bytes_left -= std::min(size, bytes_left);
        if (bytes.size() + size > bytes_max) {
            return Error{Errc::limit_exceeded, "zip", fmt::format("inflates to more than {} bytes", bytes_max)};
        }
        bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + count);
    }
}

// By its table of contents a reader goes from file to file without inflating what it does not want. A zip that was cut
// off has lost its table, which stands at the end.
enum class Order { by_table, as_it_comes };

Archive open(ByteView zip, Order order) {
    Archive a(archive_read_new());
    order == Order::by_table ? archive_read_support_format_zip_seekable(a.get())
                             : archive_read_support_format_zip_streamable(a.get());
    archive_read_support_filter_none(a.get());
    return archive_read_open_memory(a.get(), zip.data(), zip.size()) == ARCHIVE_OK ? std::move(a) : nullptr;
}

bool is_too_large(const ZipEntry& entry) {
    return !entry.bytes && entry.bytes.error().code == Errc::limit_exceeded;
}

Result<std::vector<ZipEntry>> read_entries(ByteView zip, Order order, const ReadLimits& limits,
                                           std::size_t& bytes_left) {
    const Archive a = open(zip, order);
    if (!a) {
        return invalid_input("zip", "damaged");
    }
    std::vector<ZipEntry> entries;
    for (std::size_t looked_at = 0;; ++looked_at) {
        archive_entry* entry = nullptr;
        const int status = archive_read_next_header(a.get(), &entry);
        if (status == ARCHIVE_EOF) {
            break;
        }
        if (status < ARCHIVE_WARN) {
            if (entries.empty()) {
                return error_of(a.get());
            }
            if (entries.back().bytes) {  // else that entry told already that the zip is damaged
                entries.push_back({"", error_of(a.get())});
            }
            break;
        }
        if (looked_at == entries_looked_at_max) {
            entries.push_back({"", Error{Errc::limit_exceeded, "zip", fmt::format("more than {} files", looked_at)}});
            break;
        }
        std::string name = name_of(entry);
        if (archive_entry_filetype(entry) == AE_IFDIR || name.ends_with('/') || is_mac_companion(name)) {
            continue;
        }
        if (bytes_left == 0) {
            entries.push_back({std::move(name), Error{Errc::limit_exceeded, "zip",
                                                      "not read, nor what follows it: what stands before it inflates "
                                                      "to more than we read of one input"}});
            break;
        }
        entries.push_back({std::move(name), contents_of(a.get(), entry, limits, bytes_left)});
        if (order == Order::as_it_comes && is_too_large(entries.back())) {
            bytes_left = 0;  // the way to the next file leads through all that this one inflates to
            break;
        }
    }
    return entries;
}

}  // namespace

bool looks_like_zip(ByteView bytes) {
    return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' &&
           ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6));
}

Result<std::vector<ZipEntry>> unzip(ByteView zip, const ReadLimits& limits, std::size_t& bytes_left) {
    auto entries = read_entries(zip, Order::by_table, limits, bytes_left);
    return entries ? std::move(entries) : read_entries(zip, Order::as_it_comes, limits, bytes_left);
}

}  // namespace postseal::tlsrpt
