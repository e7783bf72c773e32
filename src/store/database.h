// A SQL database as the rest of `store` sees it: SQLite or PostgreSQL behind the same interface. Statements are
// portable SQL with parameters $1, $2, …; the classes of store's other files hold the only SQL of the program.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace postseal::store {

using Value = std::variant<std::monostate, std::int64_t, std::string, Bytes>;

// Parameters from the types that the tables use.
inline Value null() {
    return std::monostate{};
}
inline Value value(std::int64_t number) {
    return number;
}
inline Value value(std::string text) {
    return text;
}
inline Value value(std::string_view text) {
    return std::string(text);
}
inline Value value(const char* text) {
    return std::string(text);
}
inline Value value(Bytes bytes) {
    return bytes;
}
inline Value value(TimePoint time) {
    return static_cast<std::int64_t>(time.time_since_epoch().count());
}
inline Value value(Day day) {
    return static_cast<std::int64_t>(day.time_since_epoch().count());
}
template <class T>
Value value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
}

// One result row. A column of another type than asked for is a broken schema: number 0, empty text, empty bytes.
class Row {
public:
    explicit Row(std::vector<Value> columns) : columns_(std::move(columns)) {}
    [[nodiscard]] bool is_null(std::size_t column) const;
    [[nodiscard]] std::int64_t number(std::size_t column) const;
    [[nodiscard]] std::string text(std::size_t column) const;
    [[nodiscard]] Bytes bytes(std::size_t column) const;
    [[nodiscard]] TimePoint time(std::size_t column) const { return TimePoint(Seconds(number(column))); }
    [[nodiscard]] Day day(std::size_t column) const { return Day(std::chrono::days(number(column))); }
    [[nodiscard]] std::optional<TimePoint> maybe_time(std::size_t column) const;
    [[nodiscard]] std::optional<std::string> maybe_text(std::size_t column) const;

private:
    std::vector<Value> columns_;
};
using Rows = std::vector<Row>;

// One result row that is looked at and not kept: what it hands out is gone with the next row.
class RowView {
public:
    RowView() = default;
    RowView(const RowView&) = delete;
    RowView& operator=(const RowView&) = delete;
    virtual ~RowView() = default;
    [[nodiscard]] virtual std::int64_t number(std::size_t column) const = 0;
    [[nodiscard]] virtual std::string_view text(std::size_t column) const = 0;
    [[nodiscard]] virtual Bytes bytes(std::size_t column) const = 0;
};

// A row that was kept, as a view of it.
class KeptRow final : public RowView {
public:
    explicit KeptRow(const Row& row) : row_(row) {}
    [[nodiscard]] std::int64_t number(std::size_t column) const override { return row_.number(column); }
    [[nodiscard]] std::string_view text(std::size_t column) const override {
        text_.push_back(row_.text(column));
        return text_.back();
    }
    [[nodiscard]] Bytes bytes(std::size_t column) const override { return row_.bytes(column); }

private:
    const Row& row_;
    mutable std::deque<std::string> text_;  // does not move what it holds
};

// Hears what other processes on the same database do, until it is destroyed.
class ChangeFeed {
public:
    struct Listener {                                   // called in the feed's own thread
        std::function<void(std::string_view)> changed;  // the payload of one notify()
        std::function<void()> missed;                   // the connection was lost for a while: look at everything again
    };
    ChangeFeed() = default;
    ChangeFeed(const ChangeFeed&) = delete;
    ChangeFeed& operator=(const ChangeFeed&) = delete;
    virtual ~ChangeFeed() = default;
};

// Thread-safe; every call blocks: run it on a WorkPool, never on an event loop.
class Database {
public:
    Database() = default;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    virtual ~Database() = default;

    // One statement and its rows. Errors: unavailable (disk, connection), refused (a constraint), internal (bad SQL).
    virtual Result<Rows> query(std::string_view sql, const std::vector<Value>& parameters) = 0;
    Result<Rows> query(std::string_view sql) { return query(sql, {}); }
    // For a million rows: hands each to `row`, which must not use the database, and keeps none.
    virtual Result<void> each(std::string_view sql, const std::function<void(const RowView&)>& row) = 0;
    // Runs `body` in a transaction that no other thread's statement can enter; rolled back when it returns an error.
    // Durable once this returns success. May be nested: the outermost counts.
    virtual Result<void> transaction(const std::function<Result<void>()>& body) = 0;
    // Tells every feed that listens on `channel`, that of this process included; within a transaction, when it commits.
    // SQLite has one process, and nobody to tell.
    virtual Result<void> notify(const std::string& channel, const std::string& payload);
    // A feed that listens on `channel` already. Nothing where no other process writes.
    virtual Result<std::unique_ptr<ChangeFeed>> listen(const std::string& channel, ChangeFeed::Listener listener);
    // Our CREATE TABLE statements are written for SQLite: self-numbering keys and bytes are called otherwise elsewhere.
    [[nodiscard]] virtual std::string schema_sql(std::string_view portable) const { return std::string(portable); }
};

}  // namespace postseal::store
