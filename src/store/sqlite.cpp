#include "store/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <map>
#include <mutex>

namespace postseal::store {

namespace {

struct CloseConnection {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Error to_error(sqlite3* connection, std::string_view sql) {
    const int primary = sqlite3_errcode(connection) & 0xff;
    Errc code = Errc::unavailable;
    if (primary == SQLITE_CONSTRAINT) {
        code = Errc::refused;
    } else if (primary == SQLITE_ERROR || primary == SQLITE_MISUSE || primary == SQLITE_RANGE) {
        code = Errc::internal;
    }
    return {code, primary == SQLITE_FULL ? "disk" : "database",
            std::string(sqlite3_errmsg(connection)) + " in: " + std::string(sql.substr(0, 120))};
}

int bind(sqlite3_stmt* statement, int index, const Value& parameter) {
    if (const auto* number = std::get_if<std::int64_t>(&parameter)) {
        return sqlite3_bind_int64(statement, index, *number);
    }
    if (const auto* text = std::get_if<std::string>(&parameter)) {
        return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    if (const auto* bytes = std::get_if<Bytes>(&parameter)) {
        // A null pointer would bind NULL, and an empty vector may have one.
        return sqlite3_bind_blob64(statement, index, bytes->empty() ? "" : static_cast<const void*>(bytes->data()),
                                   bytes->size(), SQLITE_TRANSIENT);
    }
    return sqlite3_bind_null(statement, index);
}

Value column(sqlite3_stmt* statement, int index) {
    switch (sqlite3_column_type(statement, index)) {
        case SQLITE_INTEGER:
            return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
        case SQLITE_TEXT: {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
            return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, index)));
        }
        case SQLITE_BLOB: {
            const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, index));
            const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
            return size == 0 ? Bytes{} : Bytes(bytes, bytes + size);
        }
        default:
            return std::monostate{};
    }
}

// SQLite numbers its parameters ?1, ?2; our statements say $1, $2 as PostgreSQL does.
std::string to_sqlite_parameters(std::string_view sql) {
    std::string out(sql);
    for (char& c : out) {
        if (c == '$') {
            c = '?';
        }
    }
    return out;
}

class SqliteRow final : public RowView {
public:
    explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
    [[nodiscard]] std::int64_t number(std::size_t column) const override {
        return sqlite3_column_int64(statement_, static_cast<int>(column));
    }
    [[nodiscard]] std::string_view text(std::size_t column) const override {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, static_cast<int>(column)));
        const int bytes = sqlite3_column_bytes(statement_, static_cast<int>(column));
        return text == nullptr ? std::string_view() : std::string_view(text, static_cast<std::size_t>(bytes));
    }
    [[nodiscard]] Bytes bytes(std::size_t column) const override {
        const auto* blob = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, static_cast<int>(column)));
        const int size = sqlite3_column_bytes(statement_, static_cast<int>(column));
        return blob == nullptr ? Bytes() : Bytes(blob, blob + size);
    }

private:
    sqlite3_stmt* statement_;
};

class SqliteDatabase final : public Database {
public:
    explicit SqliteDatabase(Connection connection) : connection_(std::move(connection)) {}

    using Database::query;
    Result<Rows> query(std::string_view sql, const std::vector<Value>& parameters) override {
        const std::lock_guard lock(mutex_);
        POSTSEAL_TRY(sqlite3_stmt * statement, prepared(sql));
        const Reset reset{statement};
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            if (bind(statement, static_cast<int>(i) + 1, parameters[i]) != SQLITE_OK) {
                return to_error(connection_.get(), sql);
            }
        }
        Rows rows;
        while (true) {
            const int state = sqlite3_step(statement);
            if (state == SQLITE_DONE) {
                return rows;
            }
            if (state != SQLITE_ROW) {
                return to_error(connection_.get(), sql);
            }
            const int count = sqlite3_column_count(statement);
            std::vector<Value> columns;
            columns.reserve(static_cast<std::size_t>(count));
            for (int i = 0; i < count; ++i) {
                columns.push_back(column(statement, i));
            }
            rows.emplace_back(std::move(columns));
        }
    }

    Result<void> each(std::string_view sql, const std::function<void(const RowView&)>& row) override {
        const std::lock_guard lock(mutex_);
        const Mapped mapped{connection_.get()};
        POSTSEAL_TRY(sqlite3_stmt * statement, prepared(sql));
        const Reset reset{statement};
        int state = sqlite3_step(statement);
        for (; state == SQLITE_ROW; state = sqlite3_step(statement)) {
            row(SqliteRow(statement));
        }
        return state == SQLITE_DONE ? Result<void>() : Result<void>(to_error(connection_.get(), sql));
    }

    Result<void> transaction(const std::function<Result<void>()>& body) override {
        const std::lock_guard lock(mutex_);
        if (depth_ > 0) {
            return body();
        }
        if (auto begun = query("BEGIN IMMEDIATE"); !begun) {
            return begun.error();
        }
        ++depth_;
        Result<void> outcome = body();
        --depth_;
        if (outcome) {
            if (auto committed = query("COMMIT"); committed) {
                return outcome;
            } else {
                outcome = committed.error();
            }
        }
        (void)query("ROLLBACK");  // fails only where SQLite has rolled back by itself
        return outcome;
    }

private:
    struct Reset {
        sqlite3_stmt* statement;
        Reset(const Reset&) = delete;
        Reset& operator=(const Reset&) = delete;
        explicit Reset(sqlite3_stmt* s) : statement(s) {}
        ~Reset() {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
        }
    };

    // Pages come from a mapping for as long as it lives: half the time of reading a whole table. Not for good, since
    // what a disk cannot read is then a SIGBUS and no error.
    struct Mapped {
        sqlite3* connection;
        Mapped(const Mapped&) = delete;
        Mapped& operator=(const Mapped&) = delete;
        explicit Mapped(sqlite3* c) : connection(c) { set("PRAGMA mmap_size = 2147418112"); }  // SQLite's limit
        ~Mapped() { set("PRAGMA mmap_size = 0"); }
        void set(const char* pragma) const { sqlite3_exec(connection, pragma, nullptr, nullptr, nullptr); }
    };

    Result<sqlite3_stmt*> prepared(std::string_view sql) {
        const auto found = statements_.find(sql);
        if (found != statements_.end()) {
            return found->second.get();
        }
        sqlite3_stmt* raw = nullptr;
        const std::string text = to_sqlite_parameters(sql);
        if (sqlite3_prepare_v3(connection_.get(), text.c_str(), static_cast<int>(text.size()),
                               SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
            return to_error(connection_.get(), sql);
        }
        statements_.emplace(std::string(sql), Statement(raw));
        return raw;
    }

    // Recursive: the body of a transaction calls query() in the same thread.
    std::recursive_mutex mutex_;
    int depth_ = 0;
    Connection connection_;
    std::map<std::string, Statement, std::less<>> statements_;  // destroyed before the connection
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path) {
    sqlite3* raw = nullptr;
    const mode_t before = umask(0077);
    const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    umask(before);
    Connection connection(raw);
    if (opened != SQLITE_OK) {
        return Error{Errc::unavailable, path, connection ? sqlite3_errmsg(raw) : "out of memory"};
    }
    sqlite3_busy_timeout(raw, 5000);
    for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"}) {
        if (sqlite3_exec(raw, pragma, nullptr, nullptr, nullptr) != SQLITE_OK) {
            return Error{Errc::unavailable, path, sqlite3_errmsg(raw)};
        }
    }
    return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(std::move(connection)));
}

}  // namespace postseal::store
