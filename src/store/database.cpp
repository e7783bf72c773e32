#include "store/database.h"

namespace postseal::store {

namespace {

template <class T>
T column_as(const std::vector<Value>& columns, std::size_t column) {
    if (column < columns.size()) {
        if (const T* held = std::get_if<T>(&columns[column])) {
            return *held;
        }
    }
    return T{};
}

}  // namespace

Result<void> Database::notify(const std::string& /*channel*/, const std::string& /*payload*/) {
    return {};
}

Result<std::unique_ptr<ChangeFeed>> Database::listen(const std::string& /*channel*/,
                                                     ChangeFeed::Listener /*listener*/) {
    return std::unique_ptr<ChangeFeed>();
}

bool Row::is_null(std::size_t column) const {
    return column >= columns_.size() || std::holds_alternative<std::monostate>(columns_[column]);
}

std::int64_t Row::number(std::size_t column) const {
    return column_as<std::int64_t>(columns_, column);
}

std::string Row::text(std::size_t column) const {
    return column_as<std::string>(columns_, column);
}

Bytes Row::bytes(std::size_t column) const {
    return column_as<Bytes>(columns_, column);
}

std::optional<TimePoint> Row::maybe_time(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
}

std::optional<std::string> Row::maybe_text(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(text(column));
}

}  // namespace postseal::store
