#include "store/postgres.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>

#include "store/postgres_connection.h"

namespace postseal::store {

std::string one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

bool succeeded(const PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

Result<PostgresConnection> connect_postgres(const std::string& url) {
    // What the URL says of these comes later and wins. A server that has vanished is noticed within seconds.
    constexpr std::array keywords{
        "connect_timeout",  "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
        "application_name", "client_encoding",  "dbname",          static_cast<const char*>(nullptr)};
    const std::array values{"5",        "10000", "10",        "5",
                            "postseal", "UTF8",  url.c_str(), static_cast<const char*>(nullptr)};
    PostgresConnection connection(PQconnectdbParams(keywords.data(), values.data(), 1));
    if (!connection) {
        return Error{Errc::unavailable, "database", "out of memory"};
    }
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        return Error{Errc::unavailable, "database", one_line(PQerrorMessage(connection.get()))};
    }
    // "table exists already, skipping" and the like.
    PQsetNoticeProcessor(
        connection.get(), [](void*, const char*) {}, nullptr);
    return connection;
}

namespace {

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// Types of PostgreSQL's catalogue (pg_type.dat) that our columns and expressions have.
enum Type : Oid { boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, numeric = 1700 };

// All transactions of Postseal on a database take this lock: "postseal" in ASCII. SQLite's BEGIN IMMEDIATE has the same
// effect, and whoever reads and then writes relies on it.
constexpr const char* lock_others_out = "SELECT pg_advisory_xact_lock(8101821198652236140)";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

// SQLSTATE classes (PostgreSQL manual, appendix A).
Errc code_of(const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view sqlstate = state == nullptr ? "" : state;
    if (sqlstate.starts_with("23") || sqlstate.starts_with("22")) {
        return Errc::refused;  // a constraint; data that no column can hold
    }
    if (sqlstate.starts_with("42") || sqlstate.starts_with("0A") || sqlstate.starts_with("25001")) {
        return Errc::internal;
    }
    return Errc::unavailable;
}

Value column(const PGresult* result, int row, int index) {
    if (PQgetisnull(result, row, index) != 0) {
        return std::monostate{};
    }
    const std::string_view text(PQgetvalue(result, row, index),
                                static_cast<std::size_t>(PQgetlength(result, row, index)));
    switch (PQftype(result, index)) {
        case boolean:
            return std::int64_t{text == "t" ? 1 : 0};
        case int2:
        case int4:
        case int8:
        case numeric: {  // the sum of a BIGINT column is NUMERIC
            std::int64_t number = 0;
            std::from_chars(text.data(), text.data() + text.size(), number);
            return number;
        }
        case bytea: {
            std::size_t size = 0;
            const std::unique_ptr<unsigned char, FreePostgresMemory> bytes(
                PQunescapeBytea(reinterpret_cast<const unsigned char*>(text.data()), &size));
            return bytes ? Value(Bytes(bytes.get(), bytes.get() + size)) : Value(std::monostate{});
        }
        default:
            return std::string(text);
    }
}

// The first and only row of a result, as the server wrote it; for columns of numbers and texts.
class PostgresRow final : public RowView {
public:
    explicit PostgresRow(const PGresult* result) : result_(result) {}
    [[nodiscard]] std::int64_t number(std::size_t index) const override {
        std::int64_t number = 0;
        const std::string_view digits = text(index);
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return number;
    }
    [[nodiscard]] std::string_view text(std::size_t index) const override {
        const int column = static_cast<int>(index);
        return {PQgetvalue(result_, 0, column), static_cast<std::size_t>(PQgetlength(result_, 0, column))};
    }
    [[nodiscard]] Bytes bytes(std::size_t index) const override {
        std::size_t size = 0;
        const std::unique_ptr<unsigned char, FreePostgresMemory> raw(PQunescapeBytea(
            reinterpret_cast<const unsigned char*>(PQgetvalue(result_, 0, static_cast<int>(index))), &size));
        return raw ? Bytes(raw.get(), raw.get() + size) : Bytes();
    }

private:
    const PGresult* result_;
};

// What one statement sends. Bytes and texts go as they are (format 1), so that no byte of them is anybody's syntax.
class Parameters {
public:
    explicit Parameters(const std::vector<Value>& values) {
        numbers_.reserve(values.size());  // pointers into it must not move
        for (const Value& value : values) {
            if (const auto* number = std::get_if<std::int64_t>(&value)) {
                numbers_.push_back(std::to_string(*number));
                add(numbers_.back().data(), numbers_.back().size(), 0);
            } else if (const auto* text = std::get_if<std::string>(&value)) {
                add(text->data(), text->size(), 1);
            } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
                // A null pointer would mean NULL, and an empty vector may have one.
                add(bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data()), bytes->size(), 1);
            } else {
                add(nullptr, 0, 0);
            }
        }
    }

    [[nodiscard]] int count() const { return static_cast<int>(pointers_.size()); }
    [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }
    [[nodiscard]] const int* lengths() const { return lengths_.data(); }
    [[nodiscard]] const int* formats() const { return formats_.data(); }

private:
    void add(const char* pointer, std::size_t length, int format) {
        pointers_.push_back(pointer);
        lengths_.push_back(static_cast<int>(length));
        formats_.push_back(format);
    }

    std::vector<std::string> numbers_;
    std::vector<const char*> pointers_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

class PostgresDatabase final : public Database {
public:
    PostgresDatabase(std::string url, PostgresConnection connection)
        : url_(std::move(url)), connection_(std::move(connection)) {}

    using Database::query;
    Result<Rows> query(std::string_view sql, const std::vector<Value>& parameters) override {
        const std::lock_guard lock(mutex_);
        if (auto connected = ensure_connected(); !connected) {
            return connected.error();
        }
        POSTSEAL_TRY(const std::string name, prepared(sql));
        const Parameters sent(parameters);
        const PostgresResult result(PQexecPrepared(connection_.get(), name.c_str(), sent.count(), sent.pointers(),
                                                   sent.lengths(), sent.formats(), 0));
        if (!succeeded(result.get())) {
            return failure(result.get(), sql);
        }
        Rows rows;
        const int row_count = PQntuples(result.get());
        const int column_count = PQnfields(result.get());
        rows.reserve(static_cast<std::size_t>(row_count));
        for (int row = 0; row < row_count; ++row) {
            std::vector<Value> columns;
            columns.reserve(static_cast<std::size_t>(column_count));
            for (int index = 0; index < column_count; ++index) {
                columns.push_back(column(result.get(), row, index));
            }
            rows.emplace_back(std::move(columns));
        }
        return rows;
    }

    // Row by row as the server sends them: neither side of the connection holds a million at once.
    Result<void> each(std::string_view sql, const std::function<void(const RowView&)>& row) override {
        const std::lock_guard lock(mutex_);
        if (auto connected = ensure_connected(); !connected) {
            return connected.error();
        }
        if (PQsendQuery(connection_.get(), std::string(sql).c_str()) != 1 ||
            PQsetSingleRowMode(connection_.get()) != 1) {
            return failure(nullptr, sql);
        }
        Result<void> outcome;
        while (const PostgresResult result{PQgetResult(connection_.get())}) {
            if (PQresultStatus(result.get()) == PGRES_SINGLE_TUPLE) {
                row(PostgresRow(result.get()));
            } else if (!succeeded(result.get()) && outcome) {
                outcome = failure(result.get(), sql);
            }
        }
        return outcome;
    }

    Result<void> transaction(const std::function<Result<void>()>& body) override {
        const std::lock_guard lock(mutex_);
        if (depth_ > 0) {
            return body();
        }
        if (auto connected = ensure_connected(); !connected) {
            return connected.error();
        }
        POSTSEAL_TRY([[maybe_unused]] const std::string begun, command("BEGIN"));
        ++depth_;
        const auto locked = command(lock_others_out);
        Result<void> outcome = locked ? body() : Result<void>(locked.error());
        --depth_;
        if (outcome) {
            auto ended = command("COMMIT");
            if (!ended) {
                return ended.error();
            }
            if (*ended == "COMMIT") {
                return outcome;
            }
            // The server says ROLLBACK where a statement had failed and `body` went on.
            return Error{Errc::internal, "database", "a transaction went on after one of its statements had failed"};
        }
        (void)command("ROLLBACK");  // fails only where the connection is lost, which rolls back as well
        return outcome;
    }

    Result<void> notify(const std::string& channel, const std::string& payload) override {
        const auto told = query("SELECT pg_notify($1, $2)", {value(channel), value(payload)});
        return told ? Result<void>() : Result<void>(told.error());
    }

    Result<std::unique_ptr<ChangeFeed>> listen(const std::string& channel, ChangeFeed::Listener listener) override {
        return listen_postgres(url_, channel, std::move(listener));
    }

    [[nodiscard]] std::string schema_sql(std::string_view portable) const override {
        std::string sql(portable);
        replace_all(sql, "INTEGER PRIMARY KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY");
        replace_all(sql, " BLOB ", " BYTEA ");
        // Names are in the order of their bytes, as in SQLite, whatever the language of the database.
        replace_all(sql, " TEXT PRIMARY KEY", " TEXT COLLATE \"C\" PRIMARY KEY");
        return sql;
    }

private:
    // A connection that the server has closed (a restart, a fail-over) is opened anew before a statement goes out, not
    // after one failed: then nobody would know whether it was carried out.
    Result<void> ensure_connected() {
        if (PQconsumeInput(connection_.get()) != 0 && PQstatus(connection_.get()) == CONNECTION_OK) {
            return {};
        }
        if (depth_ > 0) {
            return Error{Errc::unavailable, "database", "the connection was lost within a transaction"};
        }
        POSTSEAL_TRY(connection_, connect_postgres(url_));
        prepared_.clear();
        return {};
    }

    Error failure(const PGresult* result, std::string_view sql) const {
        const std::string text = one_line(PQerrorMessage(connection_.get()));
        const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const bool disk_full = state != nullptr && std::string_view(state) == "53100";
        return {code_of(result), disk_full ? "disk" : "database", text + " in: " + std::string(sql.substr(0, 120))};
    }

    // A statement without parameters or rows; returns the server's word for what it did.
    Result<std::string> command(const char* sql) {
        const PostgresResult result(PQexec(connection_.get(), sql));
        if (!succeeded(result.get())) {
            return failure(result.get(), sql);
        }
        return std::string(PQcmdStatus(result.get()));
    }

    Result<std::string> prepared(std::string_view sql) {
        if (const auto found = prepared_.find(sql); found != prepared_.end()) {
            return found->second;
        }
        const std::string name = fmt::format("s{}", prepared_.size());
        const PostgresResult result(PQprepare(connection_.get(), name.c_str(), std::string(sql).c_str(), 0, nullptr));
        if (!succeeded(result.get())) {
            return failure(result.get(), sql);
        }
        prepared_.emplace(std::string(sql), name);
        return name;
    }

    // Recursive: the body of a transaction calls query() in the same thread.
    std::recursive_mutex mutex_;
    int depth_ = 0;
    const std::string url_;
    PostgresConnection connection_;
    std::map<std::string, std::string, std::less<>> prepared_;  // SQL to the name of its prepared statement
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const std::string& url) {
    char* problem = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.c_str(), &problem));
    const std::unique_ptr<char, FreePostgresMemory> owned(problem);
    if (!options) {
        return invalid_input("[store] url", problem == nullptr ? "cannot be read" : one_line(problem));
    }
    POSTSEAL_TRY(PostgresConnection connection, connect_postgres(url));
    constexpr int oldest = 150000;
    if (PQserverVersion(connection.get()) < oldest) {
        return Error{Errc::refused, "database",
                     fmt::format("PostgreSQL 15 or later is needed, the server is {}",
                                 PQparameterStatus(connection.get(), "server_version"))};
    }
    if (const char* encoding = PQparameterStatus(connection.get(), "server_encoding");
        encoding == nullptr || std::string_view(encoding) != "UTF8") {
        return Error{Errc::refused, "database",
                     "its encoding must be UTF8: createdb --encoding=UTF8 --template=template0"};
    }
    return std::unique_ptr<Database>(std::make_unique<PostgresDatabase>(url, std::move(connection)));
}

}  // namespace postseal::store
